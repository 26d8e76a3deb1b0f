//! `GET /v1/search`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Principal, Role, SessionStatus, Snippet, TextQuery},
    clock::Timestamp,
    id::{MessageId, SessionId},
    store::{SearchMatch, SearchPosition},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cursor;
use crate::{
    error::ApiError,
    extract::{QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem},
    state::AppState,
};

/// Default page size, in messages.
const DEFAULT_LIMIT: usize = 20;
/// A page size, in messages.
type PageSize = WholeNumber<usize, 1, 50>;

/// The query parameters for searching messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, and phrases in double quotes, all of which must occur in a message. Case and accents are ignored.
    #[param(required, max_length = 200)]
    q: Option<String>,
    /// The session to search.
    #[param(required)]
    chat_session_id: Option<String>,
    /// The page size; defaults to 20.
    #[param(inline)]
    limit: Option<PageSize>,
    /// The `next_cursor` of the previous page.
    #[serde(default, deserialize_with = "cursor::deserialize")]
    #[param(value_type = Option<String>)]
    cursor: Option<SearchPosition>,
}

/// A page of search results.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResults {
    /// The messages that match, newest turns first.
    pub items: Vec<SearchResult>,
    /// The cursor of the next page; null on the last page. A page that is not the last one may be empty.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// A message that matches.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResult {
    /// The session.
    pub session: FoundSession,
    /// The ID of the message.
    pub message_id: MessageId,
    /// The turn of the message.
    pub turn: i64,
    /// The role of the message.
    pub role: Role,
    /// When the message was created.
    pub created_at: Timestamp,
    /// The part of the message around the first match.
    #[serde(flatten)]
    pub snippet: Snippet,
}

/// The session of a search result.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundSession {
    /// The ID.
    pub id: SessionId,
    /// The title; may be empty.
    pub title: String,
    /// The status.
    pub status: SessionStatus,
    /// The key of the agent.
    pub agent_key: String,
}

/// Searches the messages of a session.
#[utoipa::path(
    get,
    path = "/v1/search",
    operation_id = "search",
    tag = "messages",
    summary = "Search messages",
    description = "Searches the text of a session's messages. A message is found as soon as it is stored, and never \
                   after it has been deleted.",
    params(SearchQuery),
    responses(
        (status = 200, description = "A page of results.", body = SearchResults),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    QueryParams(query): QueryParams<SearchQuery>,
) -> Result<Json<SearchResults>, ApiError> {
    let id = query.chat_session_id.ok_or_else(|| ApiError::invalid("chat_session_id", "is required"))?;
    let id: SessionId = id.parse().map_err(|_| ApiError::not_found())?;
    let limit = query.limit.map_or(DEFAULT_LIMIT, |WholeNumber(limit)| limit);
    // Ownership is checked before the text.
    let agent_key = state.store.find_agent_key(&principal.user, id).await?.ok_or_else(ApiError::not_found)?;
    let text = query.q.ok_or_else(|| ApiError::invalid("q", "is required"))?;
    let text = TextQuery::parse(&text).map_err(|error| ApiError::invalid("q", error.to_string()))?;

    let page = state.store.search_session(&principal.user, id, &text, query.cursor, limit).await?;

    let (title, status) = (page.session.title, page.session.status);
    let session = FoundSession { id, title, status, agent_key };
    let items = page.items.into_iter().map(|found| result(session.clone(), found)).collect();
    Ok(Json(SearchResults { items, next_cursor: page.next.map(cursor::encode) }))
}

fn result(session: FoundSession, found: SearchMatch) -> SearchResult {
    let SearchMatch { message_id, turn, role, created_at, snippet } = found;
    SearchResult { session, message_id, turn, role, created_at, snippet }
}

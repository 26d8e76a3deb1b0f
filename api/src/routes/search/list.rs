//! `GET /v1/search`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Principal, Role, SessionStatus, Snippet, TextQuery, TextQueryError, WordQuery},
    clock::Timestamp,
    id::{MessageId, SessionId},
    store::{SearchFilter, SearchHit, SearchOptions, SearchOrder, SearchPosition, SearchText},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cursor;
use crate::{
    error::ApiError,
    extract::{QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem},
    routes::sessions::list::StatusFilter,
    state::AppState,
};

/// Default page size, in results.
const DEFAULT_LIMIT: usize = 20;
/// A page size, in results.
type PageSize = WholeNumber<usize, 1, 50>;

/// The query parameters for searches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, and phrases in double quotes, all of which must occur in a message or in a title. The last word may be
    /// the beginning of a word. Case and accents are ignored.
    #[param(required, max_length = 200)]
    q: Option<String>,
    /// Only messages of this session.
    chat_session_id: Option<String>,
    /// Only sessions with this agent.
    agent_key: Option<String>,
    /// Only sessions with this status; defaults to `all`.
    #[param(inline)]
    status: Option<StatusFilter>,
    /// The order; defaults to `recent`.
    #[serde(default)]
    #[param(inline, required = false)]
    sort: Sort,
    /// What matches; defaults to `words`.
    #[serde(default, rename = "match")]
    #[param(inline, required = false)]
    match_mode: MatchMode,
    /// The page size; defaults to 20.
    #[param(inline)]
    limit: Option<PageSize>,
    /// The `next_cursor` of the previous page.
    #[serde(default, deserialize_with = "cursor::deserialize")]
    #[param(value_type = Option<String>)]
    cursor: Option<SearchPosition>,
}

/// The order of the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Newest first.
    #[default]
    Recent,
    /// Best match first, among up to 200 results at a time, beginning with the newest.
    Relevance,
}

/// What matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchMode {
    /// Whole words, and the beginning of the last one.
    #[default]
    Words,
    /// Any part of a text, including punctuation. Requires `chat_session_id`.
    Text,
}

/// A page of search results.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResults {
    /// The messages and titles that match.
    pub items: Vec<SearchResult>,
    /// The cursor of the next page; null on the last page. A page that is not the last one may be empty.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// A message or a title that matches.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchResult {
    /// The session.
    pub session: FoundSession,
    /// The ID of the message; null if the title matches.
    #[schema(required)]
    pub message_id: Option<MessageId>,
    /// The turn of the message; null if the title matches.
    #[schema(required)]
    pub turn: Option<i64>,
    /// The role of the message; null if the title matches.
    #[schema(required)]
    pub role: Option<Role>,
    /// When the message was created or, if the title matches, when the session was created.
    pub created_at: Timestamp,
    /// The part of the message or of the title around the first match.
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

/// Searches messages and titles.
#[utoipa::path(
    get,
    path = "/v1/search",
    operation_id = "search",
    tag = "messages",
    summary = "Search messages and titles",
    description = "Searches the text of the user's messages and the titles of the user's sessions. A message is found \
                   as soon as it is stored, and never after it has been deleted.",
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
    let user = &principal.user;
    let session_id = match &query.chat_session_id {
        Some(id) => {
            let id: SessionId = id.parse().map_err(|_| ApiError::not_found())?;
            // Ownership is checked before the text.
            state.store.find_workplace(user, id).await?.ok_or_else(ApiError::not_found)?;
            Some(id)
        }
        None => None,
    };
    let text = query.q.as_deref().ok_or_else(|| ApiError::invalid("q", "is required"))?;
    let invalid = |error: TextQueryError| ApiError::invalid("q", error.to_string());
    let options = options(&query)?;
    let page = match (query.match_mode, session_id) {
        (MatchMode::Words, None) => {
            let words = WordQuery::parse(text).map_err(invalid)?;
            state.store.search(user, &words, &options).await?
        }
        (MatchMode::Words, Some(id)) => {
            let words = SearchText::Words(WordQuery::parse(text).map_err(invalid)?);
            state.store.search_session(user, id, &words, &options).await?
        }
        (MatchMode::Text, Some(id)) => {
            let parts = SearchText::Parts(TextQuery::parse(text).map_err(invalid)?);
            state.store.search_session(user, id, &parts, &options).await?
        }
        (MatchMode::Text, None) => return Err(ApiError::invalid("match", "`text` requires `chat_session_id`")),
    };
    let items = page.items.into_iter().map(SearchResult::from).collect();
    Ok(Json(SearchResults { items, next_cursor: page.next.map(cursor::encode) }))
}

fn options(query: &SearchQuery) -> Result<SearchOptions, ApiError> {
    let order = match query.sort {
        Sort::Recent => SearchOrder::Recent,
        Sort::Relevance => SearchOrder::Relevance,
    };
    if query.cursor.is_some_and(|position| position.order() != order) {
        return Err(ApiError::invalid("cursor", "must be a `next_cursor` of a search with the same `sort`"));
    }
    let status = query.status.unwrap_or(StatusFilter::All).into();
    Ok(SearchOptions {
        filter: SearchFilter { agent_key: query.agent_key.clone(), status },
        order,
        after: query.cursor,
        limit: query.limit.map_or(DEFAULT_LIMIT, |WholeNumber(limit)| limit),
    })
}

impl From<SearchHit> for SearchResult {
    fn from(hit: SearchHit) -> Self {
        let session =
            FoundSession { id: hit.session_id, title: hit.title, status: hit.status, agent_key: hit.agent_key };
        Self {
            session,
            message_id: hit.message.map(|message| message.id),
            turn: hit.message.map(|message| message.turn),
            role: hit.message.map(|message| message.role),
            created_at: hit.created_at,
            snippet: hit.snippet,
        }
    }
}

//! `GET /v1/chat`

use std::borrow::Cow;

use axum::{Json, extract::State};
use banter_shared::{
    chat::{MAX_TITLE_CHARS, Principal, Session, SessionStatus, clean_line},
    event::Cursor,
    store::{SessionCursor, SessionFilter},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cursor;
use crate::{
    error::ApiError,
    extract::{QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem},
    state::AppState,
};

/// Default page size, in sessions.
const DEFAULT_LIMIT: u32 = 50;
/// A page size, in sessions.
type PageSize = WholeNumber<u32, 1, 100>;

/// The query parameters for listing sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Filter by status; defaults to `active`.
    #[param(inline)]
    status: Option<StatusFilter>,
    /// Text that the title must contain.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `true` returns only sessions with unread answers.
    unread: Option<bool>,
    /// The page size; defaults to 50.
    #[param(inline)]
    limit: Option<PageSize>,
    /// The `next_cursor` of the previous page.
    #[serde(default, deserialize_with = "cursor::deserialize")]
    #[param(value_type = Option<String>)]
    cursor: Option<SessionCursor>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions, pinned ones first, then by last activity.
    pub items: Vec<Session>,
    /// The cursor of the next page; null on the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The event cursor that matches this exact state.
    pub as_of: Cursor,
}

/// Lists the user's sessions.
#[utoipa::path(
    get,
    path = "/v1/chat",
    operation_id = "listSessions",
    tag = "sessions",
    summary = "List sessions",
    params(
        ListQuery,
    ),
    responses((status = 200, description = "A page of sessions.", body = SessionList), AnyProblem, InvalidProblem),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<SessionList>, ApiError> {
    let limit = query.limit.map_or(DEFAULT_LIMIT, |WholeNumber(limit)| limit);
    let filter = filter(query)?;

    let page = state.store.list_sessions(&principal.user, &filter, limit).await?;

    Ok(Json(SessionList { items: page.items, next_cursor: page.next.as_ref().map(cursor::encode), as_of: page.as_of }))
}

/// A filter by session status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusFilter {
    /// Active sessions.
    Active,
    /// Archived sessions.
    Archived,
    /// All sessions.
    All,
}

impl From<StatusFilter> for Option<SessionStatus> {
    fn from(choice: StatusFilter) -> Self {
        match choice {
            StatusFilter::Active => Some(SessionStatus::Active),
            StatusFilter::Archived => Some(SessionStatus::Archived),
            StatusFilter::All => None,
        }
    }
}

fn filter(query: ListQuery) -> Result<SessionFilter, ApiError> {
    // Stored titles were cleaned in the same way.
    let title_contains = query.q.as_deref().map(clean_line).filter(|text| !text.is_empty());
    if title_contains.as_ref().is_some_and(|text| text.chars().count() > MAX_TITLE_CHARS) {
        return Err(ApiError::invalid("q", format!("must be at most {MAX_TITLE_CHARS} characters")));
    }
    Ok(SessionFilter {
        status: query.status.unwrap_or(StatusFilter::Active).into(),
        title_contains: title_contains.map(Cow::into_owned),
        unread: query.unread.unwrap_or(false),
        after: query.cursor,
    })
}

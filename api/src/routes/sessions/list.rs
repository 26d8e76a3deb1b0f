//! `GET /v1/chat`

use std::borrow::Cow;

use axum::{Json, extract::State};
use banter_shared::{
    chat::{MAX_TITLE_CHARS, Principal, Session, SessionStatus, clean_line},
    event::Cursor,
    store::SessionFilter,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor;
use crate::{
    error::ApiError,
    extract::QueryParams,
    openapi::{AnyProblem, InvalidProblem},
    state::AppState,
};

/// Default page size.
const DEFAULT_LIMIT: u32 = 50;
/// Maximum page size.
const MAX_LIMIT: u32 = 100;

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions, pinned ones first, then by last activity.
    pub items: Vec<Session>,
    /// The cursor of the next page; null on the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The event cursor of exactly this state.
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
        ("status" = inline(Option<StatusFilter>), Query, description = "Filter by status; defaults to `active`."),
        ("q" = Option<String>, Query, description = "Text that the title must contain.", max_length = 200),
        ("unread" = Option<bool>, Query, description = "`true` returns only sessions with unread answers."),
        ("limit" = Option<u32>, Query, description = "The page size; defaults to 50.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "One page.", body = SessionList), AnyProblem, InvalidProblem),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    query: QueryParams,
) -> Result<Json<SessionList>, ApiError> {
    let limit = query.number("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let filter = filter(&query)?;

    let page = state.store.list_sessions(&principal.user, &filter, limit).await?;

    Ok(Json(SessionList { items: page.items, next_cursor: page.next.as_ref().map(cursor::encode), as_of: page.as_of }))
}

/// The status filter of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
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

fn filter(query: &QueryParams) -> Result<SessionFilter, ApiError> {
    let statuses = [("active", StatusFilter::Active), ("archived", StatusFilter::Archived), ("all", StatusFilter::All)];
    // Stored titles are cleaned in the same way.
    let title_contains = query.text("q").map(clean_line).filter(|text| !text.is_empty());
    if title_contains.as_ref().is_some_and(|text| text.chars().count() > MAX_TITLE_CHARS) {
        return Err(ApiError::invalid("q", format!("must be at most {MAX_TITLE_CHARS} characters")));
    }
    let after = query
        .text("cursor")
        .map(|text| {
            cursor::decode(text)
                .ok_or_else(|| ApiError::invalid("cursor", "must be a `next_cursor` returned by this endpoint"))
        })
        .transpose()?;
    Ok(SessionFilter {
        status: query.choice("status", &statuses)?.unwrap_or(StatusFilter::Active).into(),
        title_contains: title_contains.map(Cow::into_owned),
        unread: query.choice("unread", &[("true", true), ("false", false)])?.unwrap_or(false),
        after,
    })
}

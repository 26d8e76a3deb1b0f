//! `GET /v1/chat/{id}/messages`

use axum::{extract::State, response::Response};
use banter_shared::{
    chat::{Message, Principal},
    store::TurnBound,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{DEFAULT_TURNS, MAX_TURNS};
use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    response_memory::MemoryReservation,
    state::AppState,
};

/// A page of a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageList {
    /// Complete turns in ascending order: at most `limit`, and about 2 MiB of content unless a single turn exceeds
    /// that.
    pub items: Vec<Message>,
    /// Whether there are older turns; with `after_turn`, newer turns.
    pub has_more: bool,
}

/// Lists messages in pages of complete turns.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/messages",
    operation_id = "listMessages",
    tag = "messages",
    summary = "List messages",
    params(
        SessionPath,
        ("before_turn" = Option<i64>, Query, description = "Return the newest turns before this one."),
        ("after_turn" = Option<i64>, Query, description = "Return the oldest turns after this one."),
        ("limit" = Option<u32>, Query, description = "Maximum number of turns; defaults to 50.", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "One page.", body = MessageList),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    query: QueryParams,
    memory: MemoryReservation,
) -> Result<Response, ApiError> {
    let limit = query.number("limit", 1..=MAX_TURNS)?.unwrap_or(DEFAULT_TURNS);
    let bound = bound(&query)?;

    let page = state.store.list_messages(&principal.user, id, bound, limit).await?;

    let bytes = super::approximate_bytes(&page.items);
    memory.list(&json!({}), ("items", page.items), &json!({"has_more": page.has_more}), bytes)
}

fn bound(query: &QueryParams) -> Result<TurnBound, ApiError> {
    let all = 0..=i64::MAX;
    match (query.number("before_turn", all.clone())?, query.number("after_turn", all)?) {
        (None, None) => Ok(TurnBound::Newest),
        (Some(turn), None) => Ok(TurnBound::Before(turn)),
        (None, Some(turn)) => Ok(TurnBound::After(turn)),
        (Some(_), Some(_)) => Err(ApiError::invalid("after_turn", "must not be combined with `before_turn`")),
    }
}

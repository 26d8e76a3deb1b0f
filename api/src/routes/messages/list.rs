//! `GET /v1/chat/{id}/messages`

use axum::{extract::State, response::Response};
use banter_shared::{
    chat::{Message, Principal},
    store::TurnBound,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{DEFAULT_TURNS, PageTurns};
use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    response_memory::MemoryReservation,
    state::AppState,
};

/// The query parameters for listing messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Return the newest turns before the turn with this number.
    #[param(value_type = Option<i64>)]
    before_turn: Option<TurnNumber>,
    /// Return the oldest turns after the turn with this number.
    #[param(value_type = Option<i64>)]
    after_turn: Option<TurnNumber>,
    /// Maximum number of turns; defaults to 50.
    #[param(inline)]
    limit: Option<PageTurns>,
}

/// The number of a turn, which need not exist.
type TurnNumber = WholeNumber<i64, 0, { i64::MAX }>;

/// A page of a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageList {
    /// Complete turns in ascending order: at most `limit` turns and 2 MiB of content. A larger turn is returned alone.
    pub items: Vec<Message>,
    /// Whether older turns exist; if `after_turn` is set, whether newer turns exist.
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
        ListQuery,
    ),
    responses(
        (status = 200, description = "A page of turns.", body = MessageList),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<ListQuery>,
    memory: MemoryReservation,
) -> Result<Response, ApiError> {
    let limit = query.limit.map_or(DEFAULT_TURNS, |WholeNumber(limit)| limit);
    let bound = bound(&query)?;

    let page = state.store.list_messages(&principal.user, id, bound, limit).await?;

    let bytes = super::approximate_bytes(&page.items);
    memory.list(&json!({}), ("items", page.items), &json!({"has_more": page.has_more}), bytes)
}

fn bound(query: &ListQuery) -> Result<TurnBound, ApiError> {
    match (query.before_turn, query.after_turn) {
        (None, None) => Ok(TurnBound::Newest),
        (Some(WholeNumber(turn)), None) => Ok(TurnBound::Before(turn)),
        (None, Some(WholeNumber(turn))) => Ok(TurnBound::After(turn)),
        (Some(_), Some(_)) => Err(ApiError::invalid("after_turn", "must not be combined with `before_turn`")),
    }
}

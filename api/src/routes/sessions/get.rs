//! `GET /v1/chat/{id}`

use axum::{extract::State, response::Response};
use banter_shared::{
    chat::{Message, Partial, Principal, Session},
    event::Cursor,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, ResponseRoom},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    routes::messages::{DEFAULT_TURNS, MAX_TURNS, held_bytes},
    state::AppState,
};

/// A session with the newest part of its transcript, all as of one moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thread {
    /// The session.
    pub session: Session,
    /// Its newest turns, ascending: at most `limit`, and at most about 2 MiB of content unless a single turn has more.
    pub messages: Vec<Message>,
    /// Whether older turns exist.
    pub has_more: bool,
    /// The text so far of the running answer; null when nothing runs.
    #[schema(required)]
    pub partial: Option<Partial>,
    /// The position in the event stream of exactly this state.
    pub as_of: Cursor,
}

/// Shows a session with its newest turns.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}",
    operation_id = "getSession",
    tag = "sessions",
    summary = "Show a session with its newest turns",
    params(
        SessionPath,
        ("limit" = Option<u32>, Query, description = "How many turns; 50 unless given.", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "The session.", body = Thread),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn get(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession(id): OwnedSession,
    query: QueryParams,
    room: ResponseRoom,
) -> Result<Response, ApiError> {
    let limit = query.number("limit", 1..=MAX_TURNS)?.unwrap_or(DEFAULT_TURNS);

    let thread = state.store.get_thread(&principal.user, id, limit).await?;

    let bytes = held_bytes(&thread.messages);
    room.list(
        &json!({"session": thread.session}),
        ("messages", thread.messages),
        &json!({"has_more": thread.has_more, "partial": thread.partial, "as_of": thread.as_of}),
        bytes,
    )
}

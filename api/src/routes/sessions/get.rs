//! `GET /v1/chat/{id}`

use axum::{extract::State, response::Response};
use banter_shared::{
    chat::{Message, Partial, Principal, Session},
    event::Cursor,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, WholeNumber},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    response_memory::MemoryReservation,
    routes::messages::{DEFAULT_TURNS, PageTurns, approximate_bytes},
    state::AppState,
};

/// The query parameters for getting a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GetQuery {
    /// Maximum number of turns; defaults to 50.
    #[param(inline)]
    limit: Option<PageTurns>,
}

/// A session and the newest part of its transcript, read from one consistent snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thread {
    /// The session.
    pub session: Session,
    /// The newest turns, oldest first: at most `limit` turns and 2 MiB of content. A larger turn is returned alone.
    pub messages: Vec<Message>,
    /// Whether there are older turns.
    pub has_more: bool,
    /// The partial text of the answer in progress; null if no task is running.
    #[schema(required)]
    pub partial: Option<Partial>,
    /// The event cursor that matches this exact state.
    pub as_of: Cursor,
}

/// Returns a session and its newest turns.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}",
    operation_id = "getSession",
    tag = "sessions",
    summary = "Get a session and its newest turns",
    params(
        SessionPath,
        GetQuery,
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
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<GetQuery>,
    memory: MemoryReservation,
) -> Result<Response, ApiError> {
    let limit = query.limit.map_or(DEFAULT_TURNS, |WholeNumber(limit)| limit);

    let thread = state.store.get_thread(&principal.user, id, limit).await?;

    let bytes = approximate_bytes(&thread.messages);
    memory.list(
        &json!({"session": thread.session}),
        ("messages", thread.messages),
        &json!({"has_more": thread.has_more, "partial": thread.partial, "as_of": thread.as_of}),
        bytes,
    )
}

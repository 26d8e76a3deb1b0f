//! `GET /v1/chat/{id}/events`

use axum::{extract::State, http::HeaderMap, response::Response};
use banter_shared::event::Event;

use super::requested_cursor;
use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, StreamReader},
    openapi::{AnyProblem, LastEventIdParam, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Streams the events of one session.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/events",
    operation_id = "sessionEvents",
    tag = "events",
    summary = "Follow one session",
    description = "Server-sent events: `id` is the cursor (of durable events), `event` the type, `data` one `Event`. A \
                   stream starts with `hello`, goes on after the cursor, and never ends by itself.",
    params(
        SessionPath,
        LastEventIdParam,
        ("after" = Option<String>, Query, description = "A cursor: `as_of`, or the last `id` seen."),
        ("token" = Option<String>, Query, description = "A ticket of `POST /v1/auth/sse-token`, in place of a key."),
    ),
    responses(
        (status = 200, description = "The stream.", body = Event, content_type = "text/event-stream"),
        AnyProblem,
        NotFoundProblem,
    ),
)]
pub async fn session(
    State(state): State<AppState>,
    StreamReader(principal): StreamReader,
    OwnedSession(id): OwnedSession,
    query: QueryParams,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let requested = requested_cursor(&headers, &query);

    Ok(state.hub.open(principal, Some(id), requested.as_deref()).await?)
}

//! `GET /v1/events`

use axum::{extract::State, http::HeaderMap, response::Response};
use banter_shared::event::Event;

use super::requested_cursor;
use crate::{
    error::ApiError,
    extract::{QueryParams, StreamReader},
    openapi::{AnyProblem, LastEventIdParam},
    state::AppState,
};

/// Streams the events of all of the user's sessions.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "userEvents",
    tag = "events",
    summary = "Follow all sessions",
    description = "Server-sent events: `id` is the cursor (of durable events), `event` the type, `data` one `Event`. A \
                   stream starts with `hello`, goes on after the cursor, and never ends by itself.",
    params(
        LastEventIdParam,
        ("after" = Option<String>, Query, description = "A cursor: `as_of`, or the last `id` seen."),
        ("token" = Option<String>, Query, description = "A ticket of `POST /v1/auth/sse-token`, in place of a key."),
    ),
    responses(
        (status = 200, description = "The stream.", body = Event, content_type = "text/event-stream"),
        AnyProblem,
    ),
)]
pub async fn user(
    State(state): State<AppState>,
    StreamReader(principal): StreamReader,
    query: QueryParams,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let requested = requested_cursor(&headers, &query);

    Ok(state.hub.open(principal, None, requested.as_deref()).await?)
}

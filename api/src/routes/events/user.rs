//! `GET /v1/events`

use axum::{extract::State, http::HeaderMap, response::Response};
use banter_shared::event::Event;

use super::requested_cursor;
use crate::{
    error::ApiError,
    extract::{QueryParams, StreamQuery, StreamReader},
    openapi::{AnyProblem, LastEventIdParam},
    state::AppState,
};

/// Streams the events of all of the user's sessions.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "userEvents",
    tag = "events",
    summary = "Stream the events of all sessions",
    description = "Server-sent events: `id` is the cursor (durable events only), `event` is the type, and `data` is an \
                   `Event`. A stream begins with `hello`, then sends the events after the cursor, and stays open.",
    params(
        LastEventIdParam,
        StreamQuery,
    ),
    responses(
        (status = 200, description = "The event stream.", body = Event, content_type = "text/event-stream"),
        AnyProblem,
    ),
)]
pub async fn user(
    State(state): State<AppState>,
    StreamReader(principal): StreamReader,
    QueryParams(query): QueryParams<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let requested = requested_cursor(&headers, query);

    Ok(state.hub.open(principal, None, requested.as_deref()).await?)
}

//! `GET /v1/chat/{id}/events`

use axum::{extract::State, http::HeaderMap, response::Response};
use banter_shared::event::Event;

use super::requested_cursor;
use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams, StreamQuery, StreamReader},
    openapi::{AnyProblem, LastEventIdParam, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Streams the events of one session.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/events",
    operation_id = "sessionEvents",
    tag = "events",
    summary = "Stream the events of a session",
    description = "Server-sent events: `id` is the cursor (durable events only), `event` is the type, and `data` is an \
                   `Event`. A stream begins with `hello`, then sends the events after the cursor, and stays open.",
    params(
        SessionPath,
        LastEventIdParam,
        StreamQuery,
    ),
    responses(
        (status = 200, description = "The event stream.", body = Event, content_type = "text/event-stream"),
        AnyProblem,
        NotFoundProblem,
    ),
)]
pub async fn session(
    State(state): State<AppState>,
    StreamReader(principal): StreamReader,
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let requested = requested_cursor(&headers, query);

    Ok(state.hub.open(principal, Some(id), requested.as_deref()).await?)
}

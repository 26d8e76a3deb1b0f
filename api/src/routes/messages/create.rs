//! `POST /v1/chat/{id}/messages`

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::{
    chat::{OnBusy, Principal},
    store::{PostMessage, Posted},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    response::{AcceptedMessage, CreateMessageResponse, Exchange},
    wait::{WaitResult, wait_for_outcome},
};
use crate::{
    error::ApiError,
    extract::{IdempotencyHeader, JsonBody, OwnedSession, QueryParams, Writer},
    middleware::disconnect::ClientDisconnect,
    openapi::{AnyProblem, BodyProblem, IdempotencyParam, NotFoundProblem, SendProblem, SessionPath},
    state::AppState,
};

/// Maximum time to wait for an answer, in seconds.
const MAX_WAIT_SECONDS: u64 = 120;

/// A message to send.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMessage {
    /// The text: 1 byte to 256 KiB of UTF-8, not only whitespace. Stored verbatim.
    #[schema(min_length = 1)]
    pub content: String,
    /// What to do while a task of the session is running or queued; defaults to `queue`.
    #[serde(default)]
    #[schema(required = false)]
    pub on_busy: OnBusy,
}

/// Sends a message.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/messages",
    operation_id = "createMessage",
    tag = "messages",
    summary = "Send a message",
    description = "A 202 means that the message is stored and that its task will have exactly one outcome.",
    params(
        SessionPath,
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the answer.", minimum = 0, maximum = 120),
        IdempotencyParam,
    ),
    request_body = CreateMessage,
    responses(
        (status = 200, description = "The task ended within the wait.", body = Exchange),
        (status = 202, description = "The message is stored.", body = AcceptedMessage),
        SendProblem,
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each extractor is a check, in this order")]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, agent_key }: OwnedSession,
    _: Writer,
    query: QueryParams,
    key: IdempotencyHeader,
    disconnect: ClientDisconnect,
    JsonBody(body): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<CreateMessageResponse>), ApiError> {
    let wait = query.number("wait", 0..=MAX_WAIT_SECONDS)?.map(Duration::from_secs);
    let key = key.with_body(&body)?;
    let post = PostMessage {
        content: super::parse_content(body.content)?,
        on_busy: body.on_busy,
        max_attempts: state.max_attempts(&agent_key),
        key,
    };

    let Posted { message, task } = state.announce(state.store.post_message(&principal.user, session_id, &post).await?);

    if let Some(wait) = wait {
        let deadline = Instant::now() + wait;
        match wait_for_outcome(&state, &principal, task.id, deadline, &disconnect).await? {
            WaitResult::Ended(exchange) => {
                return Ok((StatusCode::OK, Json(CreateMessageResponse::Exchange(exchange))));
            }
            WaitResult::Pending(accepted) => {
                return Ok((StatusCode::ACCEPTED, Json(CreateMessageResponse::Accepted(accepted))));
            }
            WaitResult::Deleted => {}
        }
    }
    Ok((StatusCode::ACCEPTED, Json(CreateMessageResponse::Accepted(Box::new(AcceptedMessage { message, task })))))
}

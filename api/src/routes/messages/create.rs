//! `POST /v1/chat/{id}/messages`

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::{
    chat::{Message, OnBusy, Principal, Task},
    store::{PostMessage, Posted},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{IdempotencyHeader, JsonBody, OwnedSession, QueryParams, Writer},
    middleware::own_task::ClientGone,
    openapi::{AnyProblem, BodyProblem, IdempotencyParam, NotFoundProblem, SendProblem, SessionPath},
    state::AppState,
};

use super::wait::{Waited, wait_for_outcome};

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

/// An accepted message and its task, which will have exactly one outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// The message.
    pub message: Message,
    /// Its task.
    pub task: Task,
}

/// A message, its task, and the answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exchange {
    /// The message.
    pub message: Message,
    /// Its task, which has ended.
    pub task: Task,
    /// The answer; null when the task ended without one.
    #[schema(required)]
    pub reply: Option<Message>,
}

/// The response, depending on how the wait ended.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// 202.
    Accepted(Box<Accepted>),
    /// 200.
    Exchange(Box<Exchange>),
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
        (status = 202, description = "The message is stored.", body = Accepted),
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
    gone: ClientGone,
    JsonBody(body): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<Outcome>), ApiError> {
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
        match wait_for_outcome(&state, &principal, task.id, deadline, &gone).await? {
            Waited::Ended(exchange) => return Ok((StatusCode::OK, Json(Outcome::Exchange(exchange)))),
            Waited::NotYet(accepted) => return Ok((StatusCode::ACCEPTED, Json(Outcome::Accepted(accepted)))),
            Waited::Gone => {}
        }
    }
    Ok((StatusCode::ACCEPTED, Json(Outcome::Accepted(Box::new(Accepted { message, task })))))
}

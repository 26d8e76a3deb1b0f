//! `POST /v1/chat/{id}/messages`

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::{
    chat::{OnBusy, Principal},
    id::AttachmentId,
    store::{NewMessage, SentMessage, Workplace},
};
use banter_telemetry::traces::current_trace_parent;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::{
    response::{AcceptedMessage, CreateMessageResponse, Exchange},
    wait::{WaitResult, wait_for_outcome},
};
use crate::{
    error::ApiError,
    extract::{IdempotencyHeader, JsonBody, OwnedSession, QueryParams, WholeNumber, WriteAccess},
    middleware::disconnect::ClientDisconnect,
    openapi::{AnyProblem, BodyProblem, IdempotencyParam, NotFoundProblem, SendProblem, SessionPath},
    state::AppState,
};

/// The time to wait for an answer, in seconds.
type WaitSeconds = WholeNumber<u64, 0, 120>;

/// The query parameters for sending a message.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CreateQuery {
    /// Seconds to wait for the answer.
    #[param(inline)]
    wait: Option<WaitSeconds>,
}

impl CreateQuery {
    /// Returns how long to wait, if at all.
    pub(super) fn duration(&self) -> Option<Duration> {
        self.wait.as_ref().map(|WholeNumber(seconds)| Duration::from_secs(*seconds))
    }
}

/// A message to send.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMessage {
    /// The text: 1 byte to 256 KiB of UTF-8, with at least one non-whitespace character. May be empty if there are
    /// attachments. Stored verbatim.
    pub content: String,
    /// The IDs of uploaded files, at most 10, in the order in which they are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 10)]
    pub attachments: Vec<AttachmentId>,
    /// What to do if a task in the session is running or queued; defaults to `queue`.
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
        CreateQuery,
        IdempotencyParam,
    ),
    request_body = CreateMessage,
    responses(
        (status = 200, description = "The task ended before the wait timed out.", body = Exchange),
        (status = 202, description = "The message was stored.", body = AcceptedMessage),
        SendProblem,
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each extractor performs a check, in this order")]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, workplace: Workplace { agent_key, .. } }: OwnedSession,
    _: WriteAccess,
    QueryParams(query): QueryParams<CreateQuery>,
    key: IdempotencyHeader,
    disconnect: ClientDisconnect,
    JsonBody(body): JsonBody<CreateMessage>,
) -> Result<(StatusCode, Json<CreateMessageResponse>), ApiError> {
    let wait = query.duration();
    let key = key.with_body(&body)?;
    let post = NewMessage {
        content: super::parse_content(body.content, &body.attachments)?,
        attachments: body.attachments,
        accepted: state.accepted_files(&agent_key),
        on_busy: body.on_busy,
        max_attempts: state.max_attempts(&agent_key),
        key,
        trace_parent: current_trace_parent(),
    };

    let sent = state.announce(state.store.post_message(&principal.user, session_id, &post).await?);
    respond(&state, &principal, sent, wait, &disconnect).await
}

/// Waits for the outcome of a stored message if requested, and returns the response.
pub(super) async fn respond(
    state: &AppState,
    principal: &Principal,
    SentMessage { message, task }: SentMessage,
    wait: Option<Duration>,
    disconnect: &ClientDisconnect,
) -> Result<(StatusCode, Json<CreateMessageResponse>), ApiError> {
    if let Some(wait) = wait {
        let deadline = Instant::now() + wait;
        match wait_for_outcome(state, principal, task.id, deadline, disconnect).await? {
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

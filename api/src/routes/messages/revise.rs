//! `POST /v1/chat/{id}/messages/{mid}/revise`

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::{
    chat::{Content, Principal},
    id::AttachmentId,
    store::{Revision, Workplace},
};
use banter_telemetry::traces::current_trace_parent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    create::{CreateQuery, respond},
    response::{AcceptedMessage, CreateMessageResponse, Exchange},
};
use crate::{
    error::ApiError,
    extract::{IdempotencyHeader, OptionalBody, OwnedMessage, OwnedSession, QueryParams, WriteAccess},
    middleware::disconnect::ClientDisconnect,
    openapi::{AnyProblem, BodyProblem, IdempotencyParam, MessagePath, NotFoundProblem, ReviseProblem},
    state::AppState,
};

/// The new version of a message. Without fields, the agent answers the same message again.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseMessage {
    /// The text, as for a new message; the earlier text if omitted.
    pub content: Option<String>,
    /// The IDs of the files, at most 10: uploaded ones, and those of the earlier version to keep. All of them are kept if
    /// omitted.
    #[schema(max_items = 10)]
    pub attachments: Option<Vec<AttachmentId>>,
}

/// Revises a message.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/messages/{mid}/revise",
    operation_id = "reviseMessage",
    tag = "messages",
    summary = "Revise a message",
    description = "Stores a new version of a user message and starts a new turn for it. The earlier version and all turns \
                   after it leave the transcript and remain as another branch. Without a body, the agent answers the same \
                   message again. `mid` can also be the ID of the answer, or of a message of another branch.",
    params(MessagePath, CreateQuery, IdempotencyParam),
    request_body = Option<ReviseMessage>,
    responses(
        (status = 200, description = "The task ended before the wait timed out.", body = Exchange),
        (status = 202, description = "The new version was stored.", body = AcceptedMessage),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ReviseProblem,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each extractor performs a check, in this order")]
pub async fn revise(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, workplace: Workplace { agent_key, .. } }: OwnedSession,
    OwnedMessage(message_id): OwnedMessage,
    _: WriteAccess,
    QueryParams(query): QueryParams<CreateQuery>,
    key: IdempotencyHeader,
    disconnect: ClientDisconnect,
    OptionalBody(body): OptionalBody<ReviseMessage>,
) -> Result<(StatusCode, Json<CreateMessageResponse>), ApiError> {
    let key = key.with_body(&body)?;
    super::check_attachments(body.attachments.as_deref().unwrap_or_default())?;
    // Files that the message keeps may replace the text.
    let content = body.content.map(Content::parse_with_attachments).transpose();
    let revision = Revision {
        content: content.map_err(|error| ApiError::invalid("content", error.to_string()))?,
        attachments: body.attachments,
        accepted: state.accepted_files(&agent_key),
        max_attempts: state.max_attempts(&agent_key),
        key,
        trace_parent: current_trace_parent(),
    };

    let revised = state.store.revise_message(&principal.user, session_id, message_id, &revision).await?;
    respond(&state, &principal, state.announce(revised), query.duration(), &disconnect).await
}

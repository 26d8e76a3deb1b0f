//! `PATCH /v1/chat/{id}/messages/{mid}`

use axum::{Json, extract::State};
use banter_shared::chat::{Message, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedMessage, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, ConflictProblem, MessagePath, NotFoundProblem},
    state::AppState,
};

/// The new text of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// The new text: 1 byte to 256 KiB of UTF-8, with at least one non-whitespace character.
    #[schema(min_length = 1)]
    pub content: String,
}

/// Edits a message that no agent has seen.
#[utoipa::path(
    patch,
    path = "/v1/chat/{id}/messages/{mid}",
    operation_id = "editMessage",
    tag = "messages",
    summary = "Edit a queued message",
    description = "Allowed only until the task first starts; after that, returns 409 `task_not_queued`. After a 200, no \
                   agent has seen the old text or ever will.",
    params(MessagePath),
    request_body = EditMessage,
    responses(
        (status = 200, description = "The edited message.", body = Message),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn edit(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, .. }: OwnedSession,
    OwnedMessage(id): OwnedMessage,
    _: WriteAccess,
    JsonBody(body): JsonBody<EditMessage>,
) -> Result<Json<Message>, ApiError> {
    let content = super::parse_content(body.content, &[])?;

    Ok(Json(state.announce(state.store.edit_message(&principal.user, session_id, id, &content).await?)))
}

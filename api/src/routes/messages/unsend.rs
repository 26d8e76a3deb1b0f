//! `DELETE /v1/chat/{id}/messages/{mid}`

use axum::{extract::State, http::StatusCode};
use banter_shared::chat::Principal;

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedMessage, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, ConflictProblem, MessagePath, NotFoundProblem},
    state::AppState,
};

/// Unsends a message that no agent has seen.
#[utoipa::path(
    delete,
    path = "/v1/chat/{id}/messages/{mid}",
    operation_id = "unsendMessage",
    tag = "messages",
    summary = "Unsend a queued message",
    description = "Deletes the message and its task. Allowed only until the task first starts; after that, returns \
                   409 `task_not_queued`.",
    params(MessagePath),
    responses(
        (status = 204, description = "The message was deleted."),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn unsend(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, .. }: OwnedSession,
    OwnedMessage(id): OwnedMessage,
    _: WriteAccess,
    _: NoBody,
) -> Result<StatusCode, ApiError> {
    state.announce(state.store.unsend_message(&principal.user, session_id, id).await?);

    Ok(StatusCode::NO_CONTENT)
}

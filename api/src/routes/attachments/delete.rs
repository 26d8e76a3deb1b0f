//! `DELETE /v1/attachments/{id}`

use axum::{extract::State, http::StatusCode};
use banter_shared::chat::Principal;

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedAttachment, WriteAccess},
    openapi::{AnyProblem, AttachmentPath, ConflictProblem, NotFoundProblem},
    state::AppState,
};

/// Deletes an attachment that is not part of a message.
#[utoipa::path(
    delete,
    path = "/v1/attachments/{id}",
    operation_id = "deleteAttachment",
    tag = "attachments",
    summary = "Delete an unsent attachment",
    description = "An attachment that is part of a message is deleted with the message; this returns 409 \
                   `attachment_sent`. Attachments that are not sent are deleted after 24 hours.",
    params(AttachmentPath),
    responses(
        (status = 204, description = "The attachment was deleted."),
        AnyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn delete(
    State(state): State<AppState>,
    principal: Principal,
    OwnedAttachment { attachment, .. }: OwnedAttachment,
    _: WriteAccess,
    _: NoBody,
) -> Result<StatusCode, ApiError> {
    state.store.delete_attachment(&principal.user, attachment.id).await?;

    Ok(StatusCode::NO_CONTENT)
}

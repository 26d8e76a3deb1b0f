//! `POST /v1/chat/{id}/tasks/{tid}/permissions/{rid}`

use axum::{extract::State, http::StatusCode};
use banter_shared::chat::{PermissionDecision, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedPermission, OwnedSession, Writer},
    openapi::{AnyProblem, BodyProblem, ConflictProblem, NotFoundProblem, PermissionPath},
    state::AppState,
};

/// The answer to a permission request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerPermission {
    decision: PermissionDecision,
}

/// Answers a permission request.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/tasks/{tid}/permissions/{rid}",
    operation_id = "answerPermission",
    tag = "tasks",
    summary = "Allow or reject what an agent asks for",
    description = "Once. 409 `permission_answered`; `permission_expired` when its time is over or the attempt that \
                   asked; `task_ended` when the task ended while it waited.",
    params(PermissionPath),
    request_body = AnswerPermission,
    responses(
        (status = 204, description = "The agent is told."),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn answer(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession(session_id): OwnedSession,
    permission: OwnedPermission,
    _: Writer,
    JsonBody(AnswerPermission { decision }): JsonBody<AnswerPermission>,
) -> Result<StatusCode, ApiError> {
    let OwnedPermission { task_id, id } = permission;
    let answered = state.store.answer_permission(&principal.user, session_id, task_id, id, decision).await?;
    state.announce(answered);

    Ok(StatusCode::NO_CONTENT)
}

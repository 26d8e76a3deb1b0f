//! `POST /v1/chat/{id}/tasks/{tid}/retry`

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::chat::{Principal, Task};

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedSession, OwnedTask, WriteAccess},
    openapi::{AnyProblem, BodyProblem, ConflictProblem, NotFoundProblem, TaskPath},
    state::AppState,
};

/// Retries a task that ended without a complete answer.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/tasks/{tid}/retry",
    operation_id = "retryTask",
    tag = "tasks",
    summary = "Retry a task",
    description = "Requeues a failed, cancelled, or interrupted task ahead of later turns. A partial answer is \
                   deleted, and the new answer has a new ID. Returns 409 `task_not_ended`, `task_succeeded`, or \
                   `session_archived`.",
    params(TaskPath),
    responses(
        (status = 202, description = "The queued task.", body = Task),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn retry(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, .. }: OwnedSession,
    OwnedTask(detail): OwnedTask,
    _: WriteAccess,
    _: NoBody,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let task = state.announce(state.store.retry_task(&principal.user, session_id, detail.task.id).await?);

    Ok((StatusCode::ACCEPTED, Json(task)))
}

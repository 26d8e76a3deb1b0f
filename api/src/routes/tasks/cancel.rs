//! `POST /v1/chat/{id}/tasks/{tid}/cancel`

use axum::{Json, extract::State, http::StatusCode};
use banter_shared::chat::{Principal, Task};

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedSession, OwnedTask, WriteAccess},
    openapi::{AnyProblem, BodyProblem, ConflictProblem, NotFoundProblem, TaskPath},
    state::AppState,
};

/// Cancels a task.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/tasks/{tid}/cancel",
    operation_id = "cancelTask",
    tag = "tasks",
    summary = "Cancel a task",
    description = "A queued task ends immediately, and a running task ends within a second; any text generated so far \
                   is kept as the answer. Returns 409 `task_ended` if the task has already ended.",
    params(TaskPath),
    responses(
        (status = 202, description = "The task.", body = Task),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
    ),
)]
pub async fn cancel(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, .. }: OwnedSession,
    OwnedTask(detail): OwnedTask,
    _: WriteAccess,
    _: NoBody,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let task = state.announce(state.store.cancel_task(&principal.user, session_id, detail.task.id).await?);

    Ok((StatusCode::ACCEPTED, Json(task)))
}

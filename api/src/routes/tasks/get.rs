//! `GET /v1/chat/{session_id}/tasks/{task_id}`

use axum::Json;
use banter_shared::chat::TaskDetail;

use crate::{
    error::ApiError,
    extract::OwnedTask,
    openapi::{AnyProblem, NotFoundProblem, TaskPath},
};

/// Shows a task with its steps.
#[utoipa::path(
    get,
    path = "/v1/chat/{session_id}/tasks/{task_id}",
    operation_id = "getTask",
    tag = "tasks",
    summary = "Show a task with its steps",
    params(TaskPath),
    responses((status = 200, description = "The task.", body = TaskDetail), AnyProblem, NotFoundProblem),
)]
pub async fn get(OwnedTask(task): OwnedTask) -> Result<Json<TaskDetail>, ApiError> {
    Ok(Json(task))
}

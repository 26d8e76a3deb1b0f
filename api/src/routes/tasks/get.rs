//! `GET /v1/chat/{id}/tasks/{tid}`

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
    path = "/v1/chat/{id}/tasks/{tid}",
    operation_id = "getTask",
    tag = "tasks",
    summary = "Show a task with its steps",
    params(TaskPath),
    responses((status = 200, description = "The task.", body = TaskDetail), AnyProblem, NotFoundProblem),
)]
pub async fn get(OwnedTask(task): OwnedTask) -> Result<Json<TaskDetail>, ApiError> {
    Ok(Json(task))
}

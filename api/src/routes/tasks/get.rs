//! `GET /v1/chat/{id}/tasks/{tid}`

use axum::response::Response;
use banter_shared::chat::TaskDetail;
use serde_json::json;

use crate::{
    error::ApiError,
    extract::{OwnedSession, OwnedTask},
    openapi::{AnyProblem, NotFoundProblem, TaskPath},
    response_memory::MemoryReservation,
};

/// Returns a task and its steps.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/tasks/{tid}",
    operation_id = "getTask",
    tag = "tasks",
    summary = "Get a task and its steps",
    params(TaskPath),
    responses((status = 200, description = "The task.", body = TaskDetail), AnyProblem, NotFoundProblem),
)]
pub async fn get(
    _: OwnedSession,
    memory: MemoryReservation,
    OwnedTask(TaskDetail { task, steps }): OwnedTask,
) -> Result<Response, ApiError> {
    /// The approximate size, in bytes, of a step without its detail.
    const EACH: usize = 512;
    let bytes = steps.iter().map(|step| step.detail.json_bytes() + EACH).sum();
    memory.list(&task, ("steps", steps), &json!({}), bytes)
}

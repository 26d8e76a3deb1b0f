//! Ends queued tasks that cannot run because one of their rows contains an invalid value.

use std::sync::LazyLock;

use sqlx::Row as _;

use super::{
    StoreError,
    database_driver::{Connection, Row},
    events,
    jobs::JobEnd,
    script::Script,
};
use crate::{
    chat::{ErrorCode, UserRef},
    clock::Timestamp,
    event::{EventRef, Hints},
};

/// The error message of a damaged task.
const MESSAGE: &str = "The database record of this message is corrupted.";

/// Fails a task and ends its job. Their IDs may be invalid.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &["task_id", "error_code", "error_message", "now", "job_id", "job_status", "job_result", "now_seconds"],
        &[
            "DELETE FROM answer_chunk WHERE task_id = $task_id",
            "UPDATE agent_task SET status = 'failed', job_id = NULL, next_attempt_at = NULL, \
             error_code = $error_code, error_message = $error_message, finished_at = $now WHERE id = $task_id",
            "UPDATE Jobs SET status = $job_status, last_result = $job_result, done_at = $now_seconds WHERE id = $job_id",
        ],
    )
});

/// Fails the task of a due job and ends the job. `row` is a row of the list of due jobs; `error` describes its invalid
/// value. Reconciliation later pushes a job for the session's next task.
pub(super) async fn end(
    tx: &mut Connection,
    row: &Row,
    error: StoreError,
    now: Timestamp,
) -> Result<Hints, StoreError> {
    let job_id: &str = row.try_get("job_id")?;
    tracing::error!(job_id, %error, "task record is corrupted; marked the task as failed");
    END.call()
        .bind("task_id", row.try_get::<Option<&str>, _>("task_id")?)
        .bind("error_code", ErrorCode::AgentError)
        .bind("error_message", MESSAGE)
        .bind("now", now)
        .bind("job_id", job_id)
        .bind("job_status", JobEnd::Killed.status())
        .bind("job_result", JobEnd::Killed.result())
        .bind("now_seconds", now.unix_seconds())
        .execute(tx)
        .await?;
    let mut hints = Hints { wake_workers: true, ..Hints::default() };
    // If one of its IDs is invalid, no event is appended, because streams could not read the event.
    if let Ok((user, updated)) = read_event(row) {
        events::append(tx, &user, now, &[updated]).await?;
        hints.users.push(user);
    }
    Ok(hints)
}

/// Returns the task's owner and the `task.updated` event.
fn read_event(row: &Row) -> Result<(UserRef, EventRef), sqlx::Error> {
    let user = UserRef { workspace_id: row.try_get("workspace_id")?, user_id: row.try_get("user_id")? };
    let updated = EventRef::task(row.try_get("session_id")?, row.try_get("task_id")?, row.try_get("user_message_id")?);
    Ok((user, updated))
}

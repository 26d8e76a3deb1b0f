//! Stores requests to stop tasks, and ends tasks whose worker ignores such a request.

use std::{sync::LazyLock, time::Duration};

use super::{
    AttemptEnd, Change, Store, StoreError,
    attempts::{end_attempt, end_queued},
    rows,
    script::Script,
    sessions::owned_session,
    turns::task_of,
};
use crate::{
    chat::{StopReason, Task, TaskStatus, UserRef},
    event::Hints,
    id::{SessionId, TaskId, WorkerId},
};

/// Stores a request (`$stop_reason`) to stop a running task (`$stopped_task_id`). The first request takes precedence.
pub(super) const REQUEST_STOP: &str = "UPDATE agent_task SET stop_reason = $stop_reason, stop_requested_at = $now \
     WHERE id = $stopped_task_id AND status = 'running' AND stop_reason IS NULL";

static CANCEL: LazyLock<Script> =
    LazyLock::new(|| Script::new(&["stopped_task_id", "stop_reason", "now"], &[REQUEST_STOP]));

/// Selects the running tasks whose stop was requested before `$1`.
const LIST_IGNORED_STOPS: &str = "SELECT id FROM agent_task \
     WHERE status = 'running' AND stop_reason IS NOT NULL AND stop_requested_at < $1 ORDER BY chat_session_id";

/// A worker's attempt, as recorded in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RunningAttempt {
    /// The task.
    #[sqlx(rename = "id")]
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// Whether a stop was requested.
    pub is_stopping: bool,
}

impl Store {
    /// Stops a task. A queued task ends immediately. For a running task, the request is stored, so that the task ends
    /// even if its worker does not respond.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] or [`StoreError::TaskEnded`].
    pub async fn cancel_task(
        &self,
        user: &UserRef,
        session_id: SessionId,
        id: TaskId,
    ) -> Result<Change<Task>, StoreError> {
        self.write_for(user, async |tx| {
            let now = self.inner.clock.now();
            owned_session(tx, user, session_id).await?;
            let hints = match task_of(tx, session_id, id).await?.status {
                TaskStatus::Queued => end_queued(tx, id, now).await?.hints,
                TaskStatus::Running => {
                    CANCEL
                        .call()
                        .bind("stopped_task_id", id)
                        .bind("stop_reason", StopReason::Cancel)
                        .bind("now", now)
                        .execute(tx)
                        .await?;
                    Hints { stops: vec![id], ..Hints::default() }
                }
                TaskStatus::Succeeded | TaskStatus::Failed | TaskStatus::Cancelled | TaskStatus::Interrupted => {
                    return Err(StoreError::TaskEnded);
                }
            };
            let task = rows::find_task(tx, id).await?.ok_or(StoreError::NotFound)?;
            Ok(Change::new(task, hints))
        })
        .await
    }

    /// Ends a running task with the text stored so far, because its worker did not respond to a stop request in time.
    /// Has no effect if the task is no longer running.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn end_ignored_stop(&self, id: TaskId) -> Result<Change<()>, StoreError> {
        self.write(async |tx| {
            let attempt = sqlx::query_scalar::<_, i64>(
                "SELECT attempt FROM agent_task WHERE id = $1 AND status = 'running' AND stop_reason IS NOT NULL",
            )
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(attempt) = attempt else { return Ok(Change::nothing(())) };
            let now = self.inner.clock.now();
            let ended = end_attempt(tx, (id, attempt), AttemptEnd::WorkerLost, now).await?;
            Ok(Change::new((), ended.hints))
        })
        .await
    }

    /// Lists the running tasks whose stop request is older than `age`.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_ignored_stops(&self, age: Duration) -> Result<Vec<TaskId>, StoreError> {
        let tasks = self
            .read(async |tx| {
                Ok(sqlx::query_scalar(LIST_IGNORED_STOPS).bind(self.inner.clock.now().minus(age)).fetch_all(tx).await?)
            })
            .await?;
        Ok(tasks)
    }

    /// Lists a worker's running attempts. All other attempts of the worker have ended.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_running(&self, worker: &WorkerId) -> Result<Vec<RunningAttempt>, StoreError> {
        let attempts = self
            .read(async |tx| {
                Ok(sqlx::query_as(
                    "SELECT id, attempt, stop_reason IS NOT NULL AS is_stopping FROM agent_task \
             WHERE worker_id = $1 AND status = 'running'",
                )
                .bind(worker)
                .fetch_all(tx)
                .await?)
            })
            .await?;
        Ok(attempts)
    }
}

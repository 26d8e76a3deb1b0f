//! Jobs: rows of the queue. A session has at most one live job, which belongs to the task at its head.

use std::{str::FromStr, time::Duration};

use apalis_core::task::{builder::TaskBuilder, task_id::TaskId as JobTaskId};
use apalis_sqlite::queries::push_tasks;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use ulid::Ulid;

use super::StoreError;
use crate::{
    chat::TaskStatus,
    clock::Timestamp,
    id::{SessionId, TaskId},
};

/// The name of the queue in `Jobs.job_type`.
pub const AGENT_QUEUE: &str = "agent-task";
/// The maximum difference between the clocks of two processes. A job from further in the future must have been pushed
/// before the clock was set back.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The payload of a job: the task to run. Everything else is read when the job is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentJob {
    /// The task.
    pub task_id: TaskId,
    /// Its session.
    pub chat_session_id: SessionId,
}

/// The task at the head of a session's queue.
#[derive(sqlx::FromRow)]
struct HeadTask {
    id: TaskId,
    status: TaskStatus,
    next_attempt_at: Option<Timestamp>,
    job_id: Option<String>,
}

/// Ensures that the session's only live job belongs to the task at the head of the session's queue. Must be called by
/// every change that ends, adds, removes, or reorders tasks. Returns whether a job was pushed.
///
/// While a task is running, no job is pushed; this function is called again when the task ends. If an earlier task was
/// retried, the job of the later task is withdrawn.
pub(super) async fn schedule_head(
    tx: &mut SqliteConnection,
    session_id: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let head: Option<HeadTask> = sqlx::query_as(
        "SELECT id, status, next_attempt_at, job_id FROM agent_task \
         WHERE chat_session_id = $1 AND status IN ('queued', 'running') \
         ORDER BY status = 'running' DESC, turn LIMIT 1",
    )
    .bind(session_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(head) = head else { return Ok(false) };
    if head.status == TaskStatus::Running || head.job_id.is_some() {
        return Ok(false);
    }
    withdraw_jobs(tx, session_id).await?;
    let job = AgentJob { task_id: head.id, chat_session_id: session_id };
    let job_id = push(tx, job, head.next_attempt_at, now).await?;
    sqlx::query("UPDATE agent_task SET job_id = $2 WHERE id = $1").bind(head.id).bind(job_id).execute(tx).await?;
    Ok(true)
}

/// Deletes the session's unclaimed jobs.
pub(super) async fn withdraw_jobs(tx: &mut SqliteConnection, session_id: SessionId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM Jobs WHERE id IN (SELECT job_id FROM agent_task \
         WHERE chat_session_id = $1 AND status != 'running' AND job_id IS NOT NULL)",
    )
    .bind(session_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE agent_task SET job_id = NULL WHERE chat_session_id = $1 AND status != 'running' AND job_id IS NOT NULL",
    )
    .bind(session_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Pushes a job with a new ID and without an idempotency key, because a conflict would silently discard a retry.
///
/// `run_at` is a wall-clock time in whole seconds, so setting the clock back would delay the job. It is therefore 0
/// unless the task backs off. The ID begins with the time of the push, which [`CLAIM`] uses to detect that the clock
/// was set back.
async fn push(
    tx: &mut SqliteConnection,
    job: AgentJob,
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let id = Ulid::from_parts(unix_millis(now), rand::random()).to_string();
    let args = serde_json::to_vec(&job).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    // Round up, so that a job never runs early.
    let run_at = due.map_or(0, |due| (due.unix_millis() + 999).div_euclid(1000));
    let task_id = JobTaskId::from_str(&id).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let task = TaskBuilder::new(args)
        .task_id(task_id)
        .max_attempts(1)
        .run_at_timestamp(u64::try_from(run_at).unwrap_or(0))
        .build();
    push_tasks(tx, AGENT_QUEUE, &[task]).await.map_err(|error| match error {
        apalis_sqlite::Error::Database(error) => StoreError::from(error),
        error => StoreError::Queue(error),
    })?;
    Ok(id)
}

/// Claims the next due job for a worker, which must have a row in `Workers`.
///
/// Jobs are ordered by priority, then by ID, which begins with the time of the push. If they were ordered by `run_at`,
/// jobs that back off would starve behind new ones. A job with a push time in the future counts as due: the clock was
/// set back after the push, so `run_at` is meaningless. `$4` is [`first_future_id`].
pub(super) const CLAIM: &str = "UPDATE Jobs SET status = 'Running', attempts = attempts + 1, lock_by = $1, lock_at = $2 \
     WHERE id = (SELECT j.id FROM Jobs j \
         WHERE j.job_type = $3 AND j.status = 'Pending' AND (j.run_at <= $2 OR j.id > $4) \
         ORDER BY j.priority DESC, j.id LIMIT 1) \
     RETURNING id";

/// Determines whether [`CLAIM`] would claim a job, without acquiring a lock.
pub(super) const LOOK: &str = "SELECT 1 FROM Jobs j \
     WHERE j.job_type = $1 AND j.status = 'Pending' AND (j.run_at <= $2 OR j.id > $3) LIMIT 1";

/// Returns the lowest possible ID of a job whose push time is later than `now` by more than [`CLOCK_TOLERANCE`].
pub(super) fn first_future_id(now: Timestamp) -> String {
    Ulid::from_parts(unix_millis(now.plus(CLOCK_TOLERANCE)), 0).to_string()
}

fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.unix_millis()).unwrap_or(0)
}

/// How the delivery of a job ended, for inspection of the queue. The outcome is stored in the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The task has an outcome.
    Done,
    /// The attempt failed or was abandoned.
    Killed,
}

/// Ends a job and releases its lock, because the foreign key of the lock would otherwise prevent deletion of the
/// worker's row.
pub(super) async fn end_job(
    tx: &mut SqliteConnection,
    job_id: &str,
    end: JobEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (status, result) = match end {
        JobEnd::Done => ("Done", r#"{"Ok":null}"#),
        JobEnd::Killed => ("Killed", r#"{"Err":"the attempt ended without an answer"}"#),
    };
    sqlx::query(
        "UPDATE Jobs SET status = $2, last_result = $3, done_at = $4, lock_by = NULL, lock_at = NULL WHERE id = $1",
    )
    .bind(job_id)
    .bind(status)
    .bind(result)
    .bind(now.unix_seconds())
    .execute(tx)
    .await?;
    Ok(())
}

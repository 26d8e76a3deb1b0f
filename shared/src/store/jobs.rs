//! Jobs, which are the rows of the queue. A session has at most one live job: that of its running task or, if no task
//! is running, that of its first queued task.

use std::{sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{StoreError, database_driver::Connection, rows::Owner, script::Script};
use crate::{
    chat::UserRef,
    clock::Timestamp,
    id::{SessionId, TaskId},
};

/// The name of the queue in `Jobs.job_type`.
pub const AGENT_QUEUE: &str = "agent-task";
/// The maximum expected difference between the clocks of two processes. If the push time of a job is further in the
/// future, the clock has been set back since the push.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The payload of a job: the task to run. Everything else is read when the job is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentJob {
    /// The task.
    pub task_id: TaskId,
    /// The task's session.
    pub chat_session_id: SessionId,
}

/// Selects the first queued task of session `$1`, unless a task of the session is running.
const FIND_HEAD: &str = "SELECT id, next_attempt_at, job_id FROM agent_task \
     WHERE chat_session_id = $1 AND status = 'queued' AND NOT EXISTS \
         (SELECT 1 FROM agent_task r WHERE r.chat_session_id = $1 AND r.status = 'running') \
     ORDER BY turn LIMIT 1";

/// The task at the head of a session's queue.
#[derive(sqlx::FromRow)]
struct HeadTask {
    id: TaskId,
    next_attempt_at: Option<Timestamp>,
    job_id: Option<String>,
}

/// Ensures that the first queued task of a session has a job, unless a task of the session is running. Returns whether
/// a job was pushed.
///
/// A retried task may be ahead of a task that already has a job. That job is then withdrawn. Every change that ends,
/// adds, removes, or reorders tasks must call this function or push the job itself.
pub(super) async fn schedule_head(
    tx: &mut Connection,
    session_id: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let head: Option<HeadTask> = sqlx::query_as(FIND_HEAD).bind(session_id).fetch_optional(&mut *tx).await?;
    let Some(head) = head.filter(|head| head.job_id.is_none()) else { return Ok(false) };
    withdraw_jobs(tx, session_id).await?;
    let job = AgentJob { task_id: head.id, chat_session_id: session_id };
    let job_id = push(tx, job, head.next_attempt_at, now).await?;
    sqlx::query("UPDATE agent_task SET job_id = $2 WHERE id = $1").bind(head.id).bind(job_id).execute(tx).await?;
    Ok(true)
}

/// Deletes the session's unclaimed job.
pub(super) async fn withdraw_jobs(tx: &mut Connection, session_id: SessionId) -> Result<(), StoreError> {
    WITHDRAW_ALL.call().bind("session_id", session_id).execute(tx).await
}

/// Deletes a task's job unless the job has been claimed.
pub(super) async fn withdraw_job(tx: &mut Connection, task_id: TaskId) -> Result<(), StoreError> {
    WITHDRAW.call().bind("task_id", task_id).execute(tx).await
}

/// Deletes a session's unclaimed job. If it is the user's latest job, the user's next job can use its round. The round
/// of an earlier job is not reused, because the user's next job would then share a round with the latest one.
static WITHDRAW_ALL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &["session_id"],
        &[
            "UPDATE user_log SET last_round = last_round - 1 WHERE (workspace_id, user_id) = \
             (SELECT workspace_id, creator_id FROM chat_session WHERE id = $session_id) \
             AND last_round = (SELECT -j.priority FROM agent_task t JOIN Jobs j ON j.id = t.job_id \
                 WHERE t.chat_session_id = $session_id AND t.job_id IS NOT NULL AND j.status = 'Pending')",
            "DELETE FROM Jobs WHERE id IN (SELECT job_id FROM agent_task \
             WHERE chat_session_id = $session_id AND status != 'running' AND job_id IS NOT NULL)",
            "UPDATE agent_task SET job_id = NULL \
             WHERE chat_session_id = $session_id AND status != 'running' AND job_id IS NOT NULL",
        ],
    )
});

/// Deletes a task's unclaimed job. Its round can be reused under the same condition as in [`WITHDRAW_ALL`].
static WITHDRAW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &["task_id"],
        &[
            "UPDATE user_log SET last_round = last_round - 1 WHERE (workspace_id, user_id) = \
             (SELECT s.workspace_id, s.creator_id FROM agent_task t JOIN chat_session s ON s.id = t.chat_session_id \
                 WHERE t.id = $task_id) \
             AND last_round = (SELECT -j.priority FROM agent_task t JOIN Jobs j ON j.id = t.job_id \
                 WHERE t.id = $task_id AND j.status = 'Pending')",
            "DELETE FROM Jobs WHERE id = (SELECT job_id FROM agent_task WHERE id = $task_id) AND status = 'Pending'",
        ],
    )
});

/// A job to push.
pub(super) struct NewJob {
    /// The ID, which begins with the time at which the job is pushed. Claims use that time to detect that the clock was
    /// set back.
    pub(super) id: String,
    /// The payload.
    pub(super) payload: Vec<u8>,
    /// When the job is due, in seconds since the Unix epoch; 0 if it is due immediately, so that setting the clock back
    /// does not delay it.
    pub(super) run_at: i64,
}

impl NewJob {
    /// Creates a job with a new ID. The job is due at `due`, or immediately if `due` is `None`.
    pub(super) fn new(job: AgentJob, due: Option<Timestamp>, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            id: Ulid::from_parts(unix_millis(now), rand::random()).to_string(),
            payload: serde_json::to_vec(&job).map_err(|error| StoreError::Corrupt(error.to_string()))?,
            // Round up, so that a job never runs early.
            run_at: due.map_or(0, |due| (due.unix_millis() + 999).div_euclid(1000)),
        })
    }
}

/// Moves the user to the round of the job to push. This is the later of two rounds: the one after the round of the
/// user's previous job, and the latest one from which a job was claimed.
pub(super) const ENTER_ROUND: &str = "UPDATE user_log \
     SET last_round = (SELECT CASE WHEN user_log.last_round < MAX(round) THEN MAX(round) \
         ELSE user_log.last_round + 1 END FROM queue_clock) \
     WHERE workspace_id = $workspace_id AND user_id = $user_id";

/// Pushes the job in the user's round. Must follow [`ENTER_ROUND`]. The job has no idempotency key, because a conflict
/// would silently discard a retry.
pub(super) const PUSH_JOB: &str = "INSERT INTO Jobs \
     (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata) \
     SELECT $job_payload, $job_id, 'agent-task', 'Pending', 0, 1, $job_run_at, -last_round, '{}' FROM user_log \
     WHERE workspace_id = $workspace_id AND user_id = $user_id";

static PUSH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["workspace_id", "user_id", "job_id", "job_payload", "job_run_at"], &[ENTER_ROUND, PUSH_JOB])
});

/// Pushes a job and returns its ID.
async fn push(
    tx: &mut Connection,
    job: AgentJob,
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let owner: Owner = sqlx::query_as("SELECT workspace_id, creator_id FROM chat_session WHERE id = $1")
        .bind(job.chat_session_id)
        .fetch_one(&mut *tx)
        .await?;
    let user = UserRef::from(owner);
    let job = NewJob::new(job, due, now)?;
    PUSH.call()
        .bind("workspace_id", &user.workspace_id)
        .bind("user_id", &user.user_id)
        .bind("job_id", &job.id)
        .bind("job_payload", &job.payload)
        .bind("job_run_at", job.run_at)
        .execute(tx)
        .await?;
    Ok(job.id)
}

/// The `WHERE` clause for the jobs that are due at `$1` (seconds since the Unix epoch); must follow `FROM Jobs j` and
/// any joins.
///
/// `$2` is [`first_future_id`]. A job with a higher ID also counts as due: the clock was set back after the push, so
/// its `run_at` is meaningless.
macro_rules! due_jobs {
    () => {
        "WHERE j.job_type = 'agent-task' AND j.status = 'Pending' AND (j.run_at <= $1 OR j.id > $2) "
    };
}

pub(super) use due_jobs;

/// Returns the lowest possible ID of a job that is pushed at least [`CLOCK_TOLERANCE`] after `now`.
pub(super) fn first_future_id(now: Timestamp) -> String {
    first_id_at(now.plus(CLOCK_TOLERANCE))
}

/// Returns the lowest possible ID of a job that is pushed at this time.
pub(super) fn first_id_at(at: Timestamp) -> String {
    Ulid::from_parts(unix_millis(at), 0).to_string()
}

fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.unix_millis()).unwrap_or(0)
}

/// How a job ended. This is stored only for inspection of the queue. The outcome is stored in the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The task succeeded or was stopped.
    Done,
    /// The attempt failed or was abandoned, or the job had no task that could run.
    Killed,
}

impl JobEnd {
    /// Returns the value of `Jobs.status`.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Killed => "Killed",
        }
    }

    /// Returns the value of `Jobs.last_result`.
    pub(super) const fn result(self) -> &'static str {
        match self {
            Self::Done => r#"{"Ok":null}"#,
            Self::Killed => r#"{"Err":"the attempt ended without an answer"}"#,
        }
    }
}

/// Ends a job and releases its lock, because the lock's foreign key would otherwise prevent deletion of the worker's
/// row.
pub(super) const END_JOB: &str = "UPDATE Jobs SET status = $ended_job_status, last_result = $ended_job_result, \
     done_at = $now_seconds, lock_by = NULL, lock_at = NULL WHERE id = $ended_job_id";

static END: LazyLock<Script> =
    LazyLock::new(|| Script::new(&["ended_job_id", "ended_job_status", "ended_job_result", "now_seconds"], &[END_JOB]));

/// Ends a job. Its row is kept for a while for inspection.
pub(super) async fn end_job(tx: &mut Connection, job_id: &str, end: JobEnd, now: Timestamp) -> Result<(), StoreError> {
    END.call()
        .bind("ended_job_id", job_id)
        .bind("ended_job_status", end.status())
        .bind("ended_job_result", end.result())
        .bind("now_seconds", now.unix_seconds())
        .execute(tx)
        .await
}

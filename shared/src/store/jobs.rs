//! Jobs, which are the rows of the queue. A session has at most one live job, which belongs to the task at the head of
//! the session's queue.

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
/// The maximum difference between the clocks of two processes. A job from further in the future must have been pushed
/// before the clock was set back.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The payload of a job: the task to run. Everything else is read when the job is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentJob {
    /// The task.
    pub task_id: TaskId,
    /// The task's session.
    pub chat_session_id: SessionId,
}

/// Selects the first queued task of a session that has no running task.
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

/// Ensures that the session's only live job belongs to the task at the head of the session's queue. Every change that
/// ends, adds, removes, or reorders tasks must call this function or push the job itself. Returns whether a job was
/// pushed.
///
/// While a task is running, no job is pushed; the change that ends the attempt pushes the next one. If an earlier task
/// was retried, the job of the later task is withdrawn.
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

/// Deletes a session's unclaimed job. If it is the user's latest job, its round is returned to the user, whose next job
/// takes it. An earlier job's round is not returned, because the next job would then share the round of the latest one.
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

/// Deletes a task's unclaimed job. Its round is returned to the user under the same condition as in [`WITHDRAW_ALL`].
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
    /// The ID, which begins with the time at which the job is pushed. Claims use it to detect that the clock was set
    /// back.
    pub(super) id: String,
    /// The payload.
    pub(super) payload: Vec<u8>,
    /// When the job is due, in seconds since the Unix epoch; 0 if it is due immediately, so that setting the clock back
    /// does not delay it.
    pub(super) run_at: i64,
}

impl NewJob {
    /// Creates a job with a new ID, which is due immediately or at `due`.
    pub(super) fn new(job: AgentJob, due: Option<Timestamp>, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            id: Ulid::from_parts(unix_millis(now), rand::random()).to_string(),
            payload: serde_json::to_vec(&job).map_err(|error| StoreError::Corrupt(error.to_string()))?,
            // Round up, so that a job never runs early.
            run_at: due.map_or(0, |due| (due.unix_millis() + 999).div_euclid(1000)),
        })
    }
}

/// Moves the user to the round of the job to push, if there is one: the round after that of the user's previous job or
/// the latest round from which a job was claimed, whichever is later.
pub(super) const ENTER_ROUND: &str = "UPDATE user_log \
     SET last_round = (SELECT CASE WHEN user_log.last_round < round THEN round ELSE user_log.last_round + 1 END \
         FROM queue_clock) \
     WHERE workspace_id = $workspace_id AND user_id = $user_id AND $job_id IS NOT NULL";

/// Pushes the job in the user's round, if there is a job; must follow [`ENTER_ROUND`]. The job has no idempotency key,
/// because a conflict would silently discard a retry.
pub(super) const PUSH_JOB: &str = "INSERT INTO Jobs \
     (job, id, job_type, status, attempts, max_attempts, run_at, priority, metadata) \
     SELECT $job_payload, $job_id, 'agent-task', 'Pending', 0, 1, $job_run_at, -last_round, '{}' FROM user_log \
     WHERE workspace_id = $workspace_id AND user_id = $user_id AND $job_id IS NOT NULL";

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
/// A job with a push time in the future counts as due: the clock was set back after the push, so `run_at` is
/// meaningless. `$2` is [`first_future_id`].
macro_rules! due_jobs {
    () => {
        "WHERE j.job_type = 'agent-task' AND j.status = 'Pending' AND (j.run_at <= $1 OR j.id > $2) "
    };
}

pub(super) use due_jobs;

/// Determines whether a job is due, without acquiring the write lock.
pub(super) const LOOK: &str = concat!("SELECT 1 FROM Jobs j ", due_jobs!(), "LIMIT 1");

/// Returns the lowest possible ID of a job whose push time is later than `now` by at least [`CLOCK_TOLERANCE`].
pub(super) fn first_future_id(now: Timestamp) -> String {
    Ulid::from_parts(unix_millis(now.plus(CLOCK_TOLERANCE)), 0).to_string()
}

fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.unix_millis()).unwrap_or(0)
}

/// How the delivery of a job ended, for inspection of the queue. The outcome is stored in the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    /// The task succeeded or was stopped.
    Done,
    /// The attempt failed or was abandoned, or the job had no task that could run.
    Killed,
}

impl JobEnd {
    /// Returns the status of the job.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Killed => "Killed",
        }
    }

    /// Returns the result of the job.
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

/// Ends a job, which is kept for a while as a record.
pub(super) async fn end_job(tx: &mut Connection, job_id: &str, end: JobEnd, now: Timestamp) -> Result<(), StoreError> {
    END.call()
        .bind("ended_job_id", job_id)
        .bind("ended_job_status", end.status())
        .bind("ended_job_result", end.result())
        .bind("now_seconds", now.unix_seconds())
        .execute(tx)
        .await
}

//! Claims due tasks for workers.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use futures::future::join_all;
use sqlx::{FromRow as _, Row as _};
use tokio::time::Instant;
use ulid::Ulid;

use super::{
    Change, Store, StoreError, damaged_tasks,
    database_driver::{Connection, Query, Row},
    events::{COUNT_EVENT, LOG_TASK_UPDATED},
    folders::FolderChoice,
    jobs::{JobEnd, due_jobs, end_job, first_future_id, first_id_at},
    script::Script,
    steps,
    stripe::Stripe,
    work_folders::{DataFolder, WorkFolder},
    workers,
    writer::Start,
};
use crate::{
    chat::{TraceParent, UserRef},
    clock::{SharedClock, Timestamp},
    event::Hints,
    id::{MessageId, SessionId, TaskId, WorkerId},
};

/// An attempt that a worker has claimed. Writes for it are rejected once it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The ID of the job.
    pub job_id: String,
    /// The session.
    pub session_id: SessionId,
    /// The owner of the session.
    pub user: UserRef,
    /// The agent that answers.
    pub agent_key: String,
    /// The number of the turn.
    pub turn: i64,
    /// The ID that the answer will have once it is stored.
    pub answer_message_id: MessageId,
    /// The time from when the user sent the message, or last retried the task, to the claim. Measured with the wall
    /// clocks of two processes; zero if the claiming process's clock is behind.
    pub queued_for: Duration,
    /// When the attempt was claimed.
    pub claimed_at: Instant,
    /// Where the session's work folder is, if an agent has used one.
    pub work_folder: Option<WorkFolder>,
    /// The folder of the session; `None` for an empty one.
    pub folder: Option<FolderChoice>,
    /// The trace of the request that sent the message, if that trace is recorded.
    pub trace_parent: Option<TraceParent>,
}

/// The `WHERE` clause for the due jobs that worker `$3` may claim; must follow `FROM Jobs j` and the joins of the task
/// and its session `s`. `$1` and `$2` are explained at `due_jobs!`.
///
/// A job of a session with a configured folder is left to the workers that have the folder. The following rules also
/// apply to it. If no worker has the folder, the job may be claimed if its ID is lower than `$4`.
///
/// A job of a session whose work folder is elsewhere is left to the workers that have the folder. If there are none,
/// the job may be claimed if its ID is lower than `$4`.
macro_rules! claimable_jobs {
    () => {
        concat!(
            due_jobs!(),
            "AND NOT EXISTS (SELECT 1 FROM agent_task a JOIN work_folder f ON f.chat_session_id = a.chat_session_id \
             WHERE a.job_id = j.id AND f.data_folder_id IS DISTINCT FROM \
                 (SELECT data_folder_id FROM worker_heartbeat WHERE worker_id = $3) \
             AND (j.id >= $4 OR EXISTS \
                 (SELECT 1 FROM worker_heartbeat WHERE worker_heartbeat.data_folder_id = f.data_folder_id))) \
             AND (s.folder_key IS NULL \
             OR EXISTS (SELECT 1 FROM folder_report r \
                 WHERE r.folder_key = s.folder_key AND r.worker_id = $3 AND r.available = 1) \
             OR (j.id < $4 AND NOT EXISTS (SELECT 1 FROM folder_report r \
                 WHERE r.folder_key = s.folder_key AND r.available = 1))) "
        )
    };
}

/// Selects the users whose tasks are the first `$5` due jobs, in order. The other parameters are explained at
/// `claimable_jobs!`.
const LIST_OWNERS: &str = concat!(
    "SELECT j.id AS job_id, s.workspace_id, s.creator_id AS user_id \
     FROM Jobs j LEFT JOIN agent_task t ON t.job_id = j.id AND t.status = 'queued' \
     LEFT JOIN chat_session s ON s.id = t.chat_session_id ",
    claimable_jobs!(),
    "ORDER BY j.priority DESC, j.id LIMIT $5 + 0"
);

/// Selects at most `$5` due jobs with their tasks, in order. The other parameters are explained at `claimable_jobs!`.
///
/// Jobs are ordered by round, then by ID, which begins with the time at which the job was pushed. If they were ordered
/// by `run_at`, retries with a backoff would starve behind new jobs.
const LIST_DUE: &str = concat!(
    "SELECT j.id AS job_id, -j.priority AS round, t.id AS task_id, \
     t.attempt + 1 AS attempt, t.chat_session_id AS session_id, t.turn, t.user_message_id, t.answer_message_id, \
     COALESCE(t.retried_at, t.created_at) AS requested_at, t.trace_parent, s.workspace_id, \
     s.creator_id AS user_id, s.agent_key, s.folder_key, s.base, \
     EXISTS (SELECT 1 FROM worker_heartbeat w WHERE w.worker_id = $3) \
         AND EXISTS (SELECT 1 FROM Workers w WHERE w.id = $3) AS is_registered, \
     p.data_folder_id, p.host, p.previous_host, p.moved_in_turn \
     FROM Jobs j LEFT JOIN agent_task t ON t.job_id = j.id AND t.status = 'queued' \
     LEFT JOIN chat_session s ON s.id = t.chat_session_id \
     LEFT JOIN work_folder p ON p.chat_session_id = t.chat_session_id ",
    claimable_jobs!(),
    "ORDER BY j.priority DESC, j.id LIMIT $5 + 0"
);

/// A due job and its task. The fields of the task are `None` if the job is obsolete.
#[derive(sqlx::FromRow)]
struct DueJob {
    job_id: String,
    round: i64,
    task_id: Option<TaskId>,
    attempt: Option<i64>,
    session_id: Option<SessionId>,
    turn: Option<i64>,
    user_message_id: Option<MessageId>,
    answer_message_id: Option<MessageId>,
    /// When the message was sent, or when the user last retried the task.
    requested_at: Option<Timestamp>,
    trace_parent: Option<TraceParent>,
    workspace_id: Option<String>,
    user_id: Option<String>,
    agent_key: Option<String>,
    folder_key: Option<String>,
    base: Option<String>,
    is_registered: bool,
    data_folder_id: Option<String>,
    host: Option<String>,
    previous_host: Option<String>,
    moved_in_turn: Option<i64>,
}

impl DueJob {
    /// Reads a row of [`LIST_DUE`]. Fails if a value is invalid or if the job's ID is not a ULID.
    fn read(row: &Row) -> Result<Self, StoreError> {
        let job = Self::from_row(row)?;
        Ulid::from_string(&job.job_id).map_err(|error| StoreError::Corrupt(format!("job_id: {error}")))?;
        Ok(job)
    }

    /// Returns the attempt that starts if the job is claimed now, and the message to answer; `None` if the job is
    /// obsolete.
    fn into_claim(self, now: Timestamp) -> Option<(Claim, MessageId)> {
        let data_folder = self.data_folder_id.zip(self.host).map(|(id, host)| DataFolder { id, host });
        let work_folder = data_folder.map(|data_folder| WorkFolder {
            data_folder,
            previous_host: self.previous_host,
            moved_in_turn: self.moved_in_turn,
        });
        let claim = Claim {
            task_id: self.task_id?,
            attempt: self.attempt?,
            job_id: self.job_id,
            session_id: self.session_id?,
            user: UserRef { workspace_id: self.workspace_id?, user_id: self.user_id? },
            agent_key: self.agent_key?,
            turn: self.turn?,
            answer_message_id: self.answer_message_id?,
            queued_for: now.duration_since(self.requested_at?),
            claimed_at: Instant::now(),
            trace_parent: self.trace_parent,
            work_folder,
            folder: self.folder_key.map(|key| FolderChoice { key, base: self.base }),
        };
        Some((claim, self.user_message_id?))
    }
}

/// Starts the task of a due job.
static START: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &[
            "job_id",
            "round",
            "worker_id",
            "now",
            "now_seconds",
            "task_id",
            "attempt",
            "session_id",
            "user_message_id",
            "workspace_id",
            "user_id",
            "stripe",
        ],
        &[
            "UPDATE Jobs SET status = 'Running', attempts = attempts + 1, lock_by = $worker_id, lock_at = $now_seconds \
             WHERE id = $job_id",
            "UPDATE queue_clock SET round = $round WHERE stripe = $stripe AND round < $round",
            "UPDATE agent_task SET status = 'running', attempt = $attempt, worker_id = $worker_id, started_at = $now, \
             next_attempt_at = NULL, error_code = NULL, error_message = NULL WHERE id = $task_id",
            COUNT_EVENT,
            LOG_TASK_UPDATED,
        ],
    )
});

/// Claims at most `limit` of the first `among` due tasks within a transaction. Skips those of users whose data the
/// transaction may not change. `folder_wait` is the option `work_folder_wait`. Ends obsolete jobs, and tasks whose rows
/// are damaged, because they would otherwise come first in every later claim.
pub(super) async fn claim_due(
    tx: &mut Connection,
    worker: &WorkerId,
    limit: usize,
    among: usize,
    folder_wait: Duration,
    clock: &SharedClock,
) -> Result<Change<Vec<Claim>>, StoreError> {
    let list = select_due(sqlx::query(LIST_DUE), worker, among, folder_wait, clock.now());
    let mut due = list.fetch_all(&mut *tx).await?;
    // The transaction may have acquired the lock together with the statement.
    let now = clock.now();
    due.retain(|row| tx.may_change(owner_of(row).as_ref()));
    let (mut claims, mut hints) = (Vec::with_capacity(limit), Hints::default());
    let mut is_registered = false;
    for row in due.into_iter().take(limit) {
        let job = match DueJob::read(&row) {
            Ok(job) => job,
            Err(error) => {
                hints.merge(damaged_tasks::end(tx, &row, error, now).await?);
                continue;
            }
        };
        if !is_registered && !job.is_registered {
            workers::register(tx, worker, now).await?;
        }
        is_registered = true;
        let (job_id, round) = (job.job_id.clone(), job.round);
        let Some((claim, user_message_id)) = job.into_claim(now) else {
            end_job(tx, &job_id, JobEnd::Killed, now).await?;
            hints.wake_workers = true;
            continue;
        };
        if claim.attempt > 1 {
            steps::remove(tx, claim.task_id).await?;
        }
        START
            .call()
            .bind("job_id", &claim.job_id)
            .bind("round", round)
            .bind("worker_id", worker)
            .bind("now", now)
            .bind("now_seconds", now.unix_seconds())
            .bind("task_id", claim.task_id)
            .bind("attempt", claim.attempt)
            .bind("session_id", claim.session_id)
            .bind("user_message_id", user_message_id)
            .bind("workspace_id", &claim.user.workspace_id)
            .bind("user_id", &claim.user.user_id)
            .bind("stripe", tx.stripe_of(&claim.user).number())
            .execute(tx)
            .await?;
        hints.users.push(claim.user.clone());
        claims.push(claim);
    }
    hints.deduplicate_users();
    Ok(Change::new(claims, hints))
}

/// Binds the parameters of [`LIST_DUE`] or [`LIST_OWNERS`].
fn select_due<'q>(
    query: Query<'q>,
    worker: &WorkerId,
    limit: usize,
    folder_wait: Duration,
    now: Timestamp,
) -> Query<'q> {
    query
        .bind(now.unix_seconds())
        .bind(first_future_id(now))
        .bind(worker)
        .bind(first_id_at(now.minus(folder_wait)))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// Returns the owner of a due job's task; `None` if the job is obsolete or the owner cannot be read.
fn owner_of(row: &Row) -> Option<UserRef> {
    Some(UserRef { workspace_id: row.try_get("workspace_id").ok()?, user_id: row.try_get("user_id").ok()? })
}

/// The first due jobs.
struct DueJobs {
    /// The IDs of the jobs, in order.
    ids: Vec<String>,
    /// The number of jobs in each stripe; those of unknown owners have none.
    in_stripes: BTreeMap<Option<Stripe>, usize>,
}

impl Store {
    /// Returns whether there is a job for this worker, without acquiring the write lock.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn has_due_job(&self, worker: &WorkerId) -> Result<bool, StoreError> {
        Ok(!self.list_due(worker, 1, self.inner.clock.now()).await?.ids.is_empty())
    }

    /// Lists the first due jobs, without acquiring the write lock.
    async fn list_due(&self, worker: &WorkerId, limit: usize, now: Timestamp) -> Result<DueJobs, StoreError> {
        let folder_wait = self.inner.options.work_folder_wait;
        let rows = self.read_rows(select_due(sqlx::query(LIST_OWNERS), worker, limit, folder_wait, now)).await?;
        let mut due = DueJobs { ids: Vec::with_capacity(rows.len()), in_stripes: BTreeMap::new() };
        for row in rows {
            due.ids.push(row.try_get("job_id")?);
            let stripe = owner_of(&row).map(|user| self.inner.writers.stripe_of(&user));
            *due.in_stripes.entry(stripe).or_default() += 1;
        }
        Ok(due)
    }

    /// Claims at most `limit` due tasks, in the order of their rounds. Updates the jobs and the tasks, and appends the
    /// events, in one transaction for each stripe.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn claim(&self, worker: &WorkerId, limit: usize) -> Result<Change<Vec<Claim>>, StoreError> {
        /// The maximum number of times that all listed tasks may have been claimed by others in the meantime.
        const MAX_LOSSES: usize = 4;
        let mut claimed = Change::nothing(Vec::new());
        for _ in 0..MAX_LOSSES {
            let due = self.list_due(worker, limit, self.inner.clock.now()).await?;
            if due.ids.is_empty() {
                break;
            }
            let next = self.claim_listed(worker, limit, &due).await?;
            claimed.value = next.value;
            claimed.hints.merge(next.hints);
            if !claimed.value.is_empty() {
                break;
            }
        }
        Ok(claimed)
    }

    /// Claims at most `limit` of the due tasks that were listed, unless others have claimed them in the meantime.
    async fn claim_listed(
        &self,
        worker: &WorkerId,
        limit: usize,
        due: &DueJobs,
    ) -> Result<Change<Vec<Claim>>, StoreError> {
        let clock = &self.inner.clock;
        let (among, folder_wait) = (due.ids.len(), self.inner.options.work_folder_wait);
        let results = if due.in_stripes.contains_key(&None) {
            vec![self.write(async |tx| claim_due(tx, worker, limit, among, folder_wait, clock).await).await]
        } else {
            join_all(due.in_stripes.iter().filter_map(|(stripe, count)| Some(((*stripe)?, *count))).map(
                async |(stripe, count)| {
                    let claim =
                        async |tx: &mut Connection| claim_due(tx, worker, count, among, folder_wait, clock).await;
                    self.inner.writers.run_in(stripe, Start::WithRead, claim).await
                },
            ))
            .await
        };
        let mut claimed = Change::nothing(Vec::with_capacity(among));
        let mut failure = None;
        for result in results {
            match result {
                Ok(change) => {
                    claimed.value.extend(change.value);
                    claimed.hints.merge(change.hints);
                }
                Err(error) => failure = Some(error),
            }
        }
        // What succeeded in other stripes must be returned: tasks that were claimed must run.
        match failure {
            Some(error) if claimed.value.is_empty() && claimed.hints.users.is_empty() => return Err(error),
            Some(error) => tracing::warn!(%error, "failed to claim some of the due tasks; retrying"),
            None => {}
        }
        claimed.value.sort_by_key(|claim| due.ids.iter().position(|id| *id == claim.job_id));
        Ok(claimed)
    }
}

//! The installation's workload.

use std::time::Duration;

use ulid::Ulid;

use super::{
    Store, StoreError,
    jobs::{due_jobs, first_future_id},
};

/// A snapshot of the workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The number of queued tasks, including those that are waiting behind another task in the same session.
    pub queued: i64,
    /// The number of running tasks.
    pub running: i64,
    /// The time since the oldest due job was pushed; zero if no job is due.
    pub oldest_wait: Duration,
    /// The number of registered workers.
    pub workers: i64,
}

/// How long a result is reused. Scrapes within this time share one result.
const COUNTED_FOR: Duration = Duration::from_secs(2);

/// Counts tasks using the partial indexes on unfinished tasks, so that ended tasks cost nothing, and finds the due job
/// that was pushed first.
const COUNT: &str = concat!(
    "SELECT (SELECT COUNT(*) FROM agent_task WHERE status = 'queued') AS queued, \
     (SELECT COUNT(*) FROM agent_task WHERE status = 'running') AS running, \
     (SELECT COUNT(*) FROM worker_heartbeat) AS workers, \
     (SELECT MIN(j.id) FROM Jobs j ",
    due_jobs!(),
    ") AS oldest_job"
);

impl Store {
    /// Returns the workload. The result is at most two seconds old.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn workload(&self) -> Result<Workload, StoreError> {
        self.inner.workload.get(COUNTED_FOR, self.count_workload()).await
    }

    async fn count_workload(&self) -> Result<Workload, StoreError> {
        let now = self.inner.clock.now();
        let (queued, running, workers, oldest): (_, _, _, Option<String>) = self
            .read(async |tx| {
                Ok(sqlx::query_as(COUNT).bind(now.unix_seconds()).bind(first_future_id(now)).fetch_one(tx).await?)
            })
            .await?;
        // A job's ID begins with the time at which the job was pushed.
        let pushed = oldest.and_then(|id| Ulid::from_string(&id).ok()).map(|id| id.timestamp_ms());
        let now_ms = u64::try_from(now.unix_millis()).unwrap_or(0);
        Ok(Workload {
            queued,
            running,
            oldest_wait: pushed.map_or(Duration::ZERO, |pushed| Duration::from_millis(now_ms.saturating_sub(pushed))),
            workers,
        })
    }
}

//! Pruning: deleting rows that are no longer needed.

use std::time::Duration;

use super::{AGENT_QUEUE, Store, StoreError, idempotency};
use crate::clock::Timestamp;

/// The maximum number of rows to prune per transaction, so that senders do not wait long.
const BATCH: i64 = 1000;
/// How long ended jobs are kept for inspection.
const ENDED_JOBS_KEPT: Duration = Duration::from_hours(1);

/// Deletes at most `$2` idempotency keys that were created before `$1`.
pub(super) const PRUNE_KEYS: &str = "DELETE FROM idempotency_key WHERE (workspace_id, user_id, operation, key) IN \
     (SELECT workspace_id, user_id, operation, key FROM idempotency_key WHERE created_at < $1 LIMIT $2)";
/// Deletes at most `$3` jobs of the queue `$1` that ended before `$2`.
pub(super) const PRUNE_JOBS: &str = "DELETE FROM Jobs WHERE id IN \
     (SELECT id FROM Jobs WHERE job_type = $1 AND done_at IS NOT NULL AND done_at < $2 LIMIT $3)";
/// Selects the last event before `$1` in each log, considering only the `$2` oldest events.
pub(super) const LIST_OLD_EVENTS: &str = "SELECT e.user_log_id, MAX(e.seq) AS up_to FROM \
     (SELECT user_log_id, seq FROM event_log WHERE at < $1 ORDER BY at, id LIMIT $2) e GROUP BY e.user_log_id";

/// How long data is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The retention of events.
    pub events: Duration,
}

impl Store {
    /// Prunes expired events, idempotency keys, logins, tickets, and ended jobs. Returns the number of deleted rows.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn prune(&self, retention: Retention) -> Result<u64, StoreError> {
        let now = self.inner.clock.now();
        let keys_before = now.minus(idempotency::KEPT);
        let jobs_before = now.minus(ENDED_JOBS_KEPT).unix_seconds();
        let mut pruned = self.prune_events(now.minus(retention.events)).await?;
        pruned += self.prune_logins(now).await?;
        loop {
            let (keys, jobs) = self
                .write(async |tx| {
                    let keys = sqlx::query(PRUNE_KEYS).bind(keys_before).bind(BATCH).execute(&mut *tx).await?;
                    let jobs =
                        sqlx::query(PRUNE_JOBS).bind(AGENT_QUEUE).bind(jobs_before).bind(BATCH).execute(tx).await?;
                    Ok((keys.rows_affected(), jobs.rows_affected()))
                })
                .await?;
            pruned += keys + jobs;
            if keys.max(jobs) < BATCH.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }

    /// Prunes expired tickets and logins, of which there are few.
    async fn prune_logins(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(async |tx| {
            let mut pruned = 0;
            for query in ["DELETE FROM stream_ticket WHERE expires_at < $1", "DELETE FROM login WHERE expires_at < $1"]
            {
                pruned += sqlx::query(query).bind(now).execute(&mut *tx).await?.rows_affected();
            }
            Ok(pruned)
        })
        .await
    }

    /// Prunes a prefix of each log: everything before the first event that is recent enough.
    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let batch = self
                .write(async |tx| {
                    let old: Vec<(i64, i64)> =
                        sqlx::query_as(LIST_OLD_EVENTS).bind(before).bind(BATCH).fetch_all(&mut *tx).await?;
                    let mut batch = 0;
                    for (log_id, up_to) in old {
                        batch += sqlx::query("DELETE FROM event_log WHERE user_log_id = $1 AND seq <= $2")
                            .bind(log_id)
                            .bind(up_to)
                            .execute(&mut *tx)
                            .await?
                            .rows_affected();
                        sqlx::query("UPDATE user_log SET floor_seq = $2 WHERE id = $1 AND floor_seq < $2")
                            .bind(log_id)
                            .bind(up_to)
                            .execute(&mut *tx)
                            .await?;
                    }
                    Ok(batch)
                })
                .await?;
            pruned += batch;
            if batch < BATCH.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }
}

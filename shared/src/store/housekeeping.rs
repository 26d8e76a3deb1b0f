//! Housekeeping: pruning old rows, and repairing inconsistencies that should never occur.

use std::time::Duration;

use super::{AGENT_QUEUE, Change, Store, StoreError, idempotency, jobs::schedule_head};
use crate::{clock::Timestamp, event::Hints, id::SessionId};

/// The maximum number of rows to prune per transaction, so that senders do not wait long.
const BATCH: i64 = 1000;
/// How long ended jobs are kept for inspection.
const ENDED_JOBS_KEPT: Duration = Duration::from_hours(1);

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
            let mut tx = self.begin_write().await?;
            let keys = sqlx::query(
                "DELETE FROM idempotency_key WHERE (workspace_id, user_id, operation, key) IN \
                 (SELECT workspace_id, user_id, operation, key FROM idempotency_key INDEXED BY idempotency_key_created \
                 WHERE created_at < $1 LIMIT $2)",
            )
            .bind(keys_before)
            .bind(BATCH)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            let jobs = sqlx::query(
                "DELETE FROM Jobs WHERE rowid IN (SELECT rowid FROM Jobs INDEXED BY agent_jobs_ended \
                 WHERE job_type = $1 AND done_at IS NOT NULL AND done_at < $2 LIMIT $3)",
            )
            .bind(AGENT_QUEUE)
            .bind(jobs_before)
            .bind(BATCH)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            tx.commit().await?;
            pruned += keys + jobs;
            if keys.max(jobs) < BATCH.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }

    /// Prunes expired tickets and logins, of which there are few.
    async fn prune_logins(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        let mut tx = self.begin_write().await?;
        for query in ["DELETE FROM stream_ticket WHERE expires_at < $1", "DELETE FROM login WHERE expires_at < $1"] {
            pruned += sqlx::query(query).bind(now).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(pruned)
    }

    /// Prunes a prefix of each log: everything before the first event that is recent enough.
    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let mut tx = self.begin_write().await?;
            let old: Vec<(i64, i64)> = sqlx::query_as(
                "SELECT e.user_log_id, MAX(e.seq) AS up_to FROM \
                 (SELECT user_log_id, seq FROM event_log INDEXED BY event_log_at WHERE at < $1 ORDER BY at, id LIMIT $2) e \
                 GROUP BY e.user_log_id",
            )
            .bind(before)
            .bind(BATCH)
            .fetch_all(&mut *tx)
            .await?;
            let mut batch = 0;
            for (log_id, up_to) in old {
                batch += sqlx::query("DELETE FROM event_log WHERE user_log_id = $1 AND seq <= $2")
                    .bind(log_id)
                    .bind(up_to)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
                sqlx::query("UPDATE user_log SET floor_seq = MAX(floor_seq, $2) WHERE id = $1")
                    .bind(log_id)
                    .bind(up_to)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            pruned += batch;
            if batch < BATCH.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }

    /// Pushes a job for every session with queued tasks but no job. There should be none; each one is caused by a bug
    /// elsewhere, and is logged.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn reconcile(&self) -> Result<Change<usize>, StoreError> {
        const STRANDED: &str = "SELECT DISTINCT t.chat_session_id FROM agent_task t WHERE t.status = 'queued' \
             AND NOT EXISTS (SELECT 1 FROM agent_task l WHERE l.chat_session_id = t.chat_session_id \
                 AND (l.status = 'running' OR EXISTS (SELECT 1 FROM Jobs j WHERE j.id = l.job_id AND j.status = 'Pending')))";
        if sqlx::query(STRANDED).fetch_optional(&self.inner.readers).await?.is_none() {
            return Ok(Change::nothing(0));
        }
        let mut tx = self.begin_write().await?;
        let stranded: Vec<SessionId> = sqlx::query_scalar(STRANDED).fetch_all(&mut *tx).await?;
        for &session_id in &stranded {
            tracing::error!(%session_id, "queued task had no job; job pushed");
            sqlx::query("UPDATE agent_task SET job_id = NULL WHERE chat_session_id = $1 AND status = 'queued'")
                .bind(session_id)
                .execute(&mut *tx)
                .await?;
            schedule_head(&mut tx, session_id, self.inner.clock.now()).await?;
        }
        tx.commit().await?;
        Ok(Change::new(stranded.len(), Hints { wake_workers: !stranded.is_empty(), ..Hints::default() }))
    }
}

//! Prunes rows that are no longer needed.

use std::{collections::BTreeMap, time::Duration};

use sqlx::query::Query;

use super::{
    AGENT_QUEUE, Store, StoreError,
    database_driver::{Arguments, DatabaseDriver},
    idempotency,
    stripe::Stripe,
};
use crate::clock::Timestamp;

/// The maximum number of rows to delete per transaction, so that other changes wait for at most a few milliseconds.
const BATCH: i64 = 200;
/// How long ended jobs are kept for inspection.
const ENDED_JOBS_KEPT: Duration = Duration::from_hours(1);
/// How long it is recorded that a session was deleted. A worker that was down for longer keeps the session's folder.
const DELETED_SESSIONS_KEPT: Duration = Duration::from_hours(90 * 24);

/// Deletes at most `$2` idempotency keys that were created before `$1`.
const PRUNE_KEYS: &str = "DELETE FROM idempotency_key WHERE (workspace_id, user_id, operation, key) IN \
     (SELECT workspace_id, user_id, operation, key FROM idempotency_key WHERE created_at < $1 LIMIT $2 + 0)";
/// Deletes at most `$2` tickets that expired before `$1`.
const PRUNE_TICKETS: &str = "DELETE FROM stream_ticket WHERE token_hash IN \
     (SELECT token_hash FROM stream_ticket WHERE expires_at < $1 LIMIT $2 + 0)";
/// Deletes at most `$2` logins that expired before `$1`.
const PRUNE_LOGINS: &str = "DELETE FROM login WHERE id IN (SELECT id FROM login WHERE expires_at < $1 LIMIT $2 + 0)";
/// Deletes at most `$2` jobs of the queue `$3` that ended before `$1`.
const PRUNE_JOBS: &str = "DELETE FROM Jobs WHERE id IN \
     (SELECT id FROM Jobs WHERE job_type = $3 AND done_at IS NOT NULL AND done_at < $1 LIMIT $2 + 0)";
/// Deletes those of the `$2` oldest records of deleted sessions that are from before `$1`.
const PRUNE_DELETED_SESSIONS: &str = "DELETE FROM deleted_session WHERE deleted_at < $1 AND number IN \
     (SELECT number FROM deleted_session ORDER BY number LIMIT $2 + 0)";
/// Selects the `$1` oldest events across all logs of a SQLite database.
const LIST_OLDEST_EVENTS: &str = "SELECT user_log_id, seq, at FROM event_log ORDER BY id LIMIT $1 + 0";
/// Selects the `$1` oldest events of stripe `$2` in a database on a server.
const LIST_OLDEST_EVENTS_IN_STRIPE: &str =
    "SELECT user_log_id, seq, at FROM event_log WHERE stripe = $2 ORDER BY id LIMIT $1 + 0";

/// How long data is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How long events are kept.
    pub events: Duration,
}

/// An event that may have to be pruned.
#[derive(sqlx::FromRow)]
struct OldEvent {
    user_log_id: i64,
    seq: i64,
    at: Timestamp,
}

impl Store {
    /// Prunes expired events, idempotency keys, logins, tickets, ended jobs, and records of deleted sessions, in small
    /// batches. Returns the number of deleted rows.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn prune(&self, retention: Retention) -> Result<u64, StoreError> {
        let now = self.inner.clock.now();
        let mut pruned = Pruned::default();
        let is_server = self.location().file().is_none();
        for stripe in if is_server { Stripe::ALL.to_vec() } else { vec![Stripe::ONLY] } {
            while pruned.add_batch(self.prune_events(now, retention.events, stripe).await?) {}
        }
        for (query, before) in [
            (PRUNE_TICKETS, now),
            (PRUNE_LOGINS, now),
            (PRUNE_KEYS, now.minus(idempotency::KEPT)),
            (PRUNE_DELETED_SESSIONS, now.minus(DELETED_SESSIONS_KEPT)),
        ] {
            while pruned.add_batch(self.delete_batch(sqlx::query(query).bind(before).bind(BATCH)).await?) {}
        }
        let jobs_before = now.minus(ENDED_JOBS_KEPT).unix_seconds();
        let delete_jobs = || sqlx::query(PRUNE_JOBS).bind(jobs_before).bind(BATCH).bind(AGENT_QUEUE);
        while pruned.add_batch(self.delete_batch(delete_jobs()).await?) {}
        Ok(pruned.rows)
    }

    async fn delete_batch(&self, delete: Query<'_, DatabaseDriver, Arguments>) -> Result<u64, StoreError> {
        self.write(async |tx| Ok(delete.execute(tx).await?.rows_affected())).await
    }

    /// Prunes at most [`BATCH`] events of a stripe, oldest first, and stops at the first one to keep. Only the
    /// beginning of a log is ever pruned. Returns the number of pruned events.
    async fn prune_events(&self, now: Timestamp, kept: Duration, stripe: Stripe) -> Result<u64, StoreError> {
        // Events from the distant future were stored before the clock was set back.
        let recent = now.minus(kept)..=now.plus(kept);
        self.write(async |tx| {
            let list = if tx.is_server() { LIST_OLDEST_EVENTS_IN_STRIPE } else { LIST_OLDEST_EVENTS };
            let oldest: Vec<OldEvent> =
                sqlx::query_as(list).bind(BATCH).bind(stripe.number()).fetch_all(&mut *tx).await?;
            let old: Vec<OldEvent> = oldest.into_iter().take_while(|event| !recent.contains(&event.at)).collect();
            let last_of_each: BTreeMap<i64, i64> = old.iter().map(|event| (event.user_log_id, event.seq)).collect();
            for (log_id, up_to) in last_of_each {
                sqlx::query("DELETE FROM event_log WHERE user_log_id = $1 AND seq <= $2")
                    .bind(log_id)
                    .bind(up_to)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("UPDATE user_log SET floor_seq = $2 WHERE id = $1 AND floor_seq < $2")
                    .bind(log_id)
                    .bind(up_to)
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// The number of rows deleted so far.
#[derive(Default)]
struct Pruned {
    rows: u64,
}

impl Pruned {
    /// Adds the number of rows in a batch. Returns whether there may be more rows to delete.
    fn add_batch(&mut self, rows: u64) -> bool {
        self.rows += rows;
        rows >= BATCH.unsigned_abs()
    }
}

//! Backdates rows so that an hour-long run shows the effect of a day's pruning.
//!
//! The shortest `EVENT_RETENTION_HOURS` is one hour, so nothing would be pruned in a run of that length. Rows older
//! than [`Backdater::max_age`] are backdated in small transactions; the regular pruning then deletes them.

use std::{path::Path, time::Duration};

use anyhow::Result;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio_util::sync::CancellationToken;

/// Interval between backdating passes.
const INTERVAL: Duration = Duration::from_secs(5);
/// Maximum number of rows per transaction, which limits how long a send waits for the transaction.
const BATCH: i64 = 500;

/// Statements that backdate rows beyond their retention period, which is one hour or one day. `?1` is the minimum age,
/// such as `-600 seconds`, and `?2` is the maximum number of rows.
const STATEMENTS: [&str; 3] = [
    "UPDATE event_log SET at = strftime('%Y-%m-%dT%H:%M:%fZ', at, '-2 hours') WHERE id IN (SELECT id FROM event_log \
     WHERE at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour') \
     AND at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1) ORDER BY at, id LIMIT ?2)",
    "UPDATE idempotency_key SET created_at = strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '-2 days') \
     WHERE (workspace_id, user_id, operation, key) IN (SELECT workspace_id, user_id, operation, key FROM idempotency_key \
     WHERE created_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day') \
     AND created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1) LIMIT ?2)",
    "UPDATE Jobs SET done_at = done_at - 7200 WHERE rowid IN (SELECT rowid FROM Jobs WHERE done_at IS NOT NULL \
     AND job_type = 'agent-task' AND done_at > unixepoch() - 3600 AND done_at < unixepoch('now', ?1) LIMIT ?2)",
];

/// A background task that backdates rows.
#[derive(Debug)]
pub struct Backdater {
    connection: SqliteConnection,
    /// Age at which a row is backdated.
    max_age: Duration,
}

impl Backdater {
    /// Opens a connection.
    pub async fn open(database: &Path, max_age: Duration) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(database).busy_timeout(INTERVAL);
        Ok(Self { connection: SqliteConnection::connect_with(&options).await?, max_age })
    }

    /// Backdates rows until `stop` is cancelled.
    pub async fn run(mut self, stop: CancellationToken) -> Result<()> {
        let older_than = format!("-{} seconds", self.max_age.as_secs());
        let mut ticks = tokio::time::interval(INTERVAL);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            for statement in STATEMENTS {
                while !stop.is_cancelled() {
                    let backdated =
                        sqlx::query(statement).bind(&older_than).bind(BATCH).execute(&mut self.connection).await?;
                    if backdated.rows_affected() < BATCH.unsigned_abs() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

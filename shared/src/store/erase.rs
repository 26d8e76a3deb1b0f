//! Erases deleted text from the database files.
//!
//! `secure_delete` overwrites deleted rows and pages. Copies remain in two places: in the write-ahead log, which
//! contains earlier versions of pages, and in gaps within pages whose rows SQLite has moved. A checkpoint truncates the
//! log, and `VACUUM` rewrites the pages. Readers and writers can block these operations, so [`crate::upkeep`] runs them
//! after the deletion and retries them. On PostgreSQL, `VACUUM` is the server's task.

use std::time::Duration;

use tokio::sync::Notify;

use super::{Store, StoreError, database_driver::block};

/// The maximum size, in bytes, of a database that is rewritten after a deletion. The limit keeps the delay for senders
/// unnoticeable.
const REWRITTEN_BYTES: i64 = 64 * 1024 * 1024;
/// How long a checkpoint or a rewrite waits for a lock. While a checkpoint is waiting for readers, it blocks writers.
const LOCK_LIMIT: Duration = Duration::from_millis(50);

/// Notifies this process's background work of deletions.
#[derive(Debug, Default)]
pub(super) struct Erasure(Notify);

impl Store {
    /// Records that text was deleted and that its remnants must be erased.
    pub(super) fn note_deletion(&self) {
        self.inner.erasure.0.notify_one();
    }

    /// Waits until this process deletes text. Returns immediately if it has done so since the previous call returned.
    pub async fn wait_for_deletion(&self) {
        self.inner.erasure.0.notified().await;
    }

    /// Empties SQLite's write-ahead log. Returns false if readers or writers prevented this.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        let Some(options) = self.file_options(LOCK_LIMIT) else { return Ok(true) };
        block(async {
            let mut connection = options.open()?;
            let is_busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
            Ok(is_busy == 0)
        })
        .await
    }

    /// Rewrites a SQLite database if it is small, so that its pages no longer contain deleted text. Returns false if the
    /// database is too large.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if another connection holds a lock for too long, or another error if the store
    /// fails.
    pub async fn rewrite(&self) -> Result<bool, StoreError> {
        let Some(options) = self.file_options(LOCK_LIMIT) else { return Ok(true) };
        block(async {
            let mut connection = options.open()?;
            let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
            let bytes: i64 = sqlx::query_scalar(size).fetch_one(&mut connection).await?;
            let is_small = bytes <= REWRITTEN_BYTES;
            if is_small {
                connection.exec("VACUUM").await?;
            }
            Ok(is_small)
        })
        .await
    }
}

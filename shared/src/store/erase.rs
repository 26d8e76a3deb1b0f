//! What is left of text that was deleted: nothing in the database's files.
//!
//! `secure_delete` overwrites what a row or a page held. Two places remain: the write-ahead log, which still has the page as it
//! was before, and gaps in pages whose rows SQLite has moved. The first is cut off by a checkpoint, the second is rewritten by
//! `VACUUM`. Both have to wait for readers, so they are done after the change, by [`crate::upkeep`], and tried again.

use std::time::Duration;

use sqlx::Connection as _;
use tokio::sync::Notify;

use super::{Store, StoreError};

/// Databases up to this size, in bytes, are rewritten after a deletion: no sender waits noticeably for it.
const REWRITTEN_BYTES: i64 = 64 * 1024 * 1024;
/// How long a checkpoint or a rewrite waits for a lock. Writers wait for a checkpoint that waits for readers.
const LOCK_LIMIT: Duration = Duration::from_millis(50);

/// Tells the upkeep of this process that text was deleted.
#[derive(Debug, Default)]
pub(super) struct Erasure(Notify);

impl Store {
    /// Notes that text was deleted: what is left of it in the files is to be erased.
    pub(super) fn note_deletion(&self) {
        self.inner.erasure.0.notify_one();
    }

    /// Waits until this process has deleted text. Deletions before the call count, too, once.
    pub async fn wait_for_deletion(&self) {
        self.inner.erasure.0.notified().await;
    }

    /// Empties the write-ahead log. Returns whether all of it is gone: false while somebody reads or writes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        let mut connection = self.connect_within(LOCK_LIMIT).await?;
        let is_busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(is_busy == 0)
    }

    /// Rewrites a small database page by page, which leaves nothing of what was deleted. Returns whether it was: a large one
    /// is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while somebody writes; otherwise when the store fails.
    pub async fn rewrite(&self) -> Result<bool, StoreError> {
        let mut connection = self.connect_within(LOCK_LIMIT).await?;
        let bytes: i64 = sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            .fetch_one(&mut connection)
            .await?;
        let is_small = bytes <= REWRITTEN_BYTES;
        if is_small {
            sqlx::query("VACUUM").execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(is_small)
    }
}

//! Readiness checks for the store.

use std::time::Duration;

use nix::sys::statvfs::statvfs;
use tokio::time::timeout;

use super::{Store, StoreError};

/// The maximum duration of the test write. If writes take longer, requests that send messages may time out.
const READY_WITHIN: Duration = Duration::from_secs(1);
/// How long a successful result is reused, so that frequent probes do not put load on the disk.
const READY_FOR: Duration = Duration::from_secs(1);
/// The disk space that a message of maximum size may need, in bytes, including its pages in the write-ahead log. With
/// less space, smaller writes may still succeed.
const LEAST_ROOM_BYTES: u64 = 1024 * 1024;

impl Store {
    /// Checks that the database responds, that it accepts a write within a second, and that the disk has enough space.
    /// Checks within the same second share one write.
    ///
    /// # Errors
    /// Returns an error if one of these checks fails.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        self.inner
            .readiness
            .get(READY_FOR, async {
                self.read(async |tx| Ok(sqlx::query("SELECT 1 FROM chat_session LIMIT 1").fetch_optional(tx).await?))
                    .await?;
                self.check_room()?;
                timeout(READY_WITHIN, self.write_readiness()).await.unwrap_or(Err(StoreError::Busy))
            })
            .await
    }

    async fn write_readiness(&self) -> Result<(), StoreError> {
        self.write(async |tx| {
            sqlx::query(
                "INSERT INTO readiness_check (singleton, checked_at) VALUES (1, $1) \
                 ON CONFLICT (singleton) DO UPDATE SET checked_at = excluded.checked_at",
            )
            .bind(self.inner.clock.now())
            .execute(&mut *tx)
            .await?;
            Ok(())
        })
        .await
    }

    /// Checks that the disk of a SQLite database has space for a large message.
    fn check_room(&self) -> Result<(), StoreError> {
        let Some(path) = self.location().file() else { return Ok(()) };
        // If the file system does not report its free space, only the write determines readiness.
        let Ok(disk) = statvfs(path) else { return Ok(()) };
        let room = disk.blocks_available().saturating_mul(disk.fragment_size());
        if disk.blocks() > 0 && room < LEAST_ROOM_BYTES { Err(StoreError::DiskFull) } else { Ok(()) }
    }
}

//! Whether the store can serve requests.

use std::time::Duration;

use nix::sys::statvfs::statvfs;
use tokio::time::timeout;

use super::{Store, StoreError};

/// A write that takes longer makes the process not ready: sends may time out.
const READY_WITHIN: Duration = Duration::from_secs(1);
/// How long a result counts, so that frequent probes cannot load the disk.
const READY_FOR: Duration = Duration::from_secs(1);
/// Room on the disk that a message of the largest size may need, with its pages in the write-ahead log. A smaller
/// write may still succeed where the log has room.
const LEAST_ROOM_BYTES: u64 = 1024 * 1024;

impl Store {
    /// Checks that the database answers, and that it takes a write within a second, with the durability that is
    /// configured. Checks made within a second of each other share one write.
    ///
    /// # Errors
    /// When it does not, or the disk is full.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        self.inner
            .readiness
            .get(READY_FOR, async {
                sqlx::query("SELECT 1 FROM chat_session LIMIT 1").fetch_optional(&self.inner.readers).await?;
                self.check_room()?;
                timeout(READY_WITHIN, self.write_readiness()).await.unwrap_or(Err(StoreError::Busy))
            })
            .await
    }

    async fn write_readiness(&self) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        sqlx::query(
            "INSERT INTO readiness_check (singleton, checked_at) VALUES (1, $1) \
             ON CONFLICT (singleton) DO UPDATE SET checked_at = excluded.checked_at",
        )
        .bind(self.inner.clock.now())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Checks that the disk has room for a large message.
    fn check_room(&self) -> Result<(), StoreError> {
        // Where the file system does not tell, the write decides.
        let Ok(disk) = statvfs(&self.inner.options.path) else { return Ok(()) };
        let room = disk.blocks_available().saturating_mul(disk.fragment_size());
        if disk.blocks() > 0 && room < LEAST_ROOM_BYTES { Err(StoreError::DiskFull) } else { Ok(()) }
    }
}

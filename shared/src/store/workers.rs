//! Registers workers and stores their heartbeats.

use super::{
    Store, StoreError,
    database_driver::{Connection, block_if},
    stripe::Scope,
    work_folders::DataFolder,
};
use crate::{clock::Timestamp, id::WorkerId};

/// Selects every worker that has a heartbeat or a running task, with its heartbeat counter.
const LIST_BEATS: &str = "SELECT worker_id, beat FROM worker_heartbeat UNION ALL \
     SELECT DISTINCT t.worker_id, CAST(NULL AS INTEGER) FROM agent_task t \
     WHERE t.status = 'running' AND t.worker_id NOT IN (SELECT worker_id FROM worker_heartbeat)";

/// A worker, as seen by other processes.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Beat {
    /// The worker.
    pub worker_id: WorkerId,
    /// The heartbeat counter; `None` if the worker is not registered but still has running tasks.
    pub beat: Option<i64>,
}

/// A worker's heartbeat. It uses a separate connection, so that it does not queue behind other operations of this
/// process.
#[derive(Debug)]
pub struct Heartbeat {
    store: Store,
    worker: WorkerId,
    folder: Option<DataFolder>,
    connection: Option<Connection>,
}

impl Heartbeat {
    /// Increments the counter, and registers the worker if necessary.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn beat(&mut self) -> Result<(), StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.store.connect().await?),
        };
        let may_block = self.store.location().file().is_some();
        let result = block_if(
            may_block,
            write_beat(connection, &self.worker, self.folder.as_ref(), self.store.inner.clock.now()),
        )
        .await;
        if result.is_err() {
            self.connection = None;
        }
        result
    }
}

async fn write_beat(
    connection: &mut Connection,
    worker: &WorkerId,
    folder: Option<&DataFolder>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // After an error, the caller closes the connection, which reverts the changes.
    connection.begin_write_in(Scope::Worker).await?;
    register(connection, worker, now).await?;
    sqlx::query("UPDATE worker_heartbeat SET beat = beat + 1, data_folder_id = $2 WHERE worker_id = $1")
        .bind(worker)
        .bind(folder.map(|folder| &folder.id))
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE Workers SET last_seen = $2 WHERE id = $1")
        .bind(worker)
        .bind(now.unix_seconds())
        .execute(&mut *connection)
        .await?;
    Ok(connection.commit().await?)
}

/// Registers the worker in `worker_heartbeat`, which other processes watch, and in `Workers`, to which `Jobs.lock_by`
/// refers. Also re-registers a live worker that was considered dead.
pub(super) async fn register(tx: &mut Connection, worker: &WorkerId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO worker_heartbeat (worker_id, started_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(worker)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO Workers (id, worker_type, storage_name, layers, last_seen, started_at) \
         VALUES ($1, $2, 'banter', '', $3, $3) ON CONFLICT DO NOTHING",
    )
    .bind(worker)
    .bind(super::AGENT_QUEUE)
    .bind(now.unix_seconds())
    .execute(tx)
    .await?;
    Ok(())
}

impl Store {
    /// Creates the heartbeat of a worker that uses this data folder, if any.
    #[must_use]
    pub fn heartbeat(&self, worker: &WorkerId, folder: Option<DataFolder>) -> Heartbeat {
        Heartbeat { store: self.clone(), worker: worker.clone(), folder, connection: None }
    }

    /// Lists every worker that has a heartbeat or a running task.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_beats(&self) -> Result<Vec<Beat>, StoreError> {
        let beats = self.read(async |tx| Ok(sqlx::query_as(LIST_BEATS).fetch_all(tx).await?)).await?;
        Ok(beats)
    }

    /// Removes a worker that has no running attempts.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn deregister(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.write(async |tx| forget_worker(tx, worker).await).await
    }
}

/// Returns a worker's heartbeat counter; `None` if the worker is not registered.
pub(super) async fn find_beat(tx: &mut Connection, worker: &WorkerId) -> Result<Option<i64>, StoreError> {
    let beat = sqlx::query_scalar("SELECT beat FROM worker_heartbeat WHERE worker_id = $1").bind(worker);
    Ok(beat.fetch_optional(tx).await?)
}

/// Removes a worker's registration. The worker's row in `Workers` is kept while a job refers to it.
pub(super) async fn forget_worker(tx: &mut Connection, worker: &WorkerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM worker_heartbeat WHERE worker_id = $1").bind(worker).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM Workers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = $1)")
        .bind(worker)
        .execute(tx)
        .await?;
    Ok(())
}

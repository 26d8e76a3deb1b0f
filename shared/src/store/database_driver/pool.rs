//! Pools of connections.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::Error;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{Connection, Options, Query, Row, block::block_if};

/// A limited number of connections, which are opened as needed.
#[derive(Debug)]
pub(in crate::store) struct Pool {
    options: Options,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    /// The maximum number of connections.
    size: u32,
    /// How long to wait for a connection.
    acquire_timeout: Duration,
}

impl Pool {
    /// Creates a pool, and opens its first connection.
    pub(in crate::store) async fn open(options: Options, size: u32, acquire_timeout: Duration) -> Result<Self, Error> {
        let idle = Mutex::new(vec![options.open().await?]);
        let permits = Semaphore::new(usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS));
        Ok(Self { options, idle, permits, size, acquire_timeout })
    }

    /// Runs an operation in a read transaction, in which all reads see the same snapshot.
    ///
    /// # Errors
    /// Returns the operation's error, [`Error::PoolTimedOut`] if no connection became available in time,
    /// [`Error::PoolClosed`] if the pool is closed, or another error if the connection fails.
    pub(in crate::store) async fn read<T, E: From<Error>>(
        &self,
        operation: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let _permit = self.acquire().await?;
        block_if(self.options.are_blocking(), async {
            let mut connection = self.take(Connection::begin_read).await?;
            let result = operation(&mut connection).await;
            match connection.end_read().await {
                Ok(()) => self.put_back(connection),
                Err(error) => tracing::debug!(%error, "failed to end a transaction; closing the connection"),
            }
            result
        })
        .await
    }

    /// Runs a query and returns its rows. A single query needs no transaction.
    ///
    /// # Errors
    /// Returns the same errors as [`Pool::read`].
    pub(in crate::store) async fn read_rows(&self, query: Query<'_>) -> Result<Vec<Row>, Error> {
        let _permit = self.acquire().await?;
        block_if(self.options.are_blocking(), async {
            let mut connection = self.take(Connection::check_connection).await?;
            let rows = query.fetch_all(&mut connection).await?;
            self.put_back(connection);
            Ok(rows)
        })
        .await
    }

    /// Waits until a connection may be used.
    async fn acquire(&self) -> Result<SemaphorePermit<'_>, Error> {
        let permit = timeout(self.acquire_timeout, self.permits.acquire()).await;
        permit.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)
    }

    /// Takes an idle connection, or opens one, and prepares it. Connections that the server has closed are replaced.
    async fn take(
        &self,
        prepare: impl for<'c> AsyncFn(&'c mut Connection) -> Result<(), Error>,
    ) -> Result<Connection, Error> {
        while let Some(mut connection) = self.take_idle() {
            match prepare(&mut connection).await {
                Ok(()) => return Ok(connection),
                Err(_) if !connection.is_usable() => {}
                Err(error) => return Err(error),
            }
        }
        let mut connection = self.options.open().await?;
        prepare(&mut connection).await?;
        Ok(connection)
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Connection::is_usable);
        idle.pop()
    }

    fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Waits until no connection is in use, then closes all connections. Later operations fail.
    pub(in crate::store) async fn close(&self) {
        let all = self.permits.acquire_many(self.size).await;
        self.permits.close();
        drop(all);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

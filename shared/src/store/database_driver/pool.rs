//! The pool of the readers' connections.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::Error;
use tokio::{sync::Semaphore, time::timeout};

use super::{Connection, Options, block};

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
    pub(in crate::store) fn open(options: Options, size: u32, acquire_timeout: Duration) -> Result<Self, Error> {
        let idle = Mutex::new(vec![options.open()?]);
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
        let permit = timeout(self.acquire_timeout, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        block(async {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.options.open()?,
            };
            connection.exec("BEGIN")?;
            let result = operation(&mut connection).await;
            // If the rollback fails, the connection is closed instead of reused.
            connection.exec("ROLLBACK")?;
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        })
        .await
    }

    /// Waits until no connection is in use, then closes all connections. Later reads fail.
    pub(in crate::store) async fn close(&self) {
        let all = self.permits.acquire_many(self.size).await;
        self.permits.close();
        drop(all);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

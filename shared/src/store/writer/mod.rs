//! A process's writer connection and its transactions.
//!
//! SQLite has one writer at a time, and a commit at `synchronous=FULL` waits for the disk. Operations that wait for the
//! connection are therefore committed together (docs/adr/0011). Each runs in a separate savepoint, so that an error
//! reverts only the changes of that operation, and none returns before the commit.

mod session;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use self::session::Session;
use super::StoreError;

/// The maximum number of operations per commit, so that neither they nor other processes have to wait for long.
const MAX_BATCH: usize = 64;

/// Runs operations on the writer connection.
#[derive(Debug)]
pub(super) struct Writer {
    session: Arc<Mutex<Session>>,
    /// The number of operations that wait for the connection.
    waiting: AtomicUsize,
    options: SqliteConnectOptions,
    busy_timeout: Duration,
}

impl Writer {
    /// Opens the connection. `busy_timeout` limits the wait for the connection and for the write lock together.
    pub(super) async fn open(options: SqliteConnectOptions, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let session = Session::new(options.connect().await?);
        Ok(Self { session: Arc::new(Mutex::new(session)), waiting: AtomicUsize::new(0), options, busy_timeout })
    }

    /// Runs an operation in a write transaction and returns its result after the commit. If the operation fails, its
    /// changes are reverted.
    ///
    /// Errors are also returned only after the commit, because the operation may have read what another one wrote in
    /// the same transaction.
    ///
    /// # Errors
    /// Returns the operation's error, [`StoreError::Busy`] if the connection or the write lock was not available in
    /// time, or another error if the commit fails.
    pub(super) async fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.busy_timeout;
        let mut session = self.acquire(deadline).await?;
        session.begin(&self.options, deadline).await?;
        let result = operation(session.connection()?).await;
        match &result {
            Ok(_) => session.keep(),
            Err(_) => session.revert().await,
        }
        self.end(session).await?;
        result
    }

    /// Returns the number of operations that wait for the connection.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Commits the open transaction and closes the connection. Later operations fail.
    pub(super) async fn close(&self) {
        self.session.lock().await.close().await;
    }

    /// Waits for the connection, in order of arrival.
    async fn acquire(&self, deadline: Instant) -> Result<OwnedMutexGuard<Session>, StoreError> {
        let waiting = Waiting::new(&self.waiting);
        let session = timeout_at(deadline, Arc::clone(&self.session).lock_owned()).await;
        drop(waiting);
        session.map_err(|_| StoreError::Busy)
    }

    /// Commits the open transaction, or leaves the commit to the operations that wait for the connection.
    async fn end(&self, mut session: OwnedMutexGuard<Session>) -> Result<(), StoreError> {
        if !session.is_open() {
            return Ok(());
        }
        let is_last = self.waiting() == 0;
        if is_last && session.batch_len() == 0 {
            return session.commit().await;
        }
        let committed = session.join_batch();
        if is_last || session.batch_len() >= MAX_BATCH {
            // Commit in a separate task, because the batch needs the result even if this caller is dropped.
            tokio::spawn(async move { session.commit().await });
        } else {
            if session.batch_len() == 1 {
                // This task queues behind the operations that will join the batch, all of which may be dropped before
                // their turn.
                tokio::spawn(commit_next(Arc::clone(&self.session)));
            }
            drop(session);
        }
        // If the sender was dropped, the runtime is shutting down.
        committed.await.map_err(|_| StoreError::Busy)??;
        Ok(())
    }
}

/// Waits for the connection, and commits the transaction that is open then.
async fn commit_next(session: Arc<Mutex<Session>>) {
    session.lock().await.commit_open().await;
}

/// Counts an operation while it waits for the connection.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

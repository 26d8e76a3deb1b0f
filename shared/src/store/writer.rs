//! A process's writer connection and its transactions.
//!
//! SQLite has one writer at a time, and a commit at `synchronous=FULL` waits for the disk. Operations that wait for the
//! connection are therefore committed together (docs/adr/0011). Each runs in a separate savepoint, so that an error
//! reverts only the changes of that operation, and none returns before the commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::{Instant, timeout_at},
};

use super::{StoreError, sqlite};

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

/// The connection and the transaction that is open on it.
#[derive(Debug)]
struct Session {
    /// The connection; `None` after a failure, and after the writer was closed.
    connection: Option<SqliteConnection>,
    is_closed: bool,
    transaction: State,
    /// The operations that wait for the commit of the open transaction.
    batch: Vec<oneshot::Sender<Result<(), CommitError>>>,
}

/// The state of the connection's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No transaction is open.
    Idle,
    /// A transaction is open, and all its operations succeeded.
    Open,
    /// An operation is running. If the next operation finds this state, the caller of this one was dropped.
    Running,
    /// The commit is running. If the next operation finds this state, the caller of this one was dropped.
    Committing,
}

/// The reason why an operation's transaction was not committed.
#[derive(Clone, Debug)]
enum CommitError {
    /// Another process held the lock.
    Busy,
    /// The disk is full or not writable.
    Unwritable(String),
    /// The database failed.
    Database(String),
}

impl From<&StoreError> for CommitError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unwritable(source) => Self::Unwritable(source.to_string()),
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Busy => Self::Busy,
            CommitError::Unwritable(text) => Self::Unwritable(sqlx::Error::Protocol(text)),
            CommitError::Database(text) => Self::Database(sqlx::Error::Protocol(text)),
        }
    }
}

impl Writer {
    /// Opens the connection. `busy_timeout` limits the wait for the connection and for the write lock together.
    pub(super) async fn open(options: SqliteConnectOptions, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let session = Session {
            connection: Some(options.connect().await?),
            is_closed: false,
            transaction: State::Idle,
            batch: Vec::new(),
        };
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
            Ok(_) => session.transaction = State::Open,
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
        let mut session = self.session.lock().await;
        session.commit_open().await;
        session.is_closed = true;
        if let Some(connection) = session.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "failed to close the connection");
        }
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
        if session.transaction != State::Open {
            return Ok(());
        }
        let is_last = self.waiting() == 0;
        if is_last && session.batch.is_empty() {
            return session.commit().await;
        }
        let (sender, committed) = oneshot::channel();
        session.batch.push(sender);
        if is_last || session.batch.len() >= MAX_BATCH {
            // Commit in a separate task, because the batch needs the result even if this caller is dropped.
            tokio::spawn(async move { session.commit().await });
        } else {
            if session.batch.len() == 1 {
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

impl Session {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Database(sqlx::Error::PoolClosed))
    }

    async fn execute(&mut self, statement: impl SqlSafeStr) -> Result<(), StoreError> {
        sqlx::query(statement).execute(self.connection()?).await?;
        Ok(())
    }

    /// Begins a transaction, or joins the open one.
    async fn begin(&mut self, options: &SqliteConnectOptions, deadline: Instant) -> Result<(), StoreError> {
        self.settle().await;
        if self.connection.is_none() && !self.is_closed {
            self.connection = Some(options.connect().await?);
        }
        if self.transaction == State::Open {
            self.transaction = State::Running;
            // The name is unique in the transaction: if the savepoint is missing, `ROLLBACK TO` must fail rather than
            // find the savepoint of the previous operation.
            return self.execute(sqlite::savepoint(self.batch.len())).await;
        }
        self.transaction = State::Running;
        loop {
            match self.execute(sqlite::BEGIN_WRITE).await {
                Err(StoreError::Busy) if Instant::now() < deadline => {}
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.transaction = State::Idle;
                    return Err(error);
                }
            }
        }
    }

    /// Cleans up after an operation or a commit whose caller was dropped.
    async fn settle(&mut self) {
        match self.transaction {
            State::Idle | State::Open => {}
            State::Running => self.revert().await,
            State::Committing => {
                // Only a commit without a batch runs in its caller, so no operation waits for the result.
                self.abort().await;
            }
        }
    }

    /// Reverts the changes of the running operation, and no others.
    async fn revert(&mut self) {
        if self.batch.is_empty() {
            return self.abort().await;
        }
        // If the disk is full, SQLite rolls back the entire transaction, including the savepoint.
        match self.execute(sqlite::rollback_to(self.batch.len())).await {
            Ok(()) => self.transaction = State::Open,
            Err(error) => {
                self.answer(&Err(CommitError::from(&error)));
                self.abort().await;
            }
        }
    }

    /// Rolls back the transaction. A connection that cannot do so is replaced.
    async fn abort(&mut self) {
        // If there is no transaction, the statement fails: SQLite has already rolled it back, or the commit was
        // completed.
        if let Err(error) = self.execute(sqlite::ROLLBACK).await
            && !sqlite::is_rejection(&error)
        {
            tracing::debug!(%error, "replacing the writer connection");
            self.connection = None;
        }
        self.transaction = State::Idle;
    }

    /// Commits the open transaction, if there is one.
    async fn commit_open(&mut self) {
        self.settle().await;
        if self.transaction == State::Open {
            // Each operation in the batch receives the error, if there is one.
            let _ = self.commit().await;
        }
    }

    /// Commits the transaction and reports the result to every operation in the batch.
    async fn commit(&mut self) -> Result<(), StoreError> {
        self.transaction = State::Committing;
        let result = self.execute(sqlite::COMMIT).await;
        match &result {
            Ok(()) => {
                self.transaction = State::Idle;
                self.answer(&Ok(()));
            }
            Err(error) => {
                self.answer(&Err(CommitError::from(error)));
                self.abort().await;
            }
        }
        result
    }

    /// Reports the result of the commit to the operations in the batch.
    fn answer(&mut self, result: &Result<(), CommitError>) {
        for sender in self.batch.drain(..) {
            // A caller that was dropped does not need the result.
            let _ = sender.send(result.clone());
        }
    }
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

//! The writer connection, its open transaction, and the operations that wait for the commit.

use std::{thread, time::Duration};

use tokio::sync::oneshot;

use crate::store::{
    StoreError,
    database_driver::{Connection, SqliteOptions},
    sqlite,
};

/// The pauses between attempts to acquire the write lock, which other processes usually hold for less than a
/// millisecond.
const LOCK_PAUSES: [Duration; 4] =
    [Duration::from_micros(100), Duration::from_micros(200), Duration::from_micros(400), Duration::from_micros(800)];

/// The connection and the transaction that is open on it.
#[derive(Debug)]
pub(super) struct Session {
    /// The connection; `None` after a failure, and after the writer was closed.
    connection: Option<Connection>,
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
    /// A transaction is open, and contains only the changes of operations that succeeded.
    Open,
    /// An operation is running. If the next operation finds this state, the previous one panicked or was dropped.
    Running,
}

/// The reason why an operation's transaction was not committed.
#[derive(Clone, Debug)]
pub(super) enum CommitError {
    /// Another process held the lock.
    Busy,
    /// The disk is full or not writable.
    Unwritable(String),
    /// Any other error.
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

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection: Some(connection), is_closed: false, transaction: State::Idle, batch: Vec::new() }
    }

    /// Returns whether a transaction is open in which no operation is running.
    pub(super) fn is_open(&self) -> bool {
        self.transaction == State::Open
    }

    /// Returns the number of operations that wait for the commit.
    pub(super) fn batch_len(&self) -> usize {
        self.batch.len()
    }

    /// Adds the operation that has just run to those that wait for the commit, and returns the receiver of the commit's
    /// result.
    pub(super) fn join_batch(&mut self) -> oneshot::Receiver<Result<(), CommitError>> {
        let (sender, committed) = oneshot::channel();
        self.batch.push(sender);
        committed
    }

    /// Keeps the changes of the running operation for the commit.
    pub(super) fn keep(&mut self) {
        self.transaction = State::Open;
    }

    /// Commits the open transaction and closes the connection permanently.
    pub(super) async fn close(&mut self) {
        self.commit_open().await;
        self.is_closed = true;
        self.connection = None;
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Database(sqlx::Error::PoolClosed))
    }

    async fn execute(&mut self, statement: &str) -> Result<(), StoreError> {
        Ok(self.connection()?.exec(statement).await?)
    }

    /// Begins a transaction, or joins the open one. Waits up to 2 ms for the write lock.
    pub(super) async fn begin(&mut self, options: &SqliteOptions) -> Result<(), StoreError> {
        self.settle().await;
        if self.connection.is_none() && !self.is_closed {
            self.connection = Some(options.open()?);
        }
        let joins = self.transaction == State::Open;
        let result = if joins {
            // The name is unique in the transaction: if the savepoint is missing, `ROLLBACK TO` must fail rather than
            // find the savepoint of the previous operation.
            self.execute(&sqlite::savepoint(self.batch.len())).await
        } else {
            self.acquire_lock().await
        };
        if joins || result.is_ok() {
            self.transaction = State::Running;
        }
        result
    }

    /// Begins a transaction. Retries a few times if another process holds the write lock.
    async fn acquire_lock(&mut self) -> Result<(), StoreError> {
        for pause in LOCK_PAUSES {
            match self.execute(sqlite::BEGIN_WRITE).await {
                Err(StoreError::Busy) => thread::sleep(pause),
                result => return result,
            }
        }
        self.execute(sqlite::BEGIN_WRITE).await
    }

    /// Cleans up after an operation that panicked or was dropped.
    async fn settle(&mut self) {
        match self.transaction {
            State::Idle | State::Open => {}
            State::Running => self.revert().await,
        }
    }

    /// Reverts the changes of the running operation, and no others. If that is impossible, the entire transaction
    /// fails.
    pub(super) async fn revert(&mut self) {
        if self.batch.is_empty() {
            return self.abort().await;
        }
        // If the disk is full, SQLite rolls back the entire transaction, including the savepoint.
        match self.execute(&sqlite::rollback_to(self.batch.len())).await {
            Ok(()) => self.transaction = State::Open,
            Err(error) => {
                self.answer(&Err(CommitError::from(&error)));
                self.abort().await;
            }
        }
    }

    /// Rolls back the transaction. If that is impossible, the connection is replaced.
    async fn abort(&mut self) {
        // The statement fails if SQLite has already rolled back the transaction or completed the commit.
        if let Err(error) = self.execute(sqlite::ROLLBACK).await
            && !sqlite::is_rejection(&error)
        {
            tracing::debug!(%error, "replacing the writer connection");
            self.connection = None;
        }
        self.transaction = State::Idle;
    }

    /// Commits the open transaction, if there is one, and reports the result to every operation in the batch.
    pub(super) async fn commit_open(&mut self) {
        self.settle().await;
        if self.transaction != State::Open {
            return;
        }
        match self.execute(sqlite::COMMIT).await {
            Ok(()) => {
                self.transaction = State::Idle;
                self.answer(&Ok(()));
            }
            Err(error) => {
                self.answer(&Err(CommitError::from(&error)));
                self.abort().await;
            }
        }
    }

    /// Reports the result of the commit to the operations in the batch.
    fn answer(&mut self, result: &Result<(), CommitError>) {
        for sender in self.batch.drain(..) {
            // A caller that was dropped does not need the result.
            let _ = sender.send(result.clone());
        }
    }
}

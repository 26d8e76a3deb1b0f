//! The writer connection, its open transaction, and the operations that wait for the commit.

use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{sync::oneshot, time::Instant};

use crate::store::{StoreError, sqlite};

/// The connection and the transaction that is open on it.
#[derive(Debug)]
pub(super) struct Session {
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
pub(super) enum CommitError {
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

impl Session {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection: Some(connection), is_closed: false, transaction: State::Idle, batch: Vec::new() }
    }

    /// Returns whether a transaction is open whose operations have all succeeded.
    pub(super) fn is_open(&self) -> bool {
        self.transaction == State::Open
    }

    /// Returns the number of operations that wait for the commit.
    pub(super) fn batch_len(&self) -> usize {
        self.batch.len()
    }

    /// Adds the operation that has just succeeded to those that wait for the commit, and returns the receiver of the
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

    /// Commits the open transaction and closes the connection for good.
    pub(super) async fn close(&mut self) {
        self.commit_open().await;
        self.is_closed = true;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "failed to close the connection");
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Database(sqlx::Error::PoolClosed))
    }

    async fn execute(&mut self, statement: impl SqlSafeStr) -> Result<(), StoreError> {
        sqlx::query(statement).execute(self.connection()?).await?;
        Ok(())
    }

    /// Begins a transaction, or joins the open one.
    pub(super) async fn begin(&mut self, options: &SqliteConnectOptions, deadline: Instant) -> Result<(), StoreError> {
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
    pub(super) async fn revert(&mut self) {
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
    pub(super) async fn commit_open(&mut self) {
        self.settle().await;
        if self.transaction == State::Open {
            // Each operation in the batch receives the error, if there is one.
            let _ = self.commit().await;
        }
    }

    /// Commits the transaction and reports the result to every operation in the batch.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
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

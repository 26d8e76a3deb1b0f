//! The writer connection, its open transaction, and the operations that wait for the commit.

use std::{thread, time::Duration};

use tokio::sync::oneshot;

use crate::store::{
    StoreError,
    database_driver::{BEGIN_WRITE, Connection, Options},
    sqlite,
    stripe::Scope,
};

/// The pauses between attempts to acquire the write lock, which other processes usually hold for less than a
/// millisecond.
const LOCK_PAUSES: [Duration; 4] =
    [Duration::from_micros(100), Duration::from_micros(200), Duration::from_micros(400), Duration::from_micros(800)];

/// Returns the statement that starts the savepoint with this number.
fn savepoint(number: usize) -> String {
    format!("SAVEPOINT operation_{number}")
}

/// Returns the statement that reverts all changes since the savepoint with this number.
fn rollback_to(number: usize) -> String {
    format!("ROLLBACK TO operation_{number}")
}

/// The connection and the transaction that is open on it.
#[derive(Debug)]
pub(super) struct Session {
    /// What the operations may change.
    scope: Scope,
    /// The connection; `None` before its first use, after a failure, and after the writer was closed.
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
    /// A transaction is being opened. If the next operation finds this state, the previous one was dropped while it
    /// waited for the server.
    Opening,
    /// A transaction is open, and contains only the changes of operations that succeeded.
    Open,
    /// An operation is running. If the next operation finds this state, the previous one panicked or was dropped.
    Running,
}

/// When an operation starts on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Start {
    /// Once the transaction has the lock.
    Locked,
    /// At once. The operation's first statement reads, and is sent together with those that begin the transaction and
    /// acquire the lock. The operation must not take the current time before that.
    WithRead,
}

/// The reason why an operation's transaction was not committed.
#[derive(Clone, Debug)]
pub(super) enum CommitError {
    /// Another process held the lock.
    Busy,
    /// The disk is full or not writable.
    Unwritable(String),
    /// The server cannot be reached, or closed the connection.
    Unavailable(String),
    /// Any other error.
    Database(String),
}

impl From<&StoreError> for CommitError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unwritable(source) => Self::Unwritable(source.to_string()),
            StoreError::Unavailable(source) => Self::Unavailable(source.to_string()),
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Busy => Self::Busy,
            CommitError::Unwritable(text) => Self::Unwritable(sqlx::Error::Protocol(text)),
            CommitError::Unavailable(text) => Self::Unavailable(sqlx::Error::Protocol(text)),
            CommitError::Database(text) => Self::Database(sqlx::Error::Protocol(text)),
        }
    }
}

impl Session {
    pub(super) fn new(scope: Scope, connection: Option<Connection>) -> Self {
        Self { scope, connection, is_closed: false, transaction: State::Idle, batch: Vec::new() }
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

    /// Keeps the changes of the running operation for the commit, or reverts them if the operation failed.
    pub(super) async fn finish<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let result = match result {
            // A server rejects further statements, although the operation ignored the error.
            Ok(_) if self.connection()?.has_failed() => {
                Err(StoreError::Database(sqlx::Error::Protocol("a statement of the transaction failed".into())))
            }
            result => result,
        };
        match &result {
            Ok(_) => self.transaction = State::Open,
            Err(_) => self.revert().await,
        }
        result
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
    pub(super) async fn begin(&mut self, options: &Options, start: Start) -> Result<(), StoreError> {
        self.settle().await;
        if self.transaction == State::Open {
            self.transaction = State::Running;
            // The name is unique in the transaction: if the savepoint is missing, `ROLLBACK TO` must fail rather than
            // find the savepoint of the previous operation.
            let savepoint = savepoint(self.batch.len());
            return Ok(self.connection()?.start_savepoint(&savepoint).await?);
        }
        if self.connection.is_none() && !self.is_closed {
            self.connection = Some(options.open().await?);
        }
        self.transaction = State::Opening;
        let result =
            if options.are_blocking() { self.acquire_lock().await } else { self.wait_for_lock(options, start).await };
        self.transaction = if result.is_ok() { State::Running } else { State::Idle };
        result
    }

    /// Begins a transaction on SQLite. Retries a few times if another process holds the write lock.
    async fn acquire_lock(&mut self) -> Result<(), StoreError> {
        for pause in LOCK_PAUSES {
            match self.execute(BEGIN_WRITE).await {
                Err(StoreError::Busy) => thread::sleep(pause),
                result => return result,
            }
        }
        self.execute(BEGIN_WRITE).await
    }

    /// Begins a transaction on a server, which waits for the write lock. Replaces a connection that the server has
    /// closed.
    async fn wait_for_lock(&mut self, options: &Options, start: Start) -> Result<(), StoreError> {
        let scope = self.scope;
        let connection = self.connection()?;
        let begun = match start {
            Start::Locked => connection.begin_write_in(scope).await,
            Start::WithRead => connection.begin_write_with_read(scope).await,
        };
        match begun {
            Err(_) if !connection.is_usable() => {
                self.connection = None;
                let mut connection = options.open().await?;
                connection.begin_write_in(scope).await?;
                self.connection = Some(connection);
                Ok(())
            }
            result => Ok(result?),
        }
    }

    /// Cleans up after an operation that panicked or was dropped.
    async fn settle(&mut self) {
        match self.transaction {
            State::Idle | State::Open => {}
            // It is unknown whether the server has begun the transaction.
            State::Opening => {
                self.connection = None;
                self.transaction = State::Idle;
            }
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
        match self.roll_back_to(&rollback_to(self.batch.len())).await {
            Ok(()) => self.transaction = State::Open,
            Err(error) => {
                self.answer(&Err(CommitError::from(&error)));
                self.abort().await;
            }
        }
    }

    async fn roll_back_to(&mut self, statement: &str) -> Result<(), StoreError> {
        Ok(self.connection()?.roll_back_to(statement).await?)
    }

    async fn roll_back(&mut self) -> Result<(), StoreError> {
        Ok(self.connection()?.rollback().await?)
    }

    /// Rolls back the transaction. If that is impossible, the connection is replaced.
    async fn abort(&mut self) {
        // The statement fails if SQLite has already rolled back the transaction or completed the commit.
        if let Err(error) = self.roll_back().await
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
        let committed = match self.connection() {
            Ok(connection) => connection.commit().await.map_err(StoreError::from),
            Err(error) => Err(error),
        };
        match committed {
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

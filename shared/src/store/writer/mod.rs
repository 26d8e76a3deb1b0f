//! A process's writer connections and their transactions.
//!
//! A SQLite database has one writer at a time, and so has each stripe of a database on a server (docs/adr/0018). A
//! commit waits for the disk. Operations that wait for the same connection are therefore committed together
//! (docs/adr/0011). Each operation except the first runs in a savepoint, so that its failure reverts only its own
//! changes. No operation returns before the commit.

mod session;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::yield_now,
    time::{Instant, sleep, timeout_at},
};

use self::session::Session;
pub(super) use self::session::Start;
use super::{
    StoreError,
    database_driver::{Connection, Options, block_if},
    stripe::{Scope, Stripe},
};
use crate::chat::UserRef;

/// The maximum number of operations per commit. This limits how long they and other processes wait.
const MAX_BATCH: usize = 64;

/// The pause between attempts to acquire a write lock that another process holds for a long time.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The writers of a process.
#[derive(Debug)]
pub(super) struct Writers {
    database: Writer,
    /// The writers of the stripes; empty on SQLite.
    stripes: Vec<Writer>,
}

impl Writers {
    /// Opens a connection for changes to the entire database. `busy_timeout` limits the wait of an operation for its
    /// connection and for the write lock together.
    pub(super) async fn open(options: Options, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let stripes = if options.are_blocking() { Vec::new() } else { Stripe::ALL.to_vec() };
        let stripes =
            stripes.into_iter().map(|stripe| Writer::new(options.clone(), busy_timeout, Scope::Stripe(stripe)));
        Ok(Self { stripes: stripes.collect(), database: Writer::open(options, busy_timeout).await? })
    }

    /// Returns the stripe of a user.
    pub(super) fn stripe_of(&self, user: &UserRef) -> Stripe {
        if self.stripes.is_empty() { Stripe::ONLY } else { Stripe::of(user) }
    }

    /// Runs an operation that may change anything. See [`Writer::run`].
    pub(super) async fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.database.run(Start::Locked, operation).await
    }

    /// Runs an operation that changes only the data of users in the given stripe. See [`Writer::run`].
    pub(super) async fn run_in<T>(
        &self,
        stripe: Stripe,
        start: Start,
        operation: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.stripes.get(stripe.index()).unwrap_or(&self.database).run(start, operation).await
    }

    /// Commits the open transactions and closes the connections. Later operations fail.
    pub(super) async fn close(&self) {
        self.database.close().await;
        for writer in &self.stripes {
            writer.close().await;
        }
    }
}

/// Runs operations on one writer connection.
#[derive(Debug)]
struct Writer {
    session: Arc<Mutex<Session>>,
    options: Options,
    busy_timeout: Duration,
}

impl Writer {
    /// Creates a writer for operations that change only what is in the scope. Its connection is opened by the first one.
    /// `busy_timeout` limits the wait for the connection and for the write lock together.
    fn new(options: Options, busy_timeout: Duration, scope: Scope) -> Self {
        Self { session: Arc::new(Mutex::new(Session::new(scope, None))), options, busy_timeout }
    }

    /// Creates a writer for the entire database, and opens its connection.
    async fn open(options: Options, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let session = Session::new(Scope::Database, Some(options.open().await?));
        Ok(Self { session: Arc::new(Mutex::new(session)), options, busy_timeout })
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
    async fn run<T>(
        &self,
        start: Start,
        operation: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.busy_timeout;
        let mut session = self.acquire(deadline).await?;
        self.begin(&mut session, start, deadline).await?;
        let result = self
            .block(async {
                let result = operation(session.connection()?).await;
                session.finish(result).await
            })
            .await;
        self.end(session).await?;
        result
    }

    /// Commits the open transaction and closes the connection. Later operations fail.
    async fn close(&self) {
        let mut session = self.session.lock().await;
        self.block(session.close()).await;
    }

    /// Polls a future that runs statements. Those on SQLite block the thread.
    async fn block<F: Future>(&self, future: F) -> F::Output {
        block_if(self.options.are_blocking(), future).await
    }

    /// Waits for the connection, in order of arrival.
    async fn acquire(&self, deadline: Instant) -> Result<OwnedMutexGuard<Session>, StoreError> {
        timeout_at(deadline, Arc::clone(&self.session).lock_owned()).await.map_err(|_| StoreError::Busy)
    }

    /// Begins a transaction once no other process holds the write lock, or joins the open one.
    async fn begin(&self, session: &mut Session, start: Start, deadline: Instant) -> Result<(), StoreError> {
        loop {
            match self.block(session.begin(&self.options, start)).await {
                Err(StoreError::Busy) if Instant::now() < deadline => sleep(LOCK_PAUSE).await,
                result => return result,
            }
        }
    }

    /// Waits for the commit of the open transaction. A separate task commits, because other operations in the batch
    /// need the result even if this caller is dropped.
    async fn end(&self, mut session: OwnedMutexGuard<Session>) -> Result<(), StoreError> {
        if !session.is_open() {
            return Ok(());
        }
        let committed = session.join_batch();
        if session.batch_len() >= MAX_BATCH {
            tokio::spawn(commit(session, self.options.are_blocking()));
        } else {
            if session.batch_len() == 1 {
                tokio::spawn(commit_next(Arc::clone(&self.session), self.options.are_blocking()));
            }
            drop(session);
        }
        // If the sender was dropped, the runtime is shutting down.
        committed.await.map_err(|_| StoreError::Busy)??;
        Ok(())
    }
}

/// Commits the open transaction after the operations that are ready to run.
async fn commit_next(session: Arc<Mutex<Session>>, may_block: bool) {
    // Tasks that are ready to run go first, so that their operations queue for the connection before this task.
    yield_now().await;
    commit(session.lock_owned().await, may_block).await;
}

/// Commits the open transaction.
async fn commit(mut session: OwnedMutexGuard<Session>, may_block: bool) {
    block_if(may_block, session.commit_open()).await;
}

//! The store: every SQL statement of the product, in domain operations of one whole transaction each.
//!
//! Guarantees: what an operation returned as done is on the disk together with the task, the job and the events that
//! belong to it; what it returned as an error left nothing behind. It tells nobody: an operation returns [`Hints`]
//! where others have to know, and the caller announces them after the commit.
//!
//! Writers take `BEGIN IMMEDIATE` on the one writer connection of the process; readers have a pool of their own.
//! Migrations are in `migrations/`, the queue's tables in `apalis-sqlite`.
//!
//! [`Hints`]: crate::event::Hints

mod agents;
mod attempts;
mod backup;
mod check;
mod chunks;
mod claims;
mod erase;
mod error;
mod events;
mod files;
mod housekeeping;
mod idempotency;
mod installation;
mod jobs;
mod keys;
mod lease_watch;
mod logins;
mod messages;
mod migrate;
mod outcomes;
mod permissions;
mod read_positions;
mod readiness;
mod recent;
mod replay;
mod restore;
mod resume;
mod retries;
mod rows;
mod session_list;
mod sessions;
mod sqlite;
mod sqlx_error;
mod step_rows;
mod steps;
mod stops;
mod stored_event;
mod stream_state;
mod tail;
mod takeover;
#[cfg(test)]
mod tests;
mod turns;
mod workers;
mod workload;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::time::Instant;

pub use agents::AgentHealth;
pub use attempts::Finish;
pub use backup::{BackupError, back_up};
pub use check::{CheckReport, Finding};
pub use chunks::{ChunkRow, StoredChunk};
pub use claims::{Claim, Conversation};
pub use error::{NewerSchema, OpenError, StoreError};
pub use events::LogPosition;
pub use housekeeping::Retention;
pub use idempotency::IdempotencyKey;
pub use installation::Installation;
pub use jobs::{AGENT_QUEUE, AgentJob};
pub use keys::{ApiKey, NewKey};
pub use lease_watch::LeaseWatch;
pub use logins::{LOGIN_LIFE, NewToken};
pub use messages::{MessagePage, Thread, TurnBound};
pub use replay::{Replay, ReplayStart, ResyncReason};
pub use restore::{RestoreError, Restored, restore};
pub use session_list::{SessionCursor, SessionFilter, SessionPage};
pub use sessions::{NewSession, SessionPatch};
pub use step_rows::StepRow;
pub use steps::StepState;
pub use stops::RunningAttempt;
pub use stream_state::{RunningPart, RunningTask, StreamState};
pub use tail::{LogRow, Tail, TailPosition};
pub use turns::{PostMessage, Posted};
pub use workers::{Beat, Heartbeat};
pub use workload::Workload;

use crate::{clock::SharedClock, event::Hints};
use recent::Recent;

/// Connections that read at once in one process.
const READERS: u32 = 4;
/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file.
    pub path: PathBuf,
    /// Whether a commit waits until it is safe from a power cut (`DATABASE_SYNCHRONOUS=full`).
    pub durable_against_power_cut: bool,
    /// How long an operation waits for the write lock, waiting in line included. Less than the lease.
    pub busy_timeout: Duration,
}

/// The database of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: SqlitePool,
    readers: SqlitePool,
    connect: SqliteConnectOptions,
    options: StoreOptions,
    clock: SharedClock,
    _presence: files::Presence,
    erasure: erase::Erasure,
    /// Whether the use of a key is being noted.
    is_noting_use: AtomicBool,
    readiness: Recent<()>,
    workload: Recent<Workload>,
}

/// A write transaction. Dropped without a commit, it is rolled back.
type WriteTx = Transaction<'static, Sqlite>;
/// A read transaction: everything read in it is of one moment.
type ReadTx = Transaction<'static, Sqlite>;

/// What an operation did, and whom it concerns.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// Its result.
    pub value: T,
    /// What to announce.
    pub hints: Hints,
}

impl<T> Changed<T> {
    fn new(value: T, hints: Hints) -> Self {
        Self { value, hints }
    }

    fn nothing(value: T) -> Self {
        Self { value, hints: Hints::default() }
    }
}

impl Store {
    /// Opens the database, makes it if it is missing, and brings its schema up to date.
    ///
    /// Safe to call from any number of processes at once, also on a file that does not exist yet.
    ///
    /// # Errors
    /// When the file cannot be made, opened or migrated.
    pub async fn open(options: StoreOptions, clock: SharedClock) -> Result<Self, OpenError> {
        let path = options.path.display().to_string();
        let connect = sqlite::connect_options(&options);
        let presence = migrate::prepare(&options.path, &connect).await?;
        let open = |source| OpenError::Open { path: path.clone(), source };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // A full disk makes SQLite roll back by itself, and the driver's own ROLLBACK fails: it would take the
            // connection to be in a transaction for ever.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(connect.clone())
            .await
            .map_err(open)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(sqlite::read_only(connect.clone()))
            .await
            .map_err(open)?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer,
                readers,
                connect,
                options,
                clock,
                _presence: presence,
                erasure: erase::Erasure::default(),
                is_noting_use: AtomicBool::new(false),
                readiness: Recent::default(),
                workload: Recent::default(),
            }),
        })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.inner.options.path
    }

    /// The clock that the store writes times by.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    /// Closes all connections; what is in flight is finished first.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// Whether the write lock can be had, after waiting for it as every change does.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(self.begin_write().await?.rollback().await?)
    }

    /// A connection outside the pools, for what must not wait in line. It waits for the write lock by itself.
    async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.connect_within(self.inner.options.busy_timeout).await
    }

    /// The same, waiting at most so long.
    async fn connect_within(&self, limit: Duration) -> Result<SqliteConnection, StoreError> {
        Ok(self.inner.connect.clone().busy_timeout(limit).connect().await?)
    }

    /// Starts a write transaction. The time-out counts from here, waiting for the connection included.
    async fn begin_write(&self) -> Result<WriteTx, StoreError> {
        let deadline = Instant::now() + self.inner.options.busy_timeout;
        loop {
            match self.inner.writer.begin_with(sqlite::BEGIN_WRITE).await.map_err(StoreError::from) {
                Err(StoreError::Busy) if Instant::now() < deadline => {}
                result => return result,
            }
        }
    }

    /// Starts a read transaction.
    async fn begin_read(&self) -> Result<ReadTx, StoreError> {
        Ok(self.inner.readers.begin().await?)
    }
}

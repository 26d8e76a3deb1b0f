//! The store, which contains all SQL that reads or writes tables. Each change is one transaction, except for pruning,
//! which deletes rows in batches.
//!
//! Guarantees:
//! - A successful operation stores its results together with the tasks, jobs, and events that belong to them.
//! - A failed operation stores nothing.
//!
//! The store sends no notifications. An operation returns [`Hints`] if other processes need to be notified, and the
//! caller announces them after the commit.
//!
//! The database is a SQLite file or on a PostgreSQL server, and all operations are the same on both (docs/adr/0017).
//! What is specific to one of them is in `sqlite.rs`, `postgres.rs`, `tail/`, and the driver.
//!
//! Changes run on the process's writer connection, and changes that are waiting for it are committed together
//! (`writer/`). On a server, there is one for each stripe of users (`stripe.rs`). Reads use a separate pool of
//! connections. Migrations are in `migrations/`, and the queue's tables are defined by `apalis-sqlite` and
//! `apalis-postgres`.
//!
//! [`Hints`]: crate::event::Hints

mod agents;
mod all_branches;
mod attachments;
mod attempt_end;
mod attempts;
mod backup;
mod branches;
mod changes;
mod check;
mod chunks;
mod claims;
mod conversations;
mod copy;
mod damaged_tasks;
mod database_driver;
mod drafts;
mod erase;
mod error;
mod events;
mod files;
mod folders;
mod forks;
mod idempotency;
mod imports;
mod installation;
mod jobs;
mod keys;
mod lease_watch;
mod location;
mod logins;
mod messages;
mod migrate;
mod outcomes;
mod permissions;
mod postgres;
mod pruning;
mod query_cache;
mod read_positions;
mod readiness;
mod reconciliation;
mod replay;
mod restore;
mod resume;
mod retries;
mod revisions;
mod rows;
mod script;
mod search;
mod sends;
mod session_list;
mod sessions;
mod sqlite;
mod sqlx_error;
mod step_rows;
mod steps;
mod stops;
mod stored_event;
mod stream_state;
mod stripe;
mod tail;
mod takeover;
#[cfg(test)]
mod tests;
mod turn_times;
mod turns;
mod work_folders;
mod workers;
mod workload;
mod writer;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

pub use agents::AgentHealth;
pub use all_branches::{BranchMessage, BranchPage};
pub use attachments::{NewAttachment, StoredAttachment, TOUCH_INTERVAL};
pub use attempt_end::{AttemptEnd, AttemptReport};
pub use backup::{BackupError, BackupReport, back_up};
pub use changes::TurnChanges;
pub use check::{CheckReport, Finding};
pub use chunks::{ChunkRow, StoredChunk};
pub use claims::Claim;
pub use conversations::Conversation;
pub use copy::{CopyError, CopyReport, copy};
pub use drafts::{DraftChange, DraftRow};
pub use error::{NewerSchema, OpenError, StoreError};
pub use events::LogPosition;
pub use folders::{FolderChoice, FolderReport};
pub use forks::NewFork;
pub use idempotency::IdempotencyKey;
pub use installation::Installation;
pub use jobs::{AGENT_QUEUE, AgentJob};
pub use keys::{ApiKey, NewKey};
pub use lease_watch::LeaseWatch;
pub use location::Location;
pub use logins::{LOGIN_LIFE, NewToken};
pub use messages::{FilePage, MessagePage, SentFile, Thread, TurnBound};
pub use postgres::{SERVER_URL_FORMS, ServerUrl, ServerUrlError};
pub use pruning::Retention;
pub use replay::{ReplayPage, ReplayStart, ResyncReason};
pub use restore::{RestoreError, RestoreReport, restore};
pub use revisions::Revision;
pub use search::{
    FoundMessage, IndexBatch, Indexed, SearchFilter, SearchHit, SearchOptions, SearchOrder, SearchPage, SearchPosition,
    SearchText,
};
pub use sends::{NewMessage, SentMessage};
pub use session_list::{SessionCursor, SessionFilter, SessionPage};
pub use sessions::{NewSession, SessionPatch, Workplace};
pub use step_rows::StepRow;
pub use steps::StepState;
pub use stops::RunningAttempt;
pub use stream_state::{RunningPart, RunningTask, StreamState};
pub use tail::{LogRow, Tail, TailPosition, TailScope};
pub use work_folders::{DataFolder, WorkFolder};
pub use workers::{Beat, Heartbeat};
pub use workload::Workload;

use crate::{
    chat::{TurnTimes, UserRef},
    clock::SharedClock,
    event::Hints,
};
use database_driver::{Connection, Options, Pool, Query, Row, SqliteOptions};
use query_cache::QueryCache;
use writer::{Start, Writers};

/// The maximum number of connections per process for reads.
const READERS: u32 = 4;
/// The options for opening a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is.
    pub location: Location,
    /// Whether a commit survives a power failure (`DATABASE_SYNCHRONOUS=full`).
    pub durable_against_power_cut: bool,
    /// The maximum total time that an operation waits for a connection and for the write lock. Must be shorter than the
    /// lease.
    pub busy_timeout: Duration,
    /// How long a task waits for a worker that has its session's work folder, if no such worker is running.
    pub work_folder_wait: Duration,
}

/// An installation's database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writers: Writers,
    readers: Pool,
    /// How separate connections are opened.
    connect: Options,
    options: StoreOptions,
    clock: SharedClock,
    _presence: Option<files::Presence>,
    erasure: erase::Erasure,
    /// Whether a use of a key is currently being recorded.
    is_recording_use: AtomicBool,
    readiness: QueryCache<()>,
    workload: QueryCache<Workload>,
    turn_times: QueryCache<TurnTimes>,
}

/// The result of an operation, with the hints to announce.
#[derive(Clone, Debug)]
pub struct Change<T> {
    /// The result.
    pub value: T,
    /// The hints to announce.
    pub hints: Hints,
}

impl<T> Change<T> {
    fn new(value: T, hints: Hints) -> Self {
        Self { value, hints }
    }

    fn nothing(value: T) -> Self {
        Self { value, hints: Hints::default() }
    }
}

impl Store {
    /// Opens the database and migrates its schema. Creates a SQLite database if the file is missing; a database on a
    /// server must exist.
    ///
    /// Any number of processes can safely do this concurrently, even if the file does not exist.
    ///
    /// # Errors
    /// Returns an error if the database cannot be created, opened, or migrated.
    pub async fn open(options: StoreOptions, clock: SharedClock) -> Result<Self, OpenError> {
        let open = |source| OpenError::Open { path: options.location.to_string(), source };
        let limit = options.busy_timeout;
        let (presence, connect, writer, readers) = match &options.location {
            Location::File(path) => {
                let presence = migrate::prepare(path, &sqlite::migration_options(path, &options)).await?;
                let connect = sqlite::options(path, &options);
                let writer = Options::Sqlite(sqlite::for_writer(connect.clone()));
                let readers = Options::Sqlite(sqlite::read_only(connect.clone()));
                (Some(presence), Options::Sqlite(connect), writer, readers)
            }
            Location::Server(server) => {
                let connect = postgres::options(server, &options);
                migrate::prepare_server(&connect, &server.to_string()).await?;
                let connect = Options::Postgres(connect);
                (None, connect.clone(), connect.clone(), connect)
            }
        };
        let writers = Writers::open(writer, limit).await.map_err(open)?;
        let readers = Pool::open(readers, READERS, limit).await.map_err(open)?;
        if readers.read(async |tx| migrate::unfinished::find_source(tx).await).await.map_err(open)?.is_some() {
            return Err(OpenError::UnfinishedCopy { path: options.location.to_string() });
        }
        Ok(Self {
            inner: Arc::new(Inner {
                writers,
                readers,
                connect,
                options,
                clock,
                _presence: presence,
                erasure: erase::Erasure::default(),
                is_recording_use: AtomicBool::new(false),
                readiness: QueryCache::default(),
                workload: QueryCache::default(),
                turn_times: QueryCache::default(),
            }),
        })
    }

    /// Returns where the database is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.inner.options.location
    }

    /// Returns the store's clock.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    /// Waits for running operations to finish, then closes all connections of the readers and the writers.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writers.close().await;
    }

    /// Acquires and releases the write lock, waiting for it in the same way as every change.
    ///
    /// # Errors
    /// Returns an error if the lock could not be acquired.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.write(async |_| Ok(())).await
    }

    /// Opens a separate connection. Its transactions do not queue for the writer connection, but acquire the write lock
    /// themselves.
    async fn connect(&self) -> Result<Connection, StoreError> {
        Ok(match self.file_options(self.inner.options.busy_timeout) {
            Some(options) => options.open()?,
            None => self.inner.connect.open().await?,
        })
    }

    /// Returns the options for connections to the database file whose statements wait at most `limit` for a lock;
    /// `None` if the database is on a server.
    fn file_options(&self, limit: Duration) -> Option<SqliteOptions> {
        match &self.inner.connect {
            Options::Sqlite(options) => Some(SqliteOptions { busy_timeout: limit, ..options.clone() }),
            Options::Postgres(_) => None,
        }
    }

    /// Runs a change in a write transaction and returns its result after the commit. If the change returns an error, it
    /// is rolled back. On a server, no other change runs at the same time; prefer [`Store::write_for`].
    async fn write<T>(
        &self,
        change: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.writers.run(change).await
    }

    /// Like [`Store::write`], for a change that affects only the data of this user. On a server, changes for users in
    /// other stripes may run at the same time.
    async fn write_for<T>(
        &self,
        user: &UserRef,
        change: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let writers = &self.inner.writers;
        writers.run_in(writers.stripe_of(user), Start::Locked, change).await
    }

    /// Like [`Store::write_for`], for a change whose first statement reads. On a server, this saves a round trip. The
    /// change must not take the current time before that statement, because it may not have the lock yet.
    async fn read_and_write_for<T>(
        &self,
        user: &UserRef,
        change: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let writers = &self.inner.writers;
        writers.run_in(writers.stripe_of(user), Start::WithRead, change).await
    }

    /// Like [`Store::write_for`], for a change that deletes text. After the commit, schedules the erasure of the text's
    /// remnants.
    async fn write_and_erase<T>(
        &self,
        user: &UserRef,
        change: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = self.write_for(user, change).await?;
        self.note_deletion();
        Ok(result)
    }

    /// Runs an operation in a read transaction, in which all reads see the same snapshot.
    async fn read<T>(
        &self,
        operation: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.readers.read(operation).await
    }

    /// Runs a query without a transaction, and returns its rows.
    async fn read_rows(&self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        Ok(self.inner.readers.read_rows(query).await?)
    }

    /// Runs a query without a transaction, and returns its first row.
    async fn read_row(&self, query: Query<'_>) -> Result<Option<Row>, StoreError> {
        Ok(self.read_rows(query).await?.into_iter().next())
    }
}

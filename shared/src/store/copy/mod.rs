//! Copies of an entire database, for example from a SQLite file to a PostgreSQL server.
//!
//! Guarantees:
//! - The source does not change, except that its schema is migrated first.
//! - A copy that failed or was killed is continued by the next one. Until it is complete and verified, no other process
//!   can open it.
//! - Event cursors, API keys, and browser sessions of the source are valid in the copy.
//!
//! A copy performs these steps:
//! 1. Exclude all other processes from both databases.
//! 2. Mark the target as an unfinished copy. If it already is one, continue after its last rows.
//! 3. Copy the tables in batches, in the order of a unique index.
//! 4. Compare the number of rows and their hashes.
//! 5. Remove the mark.

mod error;
mod rows;
mod sequences;
mod tables;

use std::time::Duration;

pub use error::CopyError;

use super::{
    Location, StoreError, StoreOptions,
    database_driver::{Arguments, Connection, Options, SqliteOptions, block},
    files::{DatabaseFiles, Presence, describe_user},
    migrate::{self, unfinished},
    postgres, sqlite,
};
use rows::{Batches, Digest, insert};
use tables::{TABLES, Table};
use tokio::time::{Instant, sleep};

/// How long a copy waits for a process that is opening or closing a database.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
/// The pause between checks whether other processes are connected to a server.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The interval between log lines about the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// The number of sessions.
    pub sessions: u64,
    /// The number of messages.
    pub messages: u64,
    /// The number of rows in all tables.
    pub rows: u64,
}

/// Copies the database of `source` to `target`, which must be empty or an unfinished copy of the same database.
///
/// # Errors
/// Returns an error if one of the databases is in use or cannot be opened, if the target contains other data, or if a
/// row could not be copied or differs afterward.
pub async fn copy(source: &StoreOptions, target: &StoreOptions) -> Result<CopyReport, CopyError> {
    if source.location == target.location {
        return Err(CopyError::SameDatabase);
    }
    if let Some(path) = source.location.file()
        && !path.is_file()
    {
        return Err(CopyError::NoDatabase(path.to_path_buf()));
    }
    let mut from = Endpoint::open(source).await?;
    let mut to = Endpoint::open(target).await.map_err(CopyError::into_target)?;
    block(async {
        // No process can change the source in the meantime.
        from.connection.begin_write().await.map_err(|error| from.read_error(error))?;
        mark(&mut from, &mut to).await?;
        for table in TABLES.iter().rev().filter(|table| table.is_replaced) {
            let delete = format!("DELETE FROM {}", table.name);
            change(&mut to.connection, async |tx| tx.run(&delete, &Arguments::default(), |_| true).await.map(drop))
                .await
                .map_err(|error| to.write_error(error))?;
        }
        for table in &TABLES {
            copy_table(&mut from, &mut to, table).await?;
        }
        let report = verify(&mut from, &mut to).await?;
        sequences::carry_over(&mut from.connection, &mut to.connection).await.map_err(|error| to.write_error(error))?;
        unfinished::unmark(&mut to.connection).await.map_err(|error| to.write_error(error))?;
        Ok(report)
    })
    .await
}

/// Returns the names of all tables that are copied or that belong to the database instead of to its content.
#[cfg(test)]
pub(super) fn list_tables() -> std::collections::BTreeSet<&'static str> {
    TABLES.iter().map(|table| table.name).chain(sequences::list_tables()).chain(tables::NOT_COPIED).collect()
}

/// A database that no other process is using.
struct Endpoint {
    path: String,
    connection: Connection,
    _alone: Option<(Presence, std::fs::File)>,
}

impl Endpoint {
    /// Opens a database and migrates it.
    async fn open(options: &StoreOptions) -> Result<Self, CopyError> {
        let path = options.location.to_string();
        let read = |source: StoreError| CopyError::Read { path: path.clone(), source };
        match &options.location {
            Location::File(file) => {
                drop(migrate::prepare(file, &sqlite::migration_options(file, options)).await?);
                let files = DatabaseFiles::new(file);
                let io = |error| read(StoreError::Unwritable(sqlx::Error::Io(error)));
                // Other processes that open the database wait for this lock.
                let lock = files.lock_migration(Some(LOCK_LIMIT)).await.map_err(io)?;
                let alone = files.enter_alone().map_err(io)?;
                let user = files.find_user().map_err(io)?;
                let (Some(lock), Some(alone), None) = (lock, alone, user) else {
                    return Err(CopyError::InUse { path, user: describe_user(user) });
                };
                let connect = SqliteOptions { busy_timeout: options.busy_timeout, ..sqlite::options(file, options) };
                let connection = Options::Sqlite(connect).open().await.map_err(|error| read(error.into()))?;
                Ok(Self { path, connection, _alone: Some((alone, lock)) })
            }
            Location::Server(server) => {
                let connect = postgres::options(server, options);
                migrate::prepare_server(&connect, &path).await?;
                let open = async {
                    let mut connection = Options::Postgres(connect).open().await?;
                    connection.exec(postgres::NO_TIMEOUTS).await?;
                    let is_alone = wait_until_alone(&mut connection).await?;
                    Ok::<_, StoreError>((connection, is_alone))
                };
                let (connection, is_alone) = open.await.map_err(read)?;
                if !is_alone {
                    return Err(CopyError::InUse { path, user: describe_user(None) });
                }
                Ok(Self { path, connection, _alone: None })
            }
        }
    }

    fn read_error(&self, source: impl Into<StoreError>) -> CopyError {
        CopyError::Read { path: self.path.clone(), source: source.into() }
    }

    fn write_error(&self, source: impl Into<StoreError>) -> CopyError {
        CopyError::Write { path: self.path.clone(), source: source.into() }
    }
}

/// Waits until no other process is connected to the server's database. Returns false if one still is after
/// [`LOCK_LIMIT`].
async fn wait_until_alone(connection: &mut Connection) -> Result<bool, StoreError> {
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        let others = migrate::count_other_clients(connection).await?;
        if others == 0 || Instant::now() > deadline {
            return Ok(others == 0);
        }
        sleep(LOCK_PAUSE).await;
    }
}

/// Marks the target as an unfinished copy of the source. Fails if it contains anything else.
async fn mark(from: &mut Endpoint, to: &mut Endpoint) -> Result<(), CopyError> {
    let id: String = sqlx::query_scalar("SELECT id FROM installation")
        .fetch_one(&mut from.connection)
        .await
        .map_err(|error| from.read_error(error))?;
    match unfinished::find_source(&mut to.connection).await.map_err(|error| to.write_error(error))? {
        Some(source) if source == id => {
            tracing::info!(database = to.path, "continuing an unfinished copy");
            return Ok(());
        }
        Some(_) => return Err(CopyError::OtherCopy(to.path.clone())),
        None => {}
    }
    // The rows of `search_entry` belong to messages and sessions, which the error should name.
    for table in TABLES.iter().filter(|table| !table.is_replaced && table.name != "search_entry") {
        let mut batches = Batches::new(table, None);
        let found = batches.next(&mut to.connection).await.map_err(|error| to.write_error(error))?;
        if !found.is_empty() {
            return Err(CopyError::NotEmpty { path: to.path.clone(), table: table.name });
        }
    }
    unfinished::mark(&mut to.connection, &id).await.map_err(|error| to.write_error(error))
}

/// Copies the rows of a table that are not yet in the target.
async fn copy_table(from: &mut Endpoint, to: &mut Endpoint, table: &Table) -> Result<(), CopyError> {
    let after = rows::find_last_key(&mut to.connection, table).await.map_err(|error| to.write_error(error))?;
    let mut batches = Batches::new(table, after);
    let (mut copied, mut reported) = (0, Instant::now());
    loop {
        let batch = batches.next(&mut from.connection).await.map_err(|error| from.read_error(error))?;
        if batch.is_empty() {
            break;
        }
        copied += batch.len();
        change(&mut to.connection, async |tx| insert(tx, table, batch).await)
            .await
            .map_err(|error| to.write_error(error))?;
        if reported.elapsed() > PROGRESS_INTERVAL {
            reported = Instant::now();
            tracing::info!(table = table.name, rows = copied, "copying");
        }
    }
    tracing::debug!(table = table.name, rows = copied, "table copied");
    Ok(())
}

/// Runs a change in a transaction.
async fn change(
    connection: &mut Connection,
    change: impl AsyncFnOnce(&mut Connection) -> Result<(), sqlx::Error>,
) -> Result<(), sqlx::Error> {
    connection.begin_write().await?;
    // After an error, the connection is closed, which reverts the changes.
    change(connection).await?;
    connection.commit().await
}

/// Compares both databases, and counts what they contain.
async fn verify(from: &mut Endpoint, to: &mut Endpoint) -> Result<CopyReport, CopyError> {
    let mut report = CopyReport::default();
    for table in &TABLES {
        let expected = Digest::of(&mut from.connection, table).await.map_err(|error| from.read_error(error))?;
        let found = Digest::of(&mut to.connection, table).await.map_err(|error| to.write_error(error))?;
        if expected != found {
            let (expected, found) = (expected.rows, found.rows);
            return Err(CopyError::Differs { path: to.path.clone(), table: table.name, expected, found });
        }
        report.rows += found.rows;
        match table.name {
            "chat_session" => report.sessions = found.rows,
            "chat_message" => report.messages = found.rows,
            _ => {}
        }
    }
    Ok(report)
}

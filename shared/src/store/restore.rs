//! Restores: replacing the database with a backup.
//!
//! Guarantees: at every moment, even after `kill -9` or a power failure, the database's name refers to either the
//! complete old database or the complete restored one. The source is only read. The old database is kept under another
//! name.
//!
//! The order: copy the source next to the database, verify and migrate the copy; write the entire old write-ahead log
//! into the old database, so that it cannot be applied to the new one; give the old database a second name; rename the
//! copy to the database's name.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteSynchronous},
};

use super::{
    NewerSchema, StoreError,
    files::{BACKUP_ID, DatabaseFiles, is_same_file, sync_folder},
    migrate, sqlite,
};
use crate::{clock::Timestamp, private};

/// How long a restore waits for a process that is opening the database or exiting.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The number of sessions in the database.
    pub sessions: i64,
    /// The number of messages in the database.
    pub messages: i64,
    /// The path of the previous database, if there was one.
    pub previous: Option<PathBuf>,
}

/// Why a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A process has the database open.
    #[error("{} is open in {user}; stop every api and worker first", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// The process, if it is known.
        user: String,
    },
    /// The source cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The source.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The source is the database.
    #[error("{} is the database itself", .0.display())]
    IsDatabase(PathBuf),
    /// A process has the source open.
    #[error("{} is open in {user}; copy it with `api backup` first", path.display())]
    SourceInUse {
        /// The source.
        path: PathBuf,
        /// The process, if it is known.
        user: String,
    },
    /// The source is not a Banter database.
    #[error("{} is not a Banter database", .0.display())]
    NotBanter(PathBuf),
    /// The source was migrated by a newer version.
    #[error(
        "{} has schema {}, but this program (version {}) supports schemas up to {}; restore it with the newer version",
        .0.display(), .1.found, env!("CARGO_PKG_VERSION"), .1.known
    )]
    NewerSchema(PathBuf, NewerSchema),
    /// The source is damaged.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The source.
        path: PathBuf,
        /// SQLite's message.
        what: String,
    },
    /// The disk has too little space for another copy.
    #[error("not enough space for a copy of {} in {}", .0.display(), .1.display())]
    NoSpace(PathBuf, PathBuf),
    /// The copy could not be written next to the database.
    #[error("cannot write to {}", path.display())]
    Write {
        /// The database's folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The copy could not be migrated.
    #[error("cannot migrate the copy of {}", path.display())]
    Migrate {
        /// The source.
        path: PathBuf,
        /// The error of the migration.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A database could not be opened.
    #[error("cannot open {}", path.display())]
    Store {
        /// The source, or the database.
        path: PathBuf,
        /// The error of the database.
        #[source]
        source: StoreError,
    },
}

/// Replaces `database` with a copy of `source`.
///
/// # Errors
/// Returns an error if the database was not restored. It is unchanged then.
pub async fn restore(database: &Path, source: &Path, now: Timestamp) -> Result<RestoreReport, RestoreError> {
    let files = DatabaseFiles::new(database);
    let write = |source| RestoreError::Write { path: files.folder().to_path_buf(), source };
    check_source(&files, source)?;
    files.create_folder().map_err(write)?;
    let in_use = |user| RestoreError::InUse { path: database.to_path_buf(), user };
    let Some(_lock) = files.lock_migration(Some(LOCK_LIMIT)).await.map_err(write)? else {
        return Err(in_use("a process that is opening it".into()));
    };
    let alone = files.enter_alone().map_err(write)?;
    let user = files.find_user().map_err(write)?;
    if user.is_some() || alone.is_none() {
        return Err(in_use(describe(user)));
    }
    files.remove_leftovers().map_err(write)?;

    let staged = files.staged();
    let replaced = match stage(&staged, source).await {
        Ok((sessions, messages)) => replace(&files, &staged, now).await.map(|previous| (sessions, messages, previous)),
        Err(error) => Err(error),
    };
    let (sessions, messages, previous) = replaced.inspect_err(|_| {
        // Files that cannot be removed now are removed at the next open.
        let _ = staged.remove();
    })?;
    Ok(RestoreReport { sessions, messages, previous })
}

fn check_source(files: &DatabaseFiles, source: &Path) -> Result<(), RestoreError> {
    let read = |error| RestoreError::Read { path: source.to_path_buf(), source: error };
    if !fs::metadata(source).map_err(read)?.is_file() {
        return Err(RestoreError::NotBanter(source.to_path_buf()));
    }
    if is_same_file(files.database(), source) {
        return Err(RestoreError::IsDatabase(source.to_path_buf()));
    }
    match DatabaseFiles::new(source).find_user().map_err(read)? {
        Some(user) => Err(RestoreError::SourceInUse { path: source.to_path_buf(), user: describe(Some(user)) }),
        None => Ok(()),
    }
}

/// Copies the source, verifies the copy, and migrates it. Returns the number of its sessions and messages.
async fn stage(staged: &DatabaseFiles, source: &Path) -> Result<(i64, i64), RestoreError> {
    copy_files(staged, source)?;
    let fails = |error: sqlx::Error| explain(error, source, staged);
    let options = SqliteConnectOptions::new()
        .filename(staged.database())
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(true)
        .disable_statement_logging();
    let mut copy = options.connect().await.map_err(fails)?;
    let is_banter: bool = sqlx::query_scalar(
        "SELECT COUNT(*) = 3 FROM sqlite_schema WHERE type = 'table' \
         AND name IN ('chat_session', 'agent_task', '_sqlx_migrations')",
    )
    .fetch_one(&mut copy)
    .await
    .map_err(fails)?;
    if !is_banter {
        return Err(RestoreError::NotBanter(source.to_path_buf()));
    }
    if let Some(schema) = migrate::find_newer_schema(&mut copy).await.map_err(fails)? {
        return Err(RestoreError::NewerSchema(source.to_path_buf(), schema));
    }
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut copy).await.map_err(fails)?;
    if found != "ok" {
        return Err(RestoreError::Damaged { path: source.to_path_buf(), what: found });
    }
    let migrate = |error| RestoreError::Migrate { path: source.to_path_buf(), source: error };
    migrate::run(&mut copy).await.map_err(migrate)?;
    // The copy counts as a backup, however it was made.
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {BACKUP_ID}")))
        .execute(&mut copy)
        .await
        .map_err(fails)?;
    let adopt = |error| RestoreError::Store { path: source.to_path_buf(), source: error };
    migrate::adopt_backup(&mut copy).await.map_err(adopt)?;
    let counts = sqlx::query_as("SELECT (SELECT COUNT(*) FROM chat_session), (SELECT COUNT(*) FROM chat_message)");
    let counts = counts.fetch_one(&mut copy).await.map_err(fails)?;
    // Writes the entire log into the database and removes the log.
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut copy).await.map_err(fails)?;
    copy.close().await.map_err(fails)?;
    let write = |error| RestoreError::Write { path: staged.folder().to_path_buf(), source: error };
    fs::File::open(staged.database()).and_then(|file| file.sync_all()).map_err(write)?;
    Ok(counts)
}

/// Copies the source with its SQLite companion files: a copy made by hand may consist of several files.
fn copy_files(staged: &DatabaseFiles, source: &Path) -> Result<(), RestoreError> {
    let source_files = DatabaseFiles::new(source);
    for suffix in ["", "-wal", "-journal"] {
        let mut from = match fs::File::open(source_files.companion(suffix)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => continue,
            Err(error) => return Err(RestoreError::Read { path: source.to_path_buf(), source: error }),
        };
        let copied = private::create_file(&staged.companion(suffix)).and_then(|mut to| io::copy(&mut from, &mut to));
        copied.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => no_space(source, staged),
            _ => RestoreError::Write { path: staged.folder().to_path_buf(), source: error },
        })?;
    }
    Ok(())
}

/// Replaces the old database with the staged one. Returns the new path of the old one.
async fn replace(
    files: &DatabaseFiles,
    staged: &DatabaseFiles,
    now: Timestamp,
) -> Result<Option<PathBuf>, RestoreError> {
    let write = |source| RestoreError::Write { path: files.folder().to_path_buf(), source };
    let previous = if fs::metadata(files.database()).is_ok_and(|found| found.len() > 0) {
        let kept = free_name(files, now);
        empty_log(files).await?;
        // Only an unreadable database still has a log, which stays with it.
        for suffix in ["-wal", "-journal"] {
            match fs::rename(files.companion(suffix), kept.companion(suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write(error)),
                _ => {}
            }
        }
        keep(files.database(), kept.database()).map_err(write)?;
        Some(kept.database().to_path_buf())
    } else {
        None
    };
    for suffix in ["-wal", "-shm", "-journal"] {
        super::files::remove_if_present(&files.companion(suffix)).map_err(write)?;
    }
    sync_folder(files.folder()).map_err(write)?;
    fs::rename(staged.database(), files.database()).map_err(write)?;
    sync_folder(files.folder()).map_err(write)?;
    Ok(previous)
}

/// Writes the entire write-ahead log into the database, which removes the log. An unreadable database is left
/// unchanged.
async fn empty_log(files: &DatabaseFiles) -> Result<(), RestoreError> {
    let emptied = async {
        let options = SqliteConnectOptions::new()
            .filename(files.database())
            .locking_mode(SqliteLockingMode::Exclusive)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let mut connection: SqliteConnection = options.connect().await?;
        sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&mut connection).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        connection.close().await
    };
    match emptied.await {
        Err(error) if sqlite::is_damage(&error) => {
            tracing::warn!(database = %files.database().display(), %error, "the current database is damaged; keeping it unchanged");
            Ok(())
        }
        Err(error) => match StoreError::from(error) {
            StoreError::Busy => Err(RestoreError::InUse { path: files.database().to_path_buf(), user: describe(None) }),
            source => Err(RestoreError::Store { path: files.database().to_path_buf(), source }),
        },
        Ok(()) => Ok(()),
    }
}

/// Returns an unused name for the old database.
fn free_name(files: &DatabaseFiles, now: Timestamp) -> DatabaseFiles {
    let at: String = now.to_string().chars().filter(|c| !matches!(c, '-' | ':' | '.')).collect();
    let mut name = files.before_restore(&at);
    let mut number = 2;
    while name.database().symlink_metadata().is_ok() {
        name = files.before_restore(&format!("{at}-{number}"));
        number += 1;
    }
    name
}

/// Gives a file a second name, or copies it if the file system does not support hard links.
fn keep(file: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(file, name) {
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            let mut copy = private::create_file(name)?;
            io::copy(&mut fs::File::open(file)?, &mut copy)?;
            copy.sync_all()
        }
        linked => linked,
    }
}

/// Explains an error while copying the source.
fn explain(error: sqlx::Error, source: &Path, staged: &DatabaseFiles) -> RestoreError {
    let path = source.to_path_buf();
    if sqlite::is_full(&error) {
        return no_space(source, staged);
    }
    if sqlite::is_damage(&error) {
        return match error.as_database_error().map(ToString::to_string) {
            Some(what) if !what.contains("not a database") => RestoreError::Damaged { path, what },
            _ => RestoreError::NotBanter(path),
        };
    }
    RestoreError::Store { path, source: error.into() }
}

fn no_space(source: &Path, staged: &DatabaseFiles) -> RestoreError {
    RestoreError::NoSpace(source.to_path_buf(), staged.folder().to_path_buf())
}

/// Describes a process for users.
fn describe(pid: Option<u32>) -> String {
    match pid.filter(|pid| *pid > 0) {
        Some(pid) => match fs::read_to_string(format!("/proc/{pid}/comm")) {
            Ok(name) => format!("process {pid} ({})", name.trim()),
            Err(_) => format!("process {pid}"),
        },
        None => "another process".into(),
    }
}

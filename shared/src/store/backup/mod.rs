//! Backups, which are consistent copies of a database in use.
//!
//! Guarantees:
//! - A file with the final name is complete, verified, and synced to disk.
//! - A backup that fails or is killed leaves at most `.NAME.partial` and its journal behind, next to the target. The
//!   next backup to the same target replaces them.
//!
//! `VACUUM INTO` reads one snapshot and does not block writers. SQLite's backup API starts over whenever another
//! process writes, and it also copies free pages (docs/adr/0010).

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    NewerSchema, StoreError,
    files::{BACKUP_ID, DatabaseFiles, EnterError, is_same_file, remove_if_present, sync_folder},
    migrate, sqlite,
};
use crate::private;

/// How long a backup waits for a process that is opening or restoring the database.
const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// How long a backup's connection waits for an SQLite lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database does not exist.
    #[error("there is no database at {}; check DATABASE_URL", .0.display())]
    NoDatabase(PathBuf),
    /// The target exists.
    #[error("{} already exists; choose another name, or pass --overwrite", .0.display())]
    Exists(PathBuf),
    /// The target is a folder, a special file, or a dangling symbolic link.
    #[error("{} is not a regular file; pass a path to a file", .0.display())]
    NotAFile(PathBuf),
    /// The target is the database or one of its companion files.
    #[error("{} is one of the database's own files; choose another name", .0.display())]
    IsDatabase(PathBuf),
    /// Another backup to the same target is running.
    #[error("another backup to {} is running", .0.display())]
    Running(PathBuf),
    /// A restore is replacing the database, or another process held the migration lock for too long.
    #[error("a restore is in progress; try again after `api restore` finishes")]
    BeingRestored,
    /// The database file is itself a backup, but the write-ahead log next to it belongs to another database.
    #[error("{path} is a backup, but {path}-wal belongs to the database that it replaced; see docs/operations.md", path = .0.display())]
    ForeignLog(PathBuf),
    /// A newer version has migrated the database.
    #[error(
        "{} has schema version {}, but this program supports schema versions up to {}; back up with the newer version",
        .0.display(), .1.found, .1.known
    )]
    NewerSchema(PathBuf, NewerSchema),
    /// The target's disk is full.
    #[error("not enough disk space for {}", .0.display())]
    NoSpace(PathBuf),
    /// The target or a lock file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The database could not be read, or the copy could not be written.
    #[error("cannot copy the database to {}", path.display())]
    Copy {
        /// The target.
        path: PathBuf,
        /// The database error.
        #[source]
        source: StoreError,
    },
    /// The copy is corrupted, which means that the database is corrupted or the disk is failing.
    #[error("the copy is corrupted ({0}); run `api check`")]
    Damaged(String),
}

/// Writes a backup of a database to `target` and returns its size in bytes.
///
/// # Errors
/// Returns an error if the backup failed. An existing target is then unchanged, unless the only failure was the final
/// sync of its folder.
pub async fn back_up(database: &Path, target: &Path, may_overwrite: bool) -> Result<u64, BackupError> {
    let files = DatabaseFiles::new(database);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.to_path_buf()));
    }
    check_target(&files, target, may_overwrite)?;
    let write = |source| BackupError::Write { path: target.to_path_buf(), source };
    let copy = |source: sqlx::Error| match source {
        source if sqlite::is_full(&source) => BackupError::NoSpace(target.to_path_buf()),
        source => BackupError::Copy { path: target.to_path_buf(), source: source.into() },
    };

    let lock = files.lock_migration(Some(LOCK_LIMIT)).await.map_err(write)?.ok_or(BackupError::BeingRestored)?;
    let _presence = files.enter().map_err(|error| match error {
        EnterError::Io(source) => write(source),
        EnterError::BeingRestored => BackupError::BeingRestored,
        EnterError::ForeignLog => BackupError::ForeignLog(database.to_path_buf()),
    })?;
    let connect = SqliteConnectOptions::new().filename(database).busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let mut source = connect.connect().await.map_err(copy)?;
    drop(lock);
    if let Some(schema) = migrate::find_newer_schema(&mut source).await.map_err(copy)? {
        return Err(BackupError::NewerSchema(database.to_path_buf(), schema));
    }

    let unfinished = UnfinishedBackup::create(target).map_err(|error| match error {
        TryLockError::WouldBlock => BackupError::Running(target.to_path_buf()),
        TryLockError::Error(source) => write(source),
    })?;
    let written = copy_into(&mut source, &unfinished.path).await.map_err(copy)?;
    source.close().await.map_err(copy)?;
    if let Some(damage) = written {
        return Err(BackupError::Damaged(damage));
    }
    check_target(&files, target, may_overwrite)?;
    unfinished.publish(target).map_err(write)
}

/// Copies a snapshot into an empty file and marks the file as a backup. Returns a description of any damage in the
/// copy.
async fn copy_into(source: &mut SqliteConnection, path: &Path) -> Result<Option<String>, sqlx::Error> {
    let name = path.to_str().ok_or_else(|| sqlx::Error::Io(io::Error::other("the name is not valid UTF-8")))?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(source).await?;
    let mut copy = SqliteConnectOptions::new()
        .filename(path)
        // A failed copy is discarded, so these writes need not be durable.
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {BACKUP_ID}"))).execute(&mut copy).await?;
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut copy).await?;
    copy.close().await?;
    Ok((found != "ok").then_some(found))
}

fn check_target(files: &DatabaseFiles, target: &Path, may_overwrite: bool) -> Result<(), BackupError> {
    if files.all().iter().any(|path| is_same_file(path, target) || is_same_name(path, target)) {
        return Err(BackupError::IsDatabase(target.to_path_buf()));
    }
    match fs::metadata(target) {
        Ok(found) if !found.is_file() => Err(BackupError::NotAFile(target.to_path_buf())),
        Ok(_) if !may_overwrite => Err(BackupError::Exists(target.to_path_buf())),
        // A dangling link: the backup would replace the link instead of creating the file to which it points.
        Err(_) if target.is_symlink() => Err(BackupError::NotAFile(target.to_path_buf())),
        _ if target.file_name().is_none() => Err(BackupError::NotAFile(target.to_path_buf())),
        _ => Ok(()),
    }
}

/// Returns whether two paths name the same file, even if that file does not exist.
fn is_same_name(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((folder.canonicalize().ok()?, path.file_name()?.to_owned()))
    };
    matches!((place(one), place(other)), (Some(one), Some(other)) if one == other)
}

/// An unfinished backup. Dropping it removes its files.
struct UnfinishedBackup {
    path: PathBuf,
    /// The file, which is locked so that two backups never write to it at the same time.
    file: File,
}

impl UnfinishedBackup {
    /// Creates an empty file next to the target, replacing any file that a previous backup left behind.
    fn create(target: &Path) -> Result<Self, TryLockError> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".partial");
        // The path is absolute, because SQLite would parse a name that begins with `file:` as a URI.
        let path = std::path::absolute(target.with_file_name(name)).map_err(TryLockError::Error)?;
        let file = private::open_own_file(&path).map_err(TryLockError::Error)?;
        match file.try_lock() {
            // If the file system does not support locks, the backup continues without one.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(TryLockError::Error(error));
            }
            Err(TryLockError::WouldBlock) => return Err(TryLockError::WouldBlock),
            _ => {
                // A killed backup may have left a journal, which SQLite would apply to this backup.
                let journal = DatabaseFiles::new(&path).companion("-journal");
                remove_if_present(&journal).and_then(|()| file.set_len(0)).map_err(TryLockError::Error)?;
            }
        }
        Ok(Self { path, file })
    }

    /// Syncs the finished file, renames it to its final name, and returns its size in bytes.
    fn publish(self, target: &Path) -> io::Result<u64> {
        self.file.sync_all()?;
        let written = self.file.metadata()?;
        let size = written.len();
        // If other accounts can write to the folder, the name may now refer to a different file.
        let named = fs::symlink_metadata(&self.path)?;
        if (named.dev(), named.ino()) != (written.dev(), written.ino()) {
            return Err(io::Error::other("the file was replaced while it was being written"));
        }
        fs::rename(&self.path, target)?;
        sync_folder(target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        Ok(size)
    }
}

impl Drop for UnfinishedBackup {
    fn drop(&mut self) {
        // After publishing, no file has this name, and there is nothing to remove.
        if let Err(error) = DatabaseFiles::new(&self.path).remove() {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an incomplete backup");
        }
    }
}

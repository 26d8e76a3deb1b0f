//! Backups, which are consistent copies of a database in use and of the files to which it refers.
//!
//! Guarantees:
//! - A file with the final name is complete, verified, and synced to disk, and so are the files of its attachments in
//!   `NAME.files`, unless the report lists them as missing.
//! - A backup that fails or is killed leaves at most `.NAME.partial` and its journal behind, next to the target, and
//!   files in `NAME.files`. The next backup to the same target replaces or reuses them.
//!
//! `VACUUM INTO` reads one snapshot and does not block writers. SQLite's backup API starts over whenever another
//! process writes, and it also copies free pages (docs/adr/0010).

mod error;
mod files;
mod unfinished;

use std::{
    fs::{self, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

pub use error::BackupError;
pub(super) use files::{files_folder, has_files, list_stored};

use super::{
    files::{BACKUP_ID, DatabaseFiles, EnterError, is_same_file},
    migrate,
};
use crate::attachments::{Storage, TransferReport};
use files::BackupFiles;
use unfinished::UnfinishedBackup;

/// How long a backup waits for a process that is opening or restoring the database.
const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// How long a backup's connection waits for an SQLite lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of snapshots for one backup. Another one is needed if a file that the snapshot refers to was
/// deleted before it was copied.
const MAX_SNAPSHOTS: usize = 10;

/// What a backup contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The size of the database in bytes.
    pub bytes: u64,
    /// The folder with the files of attachments, if there are any.
    pub folder: Option<PathBuf>,
    /// The number of files in this folder.
    pub files: usize,
    /// What was copied into this folder.
    pub copied: TransferReport,
}

/// Writes a backup of a database to `target`, and the files of its attachments to a folder next to it.
///
/// # Errors
/// Returns an error if the backup failed. An existing backup is then unchanged, unless the only failure was the final
/// sync or cleanup of its folder.
pub async fn back_up(
    database: &Path,
    storage: &Storage,
    target: &Path,
    may_overwrite: bool,
) -> Result<BackupReport, BackupError> {
    let files = DatabaseFiles::new(database);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.to_path_buf()));
    }
    check_target(&files, target, may_overwrite)?;
    let write = |error| BackupError::write(target, error);
    let copy = |error| BackupError::copy(target, error);

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
    let mut copied = BackupFiles::new(storage, target)?;
    if let Err(error) = copy_everything(&mut source, &unfinished, &mut copied, target).await {
        // Without a database, the files would only take up space.
        if !target.exists() {
            copied.discard();
        }
        return Err(error);
    }
    source.close().await.map_err(copy)?;
    check_target(&files, target, may_overwrite)?;
    let bytes = unfinished.publish(target).map_err(write)?;
    let (folder, files, copied) = copied.finish()?;
    Ok(BackupReport { bytes, folder, files, copied })
}

/// Copies a snapshot of the database and all files to which it refers.
async fn copy_everything(
    source: &mut SqliteConnection,
    unfinished: &UnfinishedBackup,
    files: &mut BackupFiles<'_>,
    target: &Path,
) -> Result<(), BackupError> {
    let copy = |error| BackupError::copy(target, error);
    // Copies most of the files, so that little time passes between the snapshot and the copy of the last one.
    files.copy_all(source).await?;
    for _ in 0..MAX_SNAPSHOTS {
        unfinished.empty().map_err(|error| BackupError::write(target, error))?;
        if let Some(damage) = copy_into(source, &unfinished.path).await.map_err(copy)? {
            return Err(BackupError::Damaged(damage));
        }
        let mut snapshot = open_copy(&unfinished.path).await.map_err(copy)?;
        files.copy_all(&mut snapshot).await?;
        snapshot.close().await.map_err(copy)?;
        if !files.were_deleted(source).await? {
            return Ok(());
        }
    }
    Err(BackupError::FilesDeleted)
}

/// Copies a snapshot into an empty file and marks the file as a backup. Returns a description of any damage in the
/// copy.
async fn copy_into(source: &mut SqliteConnection, path: &Path) -> Result<Option<String>, sqlx::Error> {
    let name = path.to_str().ok_or_else(|| sqlx::Error::Io(io::Error::other("the name is not valid UTF-8")))?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(source).await?;
    let mut copy = open_copy(path).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {BACKUP_ID}"))).execute(&mut copy).await?;
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut copy).await?;
    copy.close().await?;
    Ok((found != "ok").then_some(found))
}

async fn open_copy(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        // A failed copy is discarded, so writes need not be durable.
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging()
        .connect()
        .await
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

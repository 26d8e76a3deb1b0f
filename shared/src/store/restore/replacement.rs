//! Replaces the old database with the staged one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteSynchronous},
};

use super::error::RestoreError;
use crate::{
    clock::Timestamp,
    private,
    store::{
        StoreError,
        files::{DatabaseFiles, describe_user, remove_if_present, sync_folder},
        sqlite,
    },
};

/// Replaces the old database with the staged one. Returns the new path of the old database, if there was one.
pub(super) async fn replace(
    files: &DatabaseFiles,
    staged: &DatabaseFiles,
    now: Timestamp,
) -> Result<Option<PathBuf>, RestoreError> {
    let write = |source| RestoreError::Write { path: files.folder().to_path_buf(), source };
    let previous = if fs::metadata(files.database()).is_ok_and(|found| found.len() > 0) {
        let kept = free_name(files, now);
        empty_log(files).await?;
        // Only a corrupted database still has a log at this point. The log is kept with the database.
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
        remove_if_present(&files.companion(suffix)).map_err(write)?;
    }
    sync_folder(files.folder()).map_err(write)?;
    fs::rename(staged.database(), files.database()).map_err(write)?;
    sync_folder(files.folder()).map_err(write)?;
    Ok(previous)
}

/// Writes the entire write-ahead log into the database, and removes the log. A corrupted database is left unchanged.
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
            let database = files.database().display();
            tracing::warn!(%database, %error, "current database is corrupted; keeping it unchanged");
            Ok(())
        }
        Err(error) => match StoreError::from(error) {
            StoreError::Busy => {
                Err(RestoreError::InUse { path: files.database().to_path_buf(), user: describe_user(None) })
            }
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

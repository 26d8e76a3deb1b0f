//! The copy of a backup, stored next to the database that it will replace.

use std::{fs, io, path::Path};

use sqlx::{
    ConnectOptions, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::error::RestoreError;
use crate::{
    private,
    store::{
        files::{BACKUP_ID, DatabaseFiles},
        migrate, sqlite,
    },
};

/// Copies the source, then verifies and migrates the copy. Returns the number of sessions and the number of messages.
pub(super) async fn stage(staged: &DatabaseFiles, source: &Path) -> Result<(i64, i64), RestoreError> {
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
    // The copy is treated as a backup, regardless of how it was made.
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

/// Copies the source with its SQLite companion files, because a copy made by hand may consist of several files.
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

/// Converts a database error that occurred while verifying or preparing the copy.
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

//! What is SQLite's alone: how a connection is set up, how a write begins, what its errors mean, and its own checks.
//! Backups, restores, and the erasure of deleted text work on its files, and have modules of their own.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{StoreError, StoreOptions};

/// Begins a write transaction: it takes the write lock at once, so that it never fails half-way for want of it.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// How long SQLite itself waits for the write lock at a time; [`Store::begin_write`](super::Store) goes on until its own
/// deadline.
const BUSY_SLICE: Duration = Duration::from_millis(200);
/// What is left of the write-ahead log, in bytes, once all of it is in the database: a burst, or a reader that was
/// suspended, makes it longer for a while, and by itself SQLite would never make it shorter again
/// (<https://www.sqlite.org/pragma.html#pragma_journal_size_limit>).
pub(super) const WAL_KEPT_BYTES: u32 = 8 * 1024 * 1024;

/// Returns how connections that may write are set up.
pub(super) fn connect_options(options: &StoreOptions) -> SqliteConnectOptions {
    let synchronous =
        if options.durable_against_power_cut { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
    SqliteConnectOptions::new()
        .filename(&options.path)
        .foreign_keys(true)
        .synchronous(synchronous)
        .busy_timeout(BUSY_SLICE)
        // Deleted text is overwritten. `FAST` would leave that of whole pages that become free.
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", WAL_KEPT_BYTES.to_string())
        .disable_statement_logging()
}

/// Makes connections refuse to write.
pub(super) fn read_only(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("query_only", "1")
}

/// Returns the primary result code (<https://www.sqlite.org/rescode.html>) behind an error.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Returns whether somebody else has the lock.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

/// Returns whether the file cannot be written, or read from the disk.
pub(super) fn is_unwritable(error: &sqlx::Error) -> bool {
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const CANTOPEN: u32 = 14;
    is_full(error) || matches!(primary_code(error), Some(READONLY | IOERR | CANTOPEN))
}

/// Returns whether the disk is full.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    const FULL: u32 = 13;
    primary_code(error) == Some(FULL)
}

/// Returns whether the file is damaged, or no database at all.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    const NOTADB: u32 = 26;
    matches!(primary_code(error), Some(CORRUPT | NOTADB))
}

/// Returns what is wrong with the file, in SQLite's own words.
pub(super) async fn list_damage(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let words: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(connection).await?;
    Ok(words.into_iter().filter(|word| word != "ok").collect())
}

/// Returns the foreign keys whose row is missing, as `<table> refers to a missing <table>`.
pub(super) async fn list_missing_references(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query("PRAGMA foreign_key_check").fetch_all(connection).await?;
    let places = rows.iter().map(|row| {
        let (from, to): (&str, &str) = (row.try_get(0)?, row.try_get(2)?);
        Ok(format!("{from} refers to a missing {to}"))
    });
    places.collect()
}

//! Code specific to SQLite, such as connection setup, error codes, and integrity checks. The driver and the code that
//! operates on SQLite's files (backups, restores, and the erasure of deleted text) are in separate modules.

use std::{path::Path, time::Duration};

use sqlx::{ConnectOptions as _, Row as _, sqlite::SqliteConnectOptions};

use super::{
    StoreError, StoreOptions,
    database_driver::{Connection, PostgresError, SqliteOptions},
};

/// The number of prepared statements that a connection caches; more than the store uses.
const STATEMENTS_KEPT: usize = 512;
/// How long a reader's connection waits for a lock.
const BUSY_SLICE: Duration = Duration::from_millis(200);
/// The size in bytes to which the write-ahead log is truncated after a checkpoint. The log grows during bursts and long
/// reads, and SQLite never truncates it by default (<https://www.sqlite.org/pragma.html#pragma_journal_size_limit>).
pub(super) const WAL_KEPT_BYTES: u32 = 8 * 1024 * 1024;

/// The right side of an `IN` operator, for the elements of the JSON array `$1`.
macro_rules! listed {
    () => {
        "(SELECT value FROM json_each($1))"
    };
}
/// The right side of an `IN` operator, for the elements of the JSON array `$1`, which are numbers.
macro_rules! listed_numbers {
    () => {
        "(SELECT value + 0 FROM json_each($1))"
    };
}
/// The first 2,000 bytes of the text of message `m`. They may end inside a character, and may include NUL characters.
macro_rules! content_start {
    () => {
        "substr(CAST(m.content AS BLOB), 1, 2000)"
    };
}
/// A random ID (a UUID of version 4, RFC 9562) for each row of an `INSERT … SELECT`.
macro_rules! random_id {
    () => {
        "lower(hex(randomblob(4)) || char(45) || hex(randomblob(2)) || char(45) || 4 || \
         substr(hex(randomblob(2)), 2) || char(45) || 8 || substr(hex(randomblob(2)), 2) || char(45) || \
         hex(randomblob(6)))"
    };
}
pub(super) use {content_start, listed, listed_numbers, random_id};

/// Returns the settings of all connections of a store.
fn pragmas(options: &StoreOptions) -> [(&'static str, String); 4] {
    let synchronous = if options.durable_against_power_cut { "FULL" } else { "NORMAL" };
    [
        ("foreign_keys", "ON".into()),
        ("synchronous", synchronous.into()),
        // Overwrites deleted text. `FAST` would preserve the content of pages that become free.
        ("secure_delete", "ON".into()),
        ("journal_size_limit", WAL_KEPT_BYTES.to_string()),
    ]
}

/// Returns the default options for connections, which allow writes.
pub(super) fn options(path: &Path, options: &StoreOptions) -> SqliteOptions {
    SqliteOptions {
        path: path.to_owned(),
        busy_timeout: BUSY_SLICE,
        pragmas: pragmas(options).into(),
        statements_kept: STATEMENTS_KEPT,
    }
}

/// Returns the options for the connection that migrates the database.
pub(super) fn migration_options(path: &Path, options: &StoreOptions) -> SqliteConnectOptions {
    let connect = SqliteConnectOptions::new().filename(path).disable_statement_logging();
    pragmas(options).into_iter().fold(connect, |connect, (name, value)| connect.pragma(name, value))
}

/// Adapts the options for the writer. The writer waits for the write lock itself, because SQLite would poll for it at
/// intervals of up to 100 ms.
///
/// The pages to which a savepoint would revert are kept in memory. Otherwise, SQLite writes them to a file for each
/// operation in a batch, which doubles the operation's cost.
pub(super) fn for_writer(options: SqliteOptions) -> SqliteOptions {
    SqliteOptions { busy_timeout: Duration::ZERO, ..options.pragma("temp_store", "MEMORY") }
}

/// Makes connections with these options read-only.
pub(super) fn read_only(options: SqliteOptions) -> SqliteOptions {
    options.pragma("query_only", "1")
}

/// Returns the primary result code of an error that SQLite returned (<https://www.sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let error = error.as_database_error().filter(|error| error.try_downcast_ref::<PostgresError>().is_none())?;
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Returns whether the error means that another connection is holding a lock.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

/// Returns whether SQLite rejected the statement itself, such as a `ROLLBACK` without a transaction.
pub(super) fn is_rejection(error: &StoreError) -> bool {
    const ERROR: u32 = 1;
    matches!(error, StoreError::Database(source) if primary_code(source) == Some(ERROR))
}

/// Returns whether the error means that the file cannot be read or written.
pub(super) fn is_unwritable(error: &sqlx::Error) -> bool {
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const CANTOPEN: u32 = 14;
    is_full(error) || matches!(primary_code(error), Some(READONLY | IOERR | CANTOPEN))
}

/// Returns whether the error means that the disk is full.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    const FULL: u32 = 13;
    primary_code(error) == Some(FULL)
}

/// Returns whether the error means that the file is corrupted or is not a database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    const NOTADB: u32 = 26;
    matches!(primary_code(error), Some(CORRUPT | NOTADB))
}

/// Returns descriptions of any damage, as SQLite reports it.
pub(super) async fn list_damage(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let words: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(connection).await?;
    Ok(words.into_iter().filter(|word| word != "ok").collect())
}

/// Returns the violated foreign keys, as `<table> refers to a missing <table>`.
pub(super) async fn list_missing_references(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query("PRAGMA foreign_key_check").fetch_all(connection).await?;
    let places = rows.iter().map(|row| {
        let (from, to): (&str, &str) = (row.try_get(0)?, row.try_get(2)?);
        Ok(format!("{from} refers to a missing {to}"))
    });
    places.collect()
}

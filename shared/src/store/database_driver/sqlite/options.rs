//! How connections to SQLite databases are opened.

use std::{path::PathBuf, time::Duration};

use rusqlite::OpenFlags;
use sqlx::Error;

use super::error::convert;
use crate::store::database_driver::{Connection, sqlite};

/// The options of a connection to an existing database file.
#[derive(Clone, Debug)]
pub(in crate::store) struct SqliteOptions {
    /// The database file.
    pub(in crate::store) path: PathBuf,
    /// How long a statement waits for a lock.
    pub(in crate::store) busy_timeout: Duration,
    /// Settings of the connection (<https://www.sqlite.org/pragma.html>).
    pub(in crate::store) pragmas: Vec<(&'static str, String)>,
    /// The maximum number of prepared statements in the cache.
    pub(in crate::store) statements_kept: usize,
}

impl SqliteOptions {
    /// Adds a setting.
    pub(in crate::store) fn pragma(mut self, name: &'static str, value: &str) -> Self {
        self.pragmas.push((name, value.to_owned()));
        self
    }

    /// Opens a connection.
    pub(in crate::store) fn open(&self) -> Result<Connection, Error> {
        // A connection is used by one thread at a time, so SQLite needs no mutex.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let raw = rusqlite::Connection::open_with_flags(&self.path, flags).map_err(convert)?;
        raw.busy_timeout(self.busy_timeout).map_err(convert)?;
        raw.set_prepared_statement_cache_capacity(self.statements_kept);
        for (name, value) in &self.pragmas {
            raw.execute_batch(&format!("PRAGMA {name} = {value}")).map_err(convert)?;
        }
        Ok(sqlite::Connection::new(raw).into())
    }
}

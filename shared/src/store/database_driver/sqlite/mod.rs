//! Connections to SQLite databases. Statements run on the calling thread (docs/adr/0016).

mod connection;
mod error;
mod options;

pub(super) use connection::Connection;
pub(in crate::store) use options::SqliteOptions;

/// Begins a write transaction and acquires the write lock immediately, so that no later statement has to acquire the
/// lock.
pub(in crate::store) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// Commits the open transaction.
pub(super) const COMMIT: &str = "COMMIT";
/// Rolls back the open transaction.
pub(in crate::store) const ROLLBACK: &str = "ROLLBACK";

//! Connections to SQLite databases. Statements run on the calling thread (docs/adr/0016).

mod connection;
mod error;
mod options;

pub(super) use connection::Connection;
pub(in crate::store) use options::SqliteOptions;

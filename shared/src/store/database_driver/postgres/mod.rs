//! Connections to PostgreSQL servers.
//!
//! The store's statements are written once for both databases. This module translates the few expressions that
//! PostgreSQL writes differently (`dialect.rs`), and converts values to and from its types (`values.rs`).

mod connection;
mod dialect;
mod error;
mod options;
mod values;

pub(super) use connection::Connection;
pub(in crate::store) use error::PostgresError;
pub(in crate::store) use options::{PoolerError, PostgresOptions};

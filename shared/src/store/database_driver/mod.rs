//! The store's driver for sqlx, for both databases.
//!
//! SQLite runs statements on the calling thread. sqlx's own driver passes each statement to a separate thread and each
//! row back. For the store's small statements, the thread switches cost several times as much as SQLite's own work
//! (docs/adr/0016). Futures block the thread instead of waiting: use [`block()`] to acquire the write lock and to commit.
//!
//! PostgreSQL runs the same statements, which `postgres/` translates (docs/adr/0017).
//!
//! The rest of sqlx is used unchanged, including its queries, its conversion of rows to structs, and its errors.
//! Backups, restores, and migrations use sqlx's own drivers.

mod arguments;
mod block;
mod connection;
mod options;
mod pool;
mod postgres;
mod row;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;
mod transaction;
mod types;
mod value;

use sqlx::Database;

pub(super) use self::{
    arguments::Arguments,
    block::{block, block_if},
    connection::Connection,
    options::Options,
    pool::Pool,
    postgres::{PoolerError, PostgresError, PostgresOptions},
    row::Row,
    sqlite::{BEGIN_WRITE, SqliteOptions},
    value::Value,
};
use self::{
    row::Column,
    statement::Statement,
    transaction::Transactions,
    value::{DataType, ValueRef},
};

/// The driver's implementation of [`sqlx::Database`].
#[derive(Debug)]
pub(super) struct DatabaseDriver;

impl Database for DatabaseDriver {
    type Connection = Connection;
    type TransactionManager = Transactions;
    type Row = Row;
    type QueryResult = QueryResult;
    type Column = Column;
    type TypeInfo = DataType;
    type Value = Value;
    type ValueRef<'r> = ValueRef<'r>;
    type Arguments = Arguments;
    type ArgumentBuffer = Vec<Value>;
    type Statement = Statement;

    const NAME: &'static str = "Banter";
    const URL_SCHEMES: &'static [&'static str] = &[];
}

/// A statement with its arguments.
pub(super) type Query<'q> = sqlx::query::Query<'q, DatabaseDriver, Arguments>;

/// The result of a statement, apart from its rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueryResult {
    rows_affected: u64,
}

impl QueryResult {
    /// Returns the number of rows that were inserted, updated, or deleted.
    pub(super) const fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

impl Extend<Self> for QueryResult {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, results: T) {
        self.rows_affected += results.into_iter().map(|result| result.rows_affected).sum::<u64>();
    }
}

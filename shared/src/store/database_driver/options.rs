//! How connections are opened.

use std::{str::FromStr, time::Duration};

use log::LevelFilter;
use sqlx::{ConnectOptions, Error};
use sqlx_core::Url;

use super::{Connection, postgres::PostgresOptions, sqlite::SqliteOptions};

/// The options of a connection to an existing database.
#[derive(Clone, Debug)]
pub(in crate::store) enum Options {
    /// A database file.
    Sqlite(SqliteOptions),
    /// A database server.
    Postgres(PostgresOptions),
}

impl Options {
    /// Opens a connection.
    pub(in crate::store) async fn open(&self) -> Result<Connection, Error> {
        match self {
            Self::Sqlite(options) => options.open(),
            Self::Postgres(options) => Box::pin(options.open()).await,
        }
    }

    /// Returns whether statements block the thread while they wait.
    pub(in crate::store) const fn are_blocking(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

// sqlx requires every driver to implement this. The store opens its connections itself.
impl ConnectOptions for Options {
    type Connection = Connection;

    fn from_url(url: &Url) -> Result<Self, Error> {
        url.as_str().parse()
    }

    async fn connect(&self) -> Result<Connection, Error> {
        self.open().await
    }

    fn log_statements(self, _: LevelFilter) -> Self {
        self
    }

    fn log_slow_statements(self, _: LevelFilter, _: Duration) -> Self {
        self
    }
}

impl FromStr for Options {
    type Err = Error;

    fn from_str(_: &str) -> Result<Self, Error> {
        Err(Error::Configuration("this driver does not read URLs".into()))
    }
}

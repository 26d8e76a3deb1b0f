//! Direct access to an installation's database, for tests that read or damage what the product has stored.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::wait::PATIENCE;

/// The key of the advisory lock that the product's changes hold on PostgreSQL.
const POSTGRES_WRITE_LOCK: i64 = 0x4261_6e74;

/// The location of a database.
#[derive(Clone, Debug)]
pub enum Database {
    /// An SQLite file.
    File(PathBuf),
    /// The URL of a database on a PostgreSQL server.
    Server(String),
}

impl Database {
    /// Returns the database that `DATABASE_URL` specifies.
    pub fn from_url(url: &str) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(path) => Self::File(path.into()),
            None => Self::Server(url.to_owned()),
        }
    }

    /// Executes statements in one transaction, which holds the write lock.
    pub async fn execute(&self, statements: &str) {
        let lock = StoreLock::take(self, PATIENCE).await.expect("the write lock");
        lock.commit(statements).await;
    }

    /// Returns the first column of a query's rows as text.
    pub async fn values(&self, query: &str) -> Vec<String> {
        match self {
            Self::File(file) => {
                let mut connection = open(file, PATIENCE).await;
                let rows = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows.iter().map(|row| row.get_unchecked(0)).collect()
            }
            Self::Server(url) => {
                let rows = connect(url).await.simple_query(query).await.unwrap();
                let values = rows.into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).expect("a value").to_owned()),
                    _ => None,
                });
                values.collect()
            }
        }
    }
}

async fn open(file: &Path, patience: Duration) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(patience);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A held write lock, like that of a process that is frozen inside a transaction.
#[derive(Debug)]
pub enum StoreLock {
    /// SQLite's single write lock.
    File(SqliteConnection),
    /// The lock that the product uses on PostgreSQL.
    Server(tokio_postgres::Client),
}

impl StoreLock {
    /// Acquires the write lock. Returns `None` if that takes longer than `patience`.
    pub async fn take(database: &Database, patience: Duration) -> Option<Self> {
        match database {
            Database::File(file) => {
                let mut connection = open(file, patience).await;
                let began = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await;
                began.is_ok().then_some(Self::File(connection))
            }
            Database::Server(url) => {
                let client = connect(url).await;
                let limit = patience.as_millis();
                let begin = format!(
                    "BEGIN; SET LOCAL lock_timeout = {limit}; SELECT pg_advisory_xact_lock({POSTGRES_WRITE_LOCK})"
                );
                client.batch_execute(&begin).await.is_ok().then_some(Self::Server(client))
            }
        }
    }

    /// Releases the lock. Nothing is written.
    pub async fn release(self) {
        self.end("ROLLBACK").await;
    }

    /// Executes statements, and releases the lock.
    async fn commit(self, statements: &str) {
        self.end(&format!("{statements}; COMMIT")).await;
    }

    async fn end(self, statements: &str) {
        match self {
            Self::File(mut connection) => {
                sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Server(client) => client.batch_execute(statements).await.unwrap(),
        }
    }
}

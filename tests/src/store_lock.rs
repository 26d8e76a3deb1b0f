//! SQLite's single write lock, held by a test.

use std::{path::Path, time::Duration};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// A held write lock, like that of a process that is frozen inside a transaction. Nothing is written.
#[derive(Debug)]
pub struct StoreLock(SqliteConnection);

impl StoreLock {
    /// Acquires the write lock on this database file. Returns `None` if that takes longer than `patience`.
    pub async fn take(database: &Path, patience: Duration) -> Option<Self> {
        let options = SqliteConnectOptions::new().filename(database).busy_timeout(patience);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let began = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await;
        began.is_ok().then_some(Self(connection))
    }

    /// Releases the lock.
    pub async fn release(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}

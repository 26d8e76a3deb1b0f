//! SQLite's one write lock, in a test's hand.

use std::{path::Path, time::Duration};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// The lock, held as a process would hold it that froze inside a transaction. Nothing is written under it.
#[derive(Debug)]
pub struct StoreLock(SqliteConnection);

impl StoreLock {
    /// Takes the lock of this database file, if that is possible within `patience`.
    pub async fn take(database: &Path, patience: Duration) -> Option<Self> {
        let options = SqliteConnectOptions::new().filename(database).busy_timeout(patience);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let began = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await;
        began.is_ok().then_some(Self(connection))
    }

    /// Gives it back.
    pub async fn release(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}

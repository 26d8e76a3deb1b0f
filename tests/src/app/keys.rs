//! API keys for many users. They are inserted directly into the database, together with the users' event logs, because
//! `api keys create` would require a separate process for each key.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::TestApp;

impl TestApp {
    /// Creates a key for each of these users in the workspace `default` and returns the keys.
    pub async fn create_keys(&self, users: impl IntoIterator<Item = String>) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.database());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let mut keys = Vec::new();
        for user in users {
            let key = format!("bnt_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            let mut hash = String::new();
            for byte in Sha256::digest(key.as_bytes()) {
                write!(hash, "{byte:02x}").unwrap();
            }
            sqlx::query(
                "INSERT INTO api_key (id, secret_hash, workspace_id, user_id, role, created_at) \
                 VALUES (?1, ?2, 'default', ?3, 'member', '2026-01-01T00:00:00.000Z')",
            )
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(hash)
            .bind(&user)
            .execute(&mut *tx)
            .await
            .unwrap();
            sqlx::query("INSERT INTO user_log (workspace_id, user_id, epoch) VALUES ('default', ?1, '1')")
                .bind(&user)
                .execute(&mut *tx)
                .await
                .unwrap();
            keys.push(key);
        }
        tx.commit().await.unwrap();
        connection.close().await.unwrap();
        keys
    }
}

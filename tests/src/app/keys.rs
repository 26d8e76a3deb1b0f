//! API keys for many users. They are inserted directly into the database, together with the users' event logs, because
//! `api keys create` would require a separate process for each key.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::TestApp;

/// The number of users per statement.
const CHUNK: usize = 200;

impl TestApp {
    /// Creates a key for each of these users in the workspace `default` and returns the keys. The names must not contain
    /// quotation marks.
    pub async fn create_keys(&self, users: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut keys = Vec::new();
        let (mut accounts, mut logs) = (Vec::new(), Vec::new());
        for user in users {
            let key = format!("bnt_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
            let mut hash = String::new();
            for byte in Sha256::digest(key.as_bytes()) {
                write!(hash, "{byte:02x}").unwrap();
            }
            let id = uuid::Uuid::now_v7();
            accounts.push(format!("('{id}', '{hash}', 'default', '{user}', 'member', '2026-01-01T00:00:00.000Z')"));
            logs.push(format!("('default', '{user}', '1')"));
            keys.push(key);
        }
        for (accounts, logs) in accounts.chunks(CHUNK).zip(logs.chunks(CHUNK)) {
            let insert = format!(
                "INSERT INTO api_key (id, secret_hash, workspace_id, user_id, role, created_at) VALUES {}; \
                 INSERT INTO user_log (workspace_id, user_id, epoch) VALUES {}",
                accounts.join(", "),
                logs.join(", ")
            );
            self.database().execute(&insert).await;
        }
        keys
    }
}

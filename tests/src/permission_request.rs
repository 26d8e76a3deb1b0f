//! Permission requests that are stored directly in the database, for tests that need one without an agent.

use std::path::Path;

use serde_json::json;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::wait::PATIENCE;

/// Adds a permission request to a task, which then waits for a decision. Returns the request's ID.
pub async fn ask_permission(database: &Path, task: &str) -> String {
    let id = Uuid::now_v7().to_string();
    let detail = json!({"request_id": id, "options": [{"option_id": "y", "name": "Yes", "kind": "allow_once"}], "expires_at": "2100-01-01T00:00:00.000Z"});
    let options = SqliteConnectOptions::new().filename(database).busy_timeout(PATIENCE);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("UPDATE step_revision SET last = last + 1").execute(&mut *tx).await.unwrap();
    let added = sqlx::query(
        "INSERT INTO task_step (task_id, attempt, seq, revision, kind, title, status, detail, permission_id) \
         SELECT t.id, t.attempt, 1, r.last, 'permission', 'Run a tool', 'pending', ?2, ?3 \
         FROM agent_task t, step_revision r WHERE t.id = ?1",
    )
    .bind(task)
    .bind(detail.to_string())
    .bind(&id)
    .execute(&mut *tx)
    .await
    .unwrap();
    assert_eq!(added.rows_affected(), 1, "no task {task}");
    tx.commit().await.unwrap();
    connection.close().await.unwrap();
    id
}

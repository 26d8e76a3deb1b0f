//! Permission requests that are stored directly in the database, for tests that need one without an agent.

use serde_json::json;
use uuid::Uuid;

use crate::database::Database;

/// Adds a permission request to a task, which then waits for a decision. Returns the request's ID.
pub async fn ask_permission(database: &Database, task: &str) -> String {
    let id = Uuid::now_v7().to_string();
    let detail = json!({"request_id": id, "options": [{"option_id": "y", "name": "Yes", "kind": "allow_once"}], "expires_at": "2100-01-01T00:00:00.000Z"});
    let add = format!(
        "UPDATE step_revision SET last = last + 1; \
         INSERT INTO task_step (task_id, attempt, seq, stripe, revision, kind, title, status, detail, permission_id) \
         SELECT t.id, t.attempt, 1, r.stripe, r.last, 'permission', 'Run a tool', 'pending', '{detail}', '{id}' \
         FROM agent_task t, step_revision r WHERE t.id = '{task}' \
         AND r.stripe = (SELECT MAX(stripe) FROM event_log WHERE chat_session_id = t.chat_session_id)"
    );
    database.execute(&add).await;
    let find = format!("SELECT task_id FROM task_step WHERE permission_id = '{id}'");
    assert_eq!(database.values(&find).await, [task], "no such task");
    id
}

//! Permission requests from agents.

mod decisions;
mod policy;
mod relays;

use banter_tests::{
    client::{Client, Reply},
    wait::eventually,
};
use serde_json::{Value, json};

use super::Faked;

/// A turn whose agent is waiting for a decision.
struct PendingRequest {
    session: String,
    task: String,
    /// The step that contains the request.
    step: Value,
}

impl PendingRequest {
    async fn start(client: &Client, prompt: &str) -> Self {
        let session = client.create_session("fake").await;
        let task = client.send(&session, prompt).await.task_id;
        let step = Self::wait_for(client, &session, &task, None).await;
        Self { session, task, step }
    }

    /// Waits for a pending request other than `known` and returns the step that contains the request.
    async fn wait_for(client: &Client, session: &str, task: &str, known: Option<&str>) -> Value {
        eventually("a permission request", async || {
            let task = client.task(session, task).await;
            let steps = task["steps"].as_array()?.clone();
            steps.into_iter().find(|step| {
                step["kind"] == "permission"
                    && step["status"] == "pending"
                    && step["detail"]["request_id"].as_str() != known
            })
        })
        .await
    }

    fn request(&self) -> &str {
        self.step["detail"]["request_id"].as_str().unwrap()
    }

    async fn decide(&self, client: &Client, decision: &str) -> Reply {
        self.answer(client, &json!({"decision": decision})).await
    }

    async fn select(&self, client: &Client, option: &str) -> Reply {
        self.answer(client, &json!({"option_id": option})).await
    }

    async fn answer(&self, client: &Client, answer: &Value) -> Reply {
        let path = format!("/v1/chat/{}/tasks/{}/permissions/{}", self.session, self.task, self.request());
        client.post(&path, answer).await
    }
}

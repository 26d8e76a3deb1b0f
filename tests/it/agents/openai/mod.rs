//! Agents that use a model server with an OpenAI-compatible chat completions API.

mod failures;
mod quirks;
mod responses;

use banter_tests::follower::Follower;
use serde_json::{Value, json};

use crate::support::Scripted;

/// Sends a prompt and returns the task and the answer. Validates the stream during the turn, and checks that the next
/// turn succeeds.
async fn ask(scripted: &Scripted, prompt: &str) -> (Value, Option<Value>) {
    let follower = Follower::start(&scripted.client).await;
    let session = scripted.session().await;
    let sent = scripted.client.send(&session, prompt).await;
    let task = scripted.client.wait_for_end(&session, &sent.task_id).await;
    let answer = scripted.client.answer_of(&session, &sent.task_id).await;
    follower.settle(&scripted.client).await;
    assert_eq!(scripted.client.ask(&session, "and now?").await["task"]["status"], "succeeded", "the session continues");
    (task, answer)
}

fn outcome(task: &Value) -> Value {
    json!([task["status"], task["error"]["code"], task["attempt"], task["failures"]])
}

async fn with_attempts(count: usize) -> Scripted {
    Scripted::start_with(&format!("max_attempts = {count}"), |builder| builder).await
}

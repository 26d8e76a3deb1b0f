//! Quirks of agents that use the Agent Client Protocol. Each module contains a table. Each row of the table contains a
//! script that defines what the agent writes during a turn (see `play` in `fake_agent/acts.py`), and the expected
//! outcome. To cover another quirk, add a row.

mod endings;
mod failures;
mod large;
mod malformed;
mod requests;
mod shapes;
mod tails;

use banter_tests::client::Client;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::Faked;

/// Number of concurrent turns.
const AT_ONCE: usize = 4;

struct Row {
    name: &'static str,
    script: Value,
    status: &'static str,
    /// The text of the answer.
    text: String,
    /// The code and message of the error.
    error: Value,
    /// The kind, title, and status of each step.
    steps: Value,
}

impl Row {
    fn answers(name: &'static str, script: Value, text: impl Into<String>) -> Self {
        let (error, steps) = (json!([null, null]), json!([]));
        Self { name, script, status: "succeeded", text: text.into(), error, steps }
    }

    fn fails(name: &'static str, script: Value, text: &str, code: &str, message: &str) -> Self {
        Self { status: "failed", error: json!([code, message]), ..Self::answers(name, script, text) }
    }

    fn with_steps(self, steps: Value) -> Self {
        Self { steps, ..self }
    }
}

fn end() -> Value {
    json!({"end": {"stopReason": "end_turn"}})
}

fn update(kind: &str, mut fields: Value) -> Value {
    fields["sessionUpdate"] = kind.into();
    json!({ "update": fields })
}

/// Returns a step that writes a chunk as a raw line, with this text inserted without escaping.
fn chunk_line(text: &str) -> Value {
    let content = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let update = format!(r#"{{"sessionUpdate":"agent_message_chunk","content":{content}}}"#);
    json!({"line": format!(r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"$S","update":{update}}}}}"#)})
}

fn request(id: &Value, parameters: &Value) -> Value {
    json!({"ask": {"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": parameters}})
}

async fn outcome(client: &Client, session: &str, script: &Value) -> Value {
    let asked = client.ask(session, &format!("play {script}")).await;
    let task = client.task(session, asked["task"]["id"].as_str().unwrap()).await;
    let steps: Vec<Value> = task["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| json!([step["kind"], step["title"], step["status"]]))
        .collect();
    json!({
        "status": task["status"], "text": asked["reply"]["content"].as_str().unwrap_or_default(),
        "error": [task["error"]["code"], task["error"]["message"]], "steps": steps,
    })
}

/// Plays the scripts of these rows, several at a time. Each conversation then has a second turn, which must contain
/// nothing from the first turn.
async fn play(rows: Vec<Row>) {
    let faked = Faked::start("", "permission = 'allow'\nmax_attempts = 1", |builder| builder).await;
    let client = &faked.client;
    let wrong: Vec<String> = stream::iter(rows)
        .map(|row| async move {
            let session = client.create_session("fake").await;
            let found = outcome(client, &session, &row.script).await;
            let Row { status, text, error, steps, .. } = row;
            let expected = json!({"status": status, "text": text, "error": error, "steps": steps});
            let next = client.ask(&session, "hello").await;
            let mut wrong = Vec::new();
            if found != expected {
                let shown = |value: &Value| value.to_string().chars().take(600).collect::<String>();
                wrong.push(format!("{}: found {}, expected {}", row.name, shown(&found), shown(&expected)));
            }
            if next["reply"]["content"] != "You said: hello" {
                wrong.push(format!("{}: the next turn said {}", row.name, next["reply"]["content"]));
            }
            wrong
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

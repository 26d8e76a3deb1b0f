//! Random defects in an agent's output, generated from fixed seeds. Every turn must end, the conversation must
//! continue, and a damaged answer must never be reported as complete.

use banter_tests::{client::Client, random::TestRng};
use futures::{StreamExt as _, stream};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::Faked;

/// Number of sessions, each with a different seed.
const SEEDS: u64 = 48;
/// Number of concurrent turns.
const AT_ONCE: usize = 4;

/// A script and its permitted outcomes.
struct Session {
    steps: Vec<Value>,
    /// The readable part of the answer.
    text: String,
    /// Whether part of the answer is unreadable. If so, the loss must be reported.
    is_torn: bool,
    /// Whether the result is unreadable or reports a failure.
    has_failed: bool,
}

fn line(message: &Value) -> String {
    message.to_string()
}

fn update(fields: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update": fields}})
}

fn chunk(text: &str) -> Value {
    update(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}))
}

/// Truncates a line somewhere in its second half, which leaves invalid JSON.
fn torn(rng: &mut TestRng, line: &str) -> String {
    let at = rng.random_range(0..line.len() / 2) + line.len() / 2 - 1;
    line[..line.floor_char_boundary(at)].to_owned()
}

impl Session {
    fn random(seed: u64) -> Self {
        let mut rng = TestRng::seed_from_u64(seed);
        let mut session = Self { steps: Vec::new(), text: String::new(), is_torn: false, has_failed: false };
        for word in 0..3 + rng.random_range(0..6) {
            session.defect(&mut rng);
            let text = format!("word{word} ");
            let whole = line(&chunk(&text));
            if rng.random_ratio(1, 12) {
                session.is_torn = true;
                session.write(torn(&mut rng, &whole));
            } else {
                session.text.push_str(&text);
                session.write(match rng.random_range(0..5) {
                    0 => format!("\u{feff}{whole}"),
                    1 => format!("  {whole}\r"),
                    2 => format!("[{whole}, 7]"),
                    3 => whole.replace("\"2.0\"", "2"),
                    _ => whole,
                });
            }
        }
        session.end(&mut rng);
        session
    }

    fn write(&mut self, line: impl Into<String>) {
        self.steps.push(json!({"line": line.into()}));
    }

    /// Adds an unusual line that is not part of the answer, or adds nothing.
    fn defect(&mut self, rng: &mut TestRng) {
        let tool = |fields: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"$S","update":{{"sessionUpdate":"tool_call_update","toolCallId":"t",{fields}}}}}}}"#
            )
        };
        let odd = match rng.random_range(0..12) {
            0 => "Downloading model: 40 %".to_owned(),
            1 => tool(r#""title":"Look \ud83d","status":"completed""#),
            2 => tool(r#""title":5,"status":{},"kind":[],"content":[5,null,{"type":"diff"}]"#),
            3 => r#"{"jsonrpc":"2.0","id":99,"method":"terminal/create","params":{"a":}}"#.to_owned(),
            4 => r#"{"jsonrpc":"2.0","id":"x","method":"fs/write_text_file"}"#.to_owned(),
            5 => r#"{"jsonrpc":"2.0","id":7.5,"method":"session/request_permission","params":{"options":null}}"#
                .to_owned(),
            6 => r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#.to_owned(),
            7 => line(&update(&json!({"sessionUpdate": "hologram", "content": {"type": "text", "text": "WRONG"}}))),
            8 => line(&update(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "smell"}}))),
            9 => format!("{{\"x\":\"{}\"}}", "y".repeat(100_000)),
            10 => "[[[[[[{]}".to_owned(),
            _ => return,
        };
        self.write(odd);
    }

    fn end(&mut self, rng: &mut TestRng) {
        let (end, has_failed) = match rng.random_range(0..8) {
            0 => (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":end_turn}}"#, true),
            1 => (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"agent_error"}}"#, true),
            2 => (r#"{"jsonrpc":"2.0","id":$P,"error":{"message":"It broke"}}"#, true),
            3 => (r#"{"jsonrpc":"2.0","id":"$P","result":{"stopReason":"end_turn"}}"#, false),
            4 => (r#"{"id":$P.0,"result":{"stopReason":"whatever"}}"#, false),
            5 => (r#"{"jsonrpc":"2.0","id":$P}"#, false),
            _ => (r#"{"jsonrpc":"2.0","id":$P,"result":{"stopReason":"end_turn"}}"#, false),
        };
        self.has_failed = has_failed;
        self.write(end);
        if rng.random_ratio(1, 3) {
            self.text.push_str("tail");
            self.write(line(&chunk("tail")));
        }
    }

    /// Returns a description of what is wrong with the outcome, if anything.
    fn judge(&self, asked: &Value, task: &Value) -> Option<String> {
        // If a tool has been called, a failure may end the task as `interrupted`.
        let expected: &[&str] = if self.has_failed { &["failed", "interrupted"] } else { &["succeeded"] };
        let steps = task["steps"].as_array().unwrap();
        let says_torn = steps.iter().any(|step| step["title"] == "Part of the agent's output could not be read.");
        let normal = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = normal(asked["reply"]["content"].as_str().unwrap_or_default());
        if !expected.contains(&task["status"].as_str().unwrap()) {
            return Some(format!("{} instead of {expected:?}: {}", task["status"], task["error"]));
        }
        if text != normal(&self.text) {
            return Some(format!("the text {text:?} instead of {:?}", self.text));
        }
        (self.is_torn && !says_torn).then(|| "nothing says that a part is missing".to_owned())
    }
}

async fn check(client: &Client, seed: u64) -> Option<String> {
    let session = client.create_session("fake").await;
    let played = Session::random(seed);
    let asked = client.ask(&session, &format!("play {}", json!(played.steps))).await;
    let task = client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
    let next = client.ask(&session, "hello").await;
    let wrong = played.judge(&asked, &task);
    let next_wrong = || (next["reply"]["content"] != "You said: hello").then(|| format!("the next turn: {next}"));
    wrong.or_else(next_wrong).map(|wrong| format!("seed {seed}: {wrong}"))
}

#[tokio::test]
async fn random_defects_never_lose_an_outcome_or_pass_as_complete_answers() {
    let faked = Faked::start("", "max_attempts = 1", |builder| builder).await;
    let client = &faked.client;

    let wrong: Vec<String> = stream::iter(0..SEEDS)
        .map(|seed| check(client, seed))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

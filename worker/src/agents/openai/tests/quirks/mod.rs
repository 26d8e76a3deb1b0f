//! Tables of what servers send. Each row contains an input and its expected result.
//!
//! Rows are read with tokio's time paused, so pauses take no real time. A row that sends fewer than 4,000 bytes,
//! without pauses or a broken connection, is also read once for every position at which its input can be split in two,
//! and once byte by byte. The split must not change the result.

mod ends;
mod errors;
mod mutations;
mod texts;
mod thoughts;
mod unknown_input;

use std::time::Duration;

use banter_shared::{
    chat::{ErrorCode, FinishReason, StepKind, StepStatus, Usage},
    clock::Timestamp,
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::agents::{
    AgentError, Update,
    openai::{
        body::Body,
        errors::Context,
        reader::{self, ReadResult},
    },
};

const DONE: &str = "data: [DONE]\n\n";
const IDLE: Duration = Duration::from_mins(2);

/// An input and its expected result.
#[derive(Clone)]
struct Row {
    name: &'static str,
    content_type: &'static str,
    sends: Vec<Action>,
    expected: Expected,
}

/// An action by the server.
#[derive(Clone, Debug)]
enum Action {
    Bytes(Vec<u8>),
    /// Silence for this many seconds.
    Pause(u64),
    /// Endless silence, with the connection left open.
    Silence,
    /// A broken connection.
    Break,
}

#[derive(Clone, Debug, PartialEq)]
struct Expected {
    text: String,
    thoughts: Vec<String>,
    notices: Vec<String>,
    /// The sizes of the files, in bytes.
    files: Vec<usize>,
    outcome: Result<FinishReason, (ErrorCode, String)>,
}

/// Creates a row that sends nothing and expects an empty answer.
fn row(name: &'static str) -> Row {
    let expected = Expected {
        text: String::new(),
        thoughts: Vec::new(),
        notices: Vec::new(),
        files: Vec::new(),
        outcome: Ok(FinishReason::Stop),
    };
    Row { name, content_type: "text/event-stream", sends: Vec::new(), expected }
}

impl Row {
    fn content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.sends.push(Action::Bytes(bytes.as_ref().to_vec()));
        self
    }

    fn pause(mut self, seconds: u64) -> Self {
        self.sends.push(Action::Pause(seconds));
        self
    }

    fn silence(mut self) -> Self {
        self.sends.push(Action::Silence);
        self
    }

    fn breaks(mut self) -> Self {
        self.sends.push(Action::Break);
        self
    }

    fn text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.expected.text);
        self
    }

    fn thought(mut self, thought: &str) -> Self {
        self.expected.thoughts.push(thought.to_owned());
        self
    }

    fn notice(mut self, notice: &str) -> Self {
        self.expected.notices.push(notice.to_owned());
        self
    }

    fn file(mut self, bytes: usize) -> Self {
        self.expected.files.push(bytes);
        self
    }

    fn finish(mut self, reason: FinishReason) -> Self {
        self.expected.outcome = Ok(reason);
        self
    }

    /// Expects a failure with this code and a message that contains these words.
    fn fails(mut self, code: ErrorCode, words: &str) -> Self {
        self.expected.outcome = Err((code, words.to_owned()));
        self
    }

    async fn check(&self) {
        self.assert_read(self.sends.clone(), "as sent").await;
        let whole: Option<Vec<u8>> = self
            .sends
            .iter()
            .map(|send| if let Action::Bytes(bytes) = send { Some(bytes.clone()) } else { None })
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        let Some(whole) = whole.filter(|whole| whole.len() < 4_000) else { return };
        for cut in 0..=whole.len() {
            let halves = [&whole[..cut], &whole[cut..]].map(|half| Action::Bytes(half.to_vec()));
            self.assert_read(halves.into(), &format!("cut at {cut}")).await;
        }
        let bytes = whole.iter().map(|byte| Action::Bytes(vec![*byte])).collect();
        self.assert_read(bytes, "by bytes").await;
    }

    async fn assert_read(&self, sends: Vec<Action>, how: &str) {
        let found = read(self.content_type, sends).await;
        let mut expected = self.expected.clone();
        if let (Err((_, words)), Err((_, message))) = (&mut expected.outcome, &found.read.outcome)
            && message.contains(words.as_str())
        {
            words.clone_from(message);
        }
        assert_eq!(found.read, expected, "{} ({how})", self.name);
    }
}

/// The result of reading, and how long reading took.
struct Observation {
    read: Expected,
    usage: Option<Usage>,
    took: Duration,
}

/// Reads what a server sends.
async fn read(content_type: &str, sends: Vec<Action>) -> Observation {
    let bytes = stream::iter(sends).filter_map(async |send| match send {
        Action::Bytes(bytes) => Some(Ok(Bytes::from(bytes))),
        Action::Pause(seconds) => {
            sleep(Duration::from_secs(seconds)).await;
            None
        }
        Action::Silence => std::future::pending().await,
        Action::Break => Some(Err(AgentError::new(ErrorCode::AgentNetwork, "connection reset"))),
    });
    let body = Body::from_stream(bytes.boxed(), content_type, IDLE);
    let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    let (updates, mut received) = mpsc::channel(4);
    let started = Instant::now();
    let collect = async {
        let mut read = row("").expected;
        let mut thoughts: Vec<(String, StepStatus, String)> = Vec::new();
        while let Some(update) = received.recv().await {
            match update {
                Update::Text(more) => read.text.push_str(&more),
                Update::Retract => read.text.clear(),
                Update::File(file) => read.files.push(file.content.held_bytes()),
                Update::Step(step) if step.detail.kind() == StepKind::Notice => read.notices.push(step.title),
                Update::Step(step) => {
                    let text = step.detail.to_value()["text"].as_str().unwrap().to_owned();
                    thoughts.retain(|(key, ..)| *key != step.key);
                    thoughts.push((step.key, step.status, text));
                }
                Update::Permission(_) | Update::Resume(_) => panic!("an update that no server can cause: {update:?}"),
            }
        }
        assert!(thoughts.iter().all(|(_, status, _)| *status == StepStatus::Succeeded), "a thought was not completed");
        read.thoughts = thoughts.into_iter().map(|(_, _, text)| text).collect();
        read
    };
    let reading = async {
        let updates = updates;
        reader::read(body, &updates, Context { key: Some("sk-test"), now }, false).await
    };
    let (ReadResult { outcome, .. }, mut read) = tokio::join!(reading, collect);
    let usage = outcome.as_ref().ok().and_then(|answer| answer.usage);
    read.outcome =
        outcome.map(|answer| answer.finish_reason).map_err(|failure| (failure.error.code, failure.error.message));
    Observation { read, usage, took: started.elapsed() }
}

/// Returns an event that contains this object.
fn event(object: &Value) -> String {
    format!("data: {object}\n\n")
}

/// Returns a chunk with this delta.
fn delta(delta: &Value) -> String {
    event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
}

/// Returns a chunk with this delta and a finish reason.
fn last_delta(delta: &Value, reason: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}))
}

/// Returns a chunk with this text.
fn text(content: &str) -> String {
    delta(&json!({"content": content}))
}

/// Returns a chunk that ends the answer.
fn end(reason: &str) -> String {
    last_delta(&json!({}), reason)
}

async fn check(rows: Vec<Row>) {
    for row in rows {
        row.check().await;
    }
}

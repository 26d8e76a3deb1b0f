//! A scripted model server that implements OpenAI's streaming chat completions.
//!
//! The last user message selects the script: the nth request with this message gets the nth answer, and the last answer
//! is repeated. All other requests are answered with `You said: …`.

mod answer;
mod chunk;
mod gate;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub use answer::Answer;
pub use chunk::Usage;
pub use gate::Gate;

use crate::wait::eventually;

/// A recorded request to the server.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The request body.
    pub body: Value,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The time at which the request arrived.
    pub at: Instant,
}

impl Recorded {
    /// Returns the (role, content) pairs of the messages, excluding system prompts and images.
    pub fn conversation(&self) -> Vec<(String, String)> {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        let pair = |message: &Value| {
            let text = match &message["content"] {
                Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
                Value::String(text) => text.clone(),
                _ => panic!("the message has no content: {message}"),
            };
            (message["role"].as_str().unwrap().to_owned(), text)
        };
        messages.iter().filter(|message| message["role"] != "system").map(pair).collect()
    }

    /// Returns the content of the last user message.
    pub fn last_user_message(&self) -> String {
        let mut users = self.conversation().into_iter().filter(|(role, _)| role == "user");
        users.next_back().map(|(_, text)| text).unwrap_or_default()
    }
}

/// The fake model server. Dropping it stops the server.
#[derive(Debug)]
pub struct FakeOpenAi {
    address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    scripts: Mutex<HashMap<String, Script>>,
    requests: Mutex<Vec<Recorded>>,
    busy: Mutex<Busy>,
}

#[derive(Debug, Default)]
struct Script {
    answers: Vec<Answer>,
    used: usize,
}

/// The number of answers that are streaming now, and the maximum so far.
#[derive(Debug, Default)]
struct Busy {
    now: usize,
    most: usize,
}

/// A guard that counts an answer as streaming until it is dropped.
#[derive(Debug)]
struct Streaming(Arc<Shared>);

impl Streaming {
    fn start(shared: &Arc<Shared>) -> Self {
        let mut busy = shared.busy.lock().unwrap();
        busy.now += 1;
        busy.most = busy.most.max(busy.now);
        drop(busy);
        Self(shared.clone())
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap().now -= 1;
    }
}

impl FakeOpenAi {
    /// Starts a server on a free port.
    pub async fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST).await
    }

    /// Starts a server on a free port of this address.
    pub async fn start_on(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(completions))
            .with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    /// Returns the base URL for `agents.toml`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the `agents.toml` table for the agent `scripted`, which uses this server. `more` contains additional
    /// lines.
    pub fn agent(&self, more: &str) -> String {
        self.agent_named("scripted", more)
    }

    /// Returns the table that [`Self::agent`] returns, with another agent key.
    pub fn agent_named(&self, key: &str, more: &str) -> String {
        let mut table = format!("[[agents]]\nkey = \"{key}\"\nname = \"{key}\"\ndriver = \"openai\"\n");
        let _ = writeln!(table, "base_url = \"{}\"\nmodel = \"scripted\"\n{more}", self.base_url());
        table
    }

    /// Scripts the answers to requests with this last user message.
    pub fn script(&self, prompt: &str, answers: impl IntoIterator<Item = Answer>) {
        let script = Script { answers: answers.into_iter().collect(), used: 0 };
        self.shared.scripts.lock().unwrap().insert(prompt.to_owned(), script);
    }

    /// Extends the script for this last user message with an answer that the test controls through the returned gate.
    pub fn gate(&self, prompt: &str) -> Gate {
        let (gate, steps) = Gate::new();
        self.shared.scripts.lock().unwrap().entry(prompt.to_owned()).or_default().answers.push(Answer::Gated(steps));
        gate
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Removes and returns the requests since the last call, which limits memory use in long runs.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }

    /// Returns the last user messages of all requests so far, in order of arrival.
    pub fn prompts(&self) -> Vec<String> {
        self.requests().iter().map(Recorded::last_user_message).collect()
    }

    /// Waits for a request with this last user message.
    pub async fn wait_for_request(&self, prompt: &str) -> Recorded {
        eventually(&format!("a request about {prompt:?}"), async || {
            self.requests().into_iter().find(|request| request.last_user_message() == prompt)
        })
        .await
    }

    /// Returns the maximum number of answers that streamed at the same time.
    pub fn most_at_once(&self) -> usize {
        self.shared.busy.lock().unwrap().most
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn models() -> Json<Value> {
    Json(json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]}))
}

async fn completions(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (axum::http::StatusCode::BAD_REQUEST, "no JSON").into_response();
    };
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Recorded { body, authorization, at: Instant::now() };
    let prompt = request.last_user_message();
    shared.requests.lock().unwrap().push(request);
    let scripted = shared.next_answer(&prompt);
    let streaming = Streaming::start(&shared);
    scripted.unwrap_or_else(|| Answer::text(&format!("You said: {prompt}"))).respond(streaming).await
}

impl Shared {
    fn next_answer(&self, prompt: &str) -> Option<Answer> {
        let mut scripts = self.scripts.lock().unwrap();
        let script = scripts.get_mut(prompt)?;
        let answer = script.answers.get(script.used).or(script.answers.last())?.clone();
        script.used += 1;
        Some(answer)
    }
}

//! A model server on loopback that speaks OpenAI's streaming chat completions and does what a test tells it to.
//!
//! What it answers is scripted by the last user message: the n-th request that ends with that text gets the n-th
//! answer, and the last answer repeats. Anything else is answered `You said: …`.

mod answer;
mod chunk;
mod gate;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt::Write as _,
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

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its body.
    pub body: Value,
    /// Its `Authorization` header.
    pub authorization: Option<String>,
    /// When it came.
    pub at: Instant,
}

impl Recorded {
    /// (role, content) of its messages, system prompts left out.
    pub fn conversation(&self) -> Vec<(String, String)> {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        let pair = |message: &Value| {
            let text = message["content"].as_str().unwrap_or_else(|| panic!("content is no text: {message}"));
            (message["role"].as_str().unwrap().to_owned(), text.to_owned())
        };
        messages.iter().filter(|message| message["role"] != "system").map(pair).collect()
    }

    /// The text that it asks about.
    pub fn last_user_message(&self) -> String {
        let mut users = self.conversation().into_iter().filter(|(role, _)| role == "user");
        users.next_back().map(|(_, text)| text).unwrap_or_default()
    }
}

/// The server; it stops when it is dropped.
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

/// How many answers stream at once, now and at most.
#[derive(Debug, Default)]
struct Busy {
    now: usize,
    most: usize,
}

/// Counts one streaming answer while it lives.
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
    /// Starts on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(completions))
            .with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    /// The base URL for `agents.toml`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The `agents.toml` table of the agent `scripted` that is driven from here; `more` are further lines of it.
    pub fn agent(&self, more: &str) -> String {
        self.agent_named("scripted", more)
    }

    /// The same under another key.
    pub fn agent_named(&self, key: &str, more: &str) -> String {
        let mut table = format!("[[agents]]\nkey = \"{key}\"\nname = \"{key}\"\ndriver = \"openai\"\n");
        let _ = writeln!(table, "base_url = \"{}\"\nmodel = \"scripted\"\n{more}", self.base_url());
        table
    }

    /// Scripts the answers to a last user message.
    pub fn script(&self, prompt: &str, answers: impl IntoIterator<Item = Answer>) {
        let script = Script { answers: answers.into_iter().collect(), used: 0 };
        self.shared.scripts.lock().unwrap().insert(prompt.to_owned(), script);
    }

    /// Scripts an answer that the test holds in its hand, for the next request with this last user message.
    pub fn gate(&self, prompt: &str) -> Gate {
        let (gate, steps) = Gate::new();
        self.shared.scripts.lock().unwrap().entry(prompt.to_owned()).or_default().answers.push(Answer::Gated(steps));
        gate
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The requests since this was last called; they are forgotten, so that a long run keeps its memory.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }

    /// The last user messages of all requests so far, in the order of arrival.
    pub fn prompts(&self) -> Vec<String> {
        self.requests().iter().map(Recorded::last_user_message).collect()
    }

    /// Waits for the request that asks about this text.
    pub async fn wait_for_request(&self, prompt: &str) -> Recorded {
        eventually(&format!("a request about {prompt:?}"), async || {
            self.requests().into_iter().find(|request| request.last_user_message() == prompt)
        })
        .await
    }

    /// The most answers that ever streamed at once.
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

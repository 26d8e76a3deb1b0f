//! A client that sends a message, waits for the answer, and repeats this no matter what happens to the installation.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use banter_tests::{
    chat::{Sent, fresh_key, has_ended, id_of},
    client::{Client, Reply},
    fake_openai::{Answer, FakeOpenAi},
    load::{Failure, LoadClient, Response, RetryPolicy},
    random::TestRng,
};
use rand::RngExt as _;
use reqwest::RequestBuilder;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::report::Report;

/// Number of turns after which a client starts a new session.
const TURNS: usize = 50;

/// How long a client keeps retrying: longer than any freeze and the following takeover on a busy machine.
const RETRY_LIMIT: Duration = Duration::from_mins(2);

/// How clients retry requests. A request that gets no response within 3 s is retried.
const RETRIES: RetryPolicy = RetryPolicy {
    response_limit: Duration::from_secs(3),
    limit: RETRY_LIMIT,
    pause: Duration::ZERO..Duration::from_millis(200),
    retries_lost: true,
};

/// The longest pause between messages.
const PAUSE: Duration = Duration::from_millis(500);

/// A session from the client's point of view.
#[derive(Debug)]
pub struct Conversation {
    pub session: String,
    pub sent: Vec<SentMessage>,
}

/// An accepted message.
#[derive(Debug)]
pub struct SentMessage {
    pub text: String,
    /// The scripted answer.
    pub answer: String,
    pub message: String,
    pub task: String,
}

/// A client that chats until stopped.
pub struct ChatClient {
    pub name: String,
    pub client: LoadClient,
    pub model: Arc<FakeOpenAi>,
    pub rng: TestRng,
    pub report: Report,
    pub stop: CancellationToken,
    /// The longest delay before each word of an answer.
    pub word_delay: Duration,
    pub conversations: Vec<Conversation>,
}

impl ChatClient {
    /// Chats until stopped. At that point, every message has been accepted, and the last one has an outcome.
    pub async fn chat(mut self) -> Vec<Conversation> {
        while !self.stop.is_cancelled() {
            if self.conversations.last().is_none_or(|last| last.sent.len() >= TURNS) {
                let session = self.create_session().await;
                self.conversations.push(Conversation { session, sent: Vec::new() });
            }
            // Sends up to three messages in a row, so that the later ones are queued.
            for _ in 0..=self.rng.random_range(0..3) {
                self.send_message().await;
            }
            self.read().await;
            tokio::time::sleep(self.rng.random_range(Duration::ZERO..PAUSE)).await;
        }
        self.conversations
    }

    async fn create_session(&mut self) -> String {
        let (key, body) = (fresh_key(), json!({"agent_key": "scripted"}));
        let request = |client: &Client| client.request("POST", "/v1/chat").header("Idempotency-Key", &key).json(&body);
        id_of(&self.retry(201, request).await.json())
    }

    /// Sends a message until it is accepted.
    pub async fn send_message(&mut self) {
        let session = self.conversations.last().unwrap().session.clone();
        let text = format!("{} {}", self.name, self.report.next_number());
        let answer = self.script(&text);
        let (key, body) = (fresh_key(), json!({"content": text}));
        let path = format!("/v1/chat/{session}/messages");
        let request = |client: &Client| client.request("POST", &path).header("Idempotency-Key", &key).json(&body);
        let Sent { message_id: message, task_id: task, .. } = Sent::from_body(&self.retry(202, request).await.json());
        self.report.count("messages accepted");
        self.conversations.last_mut().unwrap().sent.push(SentMessage { text, answer, message, task });
    }

    /// Scripts the answer and its timing.
    fn script(&mut self, text: &str) -> String {
        let beginning = format!("re {text}:");
        let words: Vec<String> = (0..self.rng.random_range(0..8)).map(|word| format!(" wörd{word}")).collect();
        let pause = self.rng.random_range(Duration::ZERO..self.word_delay);
        let all = [&beginning].into_iter().chain(&words).map(String::as_str);
        self.model.script(text, [Answer::words(all, pause)]);
        format!("{beginning}{}", words.concat())
    }

    /// Waits for the outcome of the last message and checks that every accepted message in the session exists.
    pub async fn read(&mut self) {
        let Some(last) = self.conversations.last() else { return };
        let (session, task) = (last.session.clone(), last.sent.last().unwrap().task.clone());
        let path = format!("/v1/chat/{session}/tasks/{task}");
        let deadline = Instant::now() + RETRY_LIMIT;
        while !has_ended(&self.retry(200, |client| client.request("GET", &path)).await.json()) {
            assert!(Instant::now() < deadline, "task {task} has no outcome");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let path = format!("/v1/chat/{session}?limit=200");
        let chat = self.retry(200, |client| client.request("GET", &path)).await.json();
        let listed = |id: &str| chat["messages"].as_array().unwrap().iter().any(|message| message["id"] == id);
        for sent in &self.conversations.last().unwrap().sent {
            assert!(listed(&sent.message), "accepted but not in a later GET: {sent:?}");
        }
    }

    /// Sends a request to random apis until one of them returns the expected status. Panics on any other status except
    /// 503, or after [`RETRY_LIMIT`].
    async fn retry(&mut self, status: u16, request: impl Fn(&Client) -> RequestBuilder) -> Reply {
        let report = |response: &Response| {
            self.report.count(match response {
                Response::NotStored => "requests answered 503 store_busy",
                Response::Unknown(Failure::Unavailable) => "requests answered 503 otherwise",
                Response::Unknown(Failure::Refused) => "requests refused by a closed port",
                Response::Unknown(Failure::Disconnected) => "requests cut off",
                Response::Unknown(Failure::TimedOut) => "requests not answered in 3 s",
                Response::Unknown(Failure::Malformed(_)) | Response::Success(_) | Response::Rejected { .. } => {
                    "requests answered unexpectedly"
                }
            });
        };
        let reply = self.client.retry(&mut self.rng, &RETRIES, &[status], request, report).await;
        reply.unwrap_or_else(|failure| panic!("{}: no api answers: {failure}", self.name))
    }
}

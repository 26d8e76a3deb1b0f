//! Driver `openai`: any server with OpenAI-compatible streaming chat completions.
//!
//! One request an attempt. Servers differ in small ways, and an answer is lost only when it is really lost: see
//! `completion` for what is tolerated in an object, `stream` for how a stream may end, `errors` for what the user is
//! told. An answer that was cut off is an error, never a short answer. Redirects are not followed, so the key goes
//! nowhere but to the configured address. Dropping the future closes the connection, which stops the server.

mod body;
mod client;
mod completion;
mod errors;
mod sse;
mod stream;
#[cfg(test)]
mod tests;
mod thoughts;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use banter_shared::{agents_file::OpenaiConfig, chat::ErrorCode, clock::SharedClock};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{
    body::Body,
    client::{Client, Dialect},
};
use super::{Agent, AgentError, Answer, HistoryMessage, Turn, Update, prompt};

/// How much of an error's body is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// How much of a list of models is read, in bytes; hosted lists have hundreds.
const MAX_MODELS_BYTES: usize = 4 * 1024 * 1024;
/// How long the list of models may take.
const MODELS_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that answers.
pub struct OpenaiAgent {
    config: OpenaiConfig,
    key: Option<String>,
    client: Client,
    clock: SharedClock,
    learned: Mutex<Learned>,
}

/// What the server taught us; forgotten at the end of the process.
#[derive(Clone, Debug, Default)]
struct Learned {
    /// The first of its models, when none is configured.
    model: Option<String>,
    /// Which fields it refuses.
    dialect: Dialect,
}

impl OpenaiAgent {
    /// Prepares the driver; opens no connection. `clock` is only for a `Retry-After` that is a date.
    ///
    /// # Errors
    /// Why the agent cannot run here; a sentence for people.
    pub fn new(config: OpenaiConfig, key: Option<String>, clock: SharedClock) -> Result<Self, String> {
        let client = Client::new(&config.base_url, key.as_deref())?;
        Ok(Self { config, key, client, clock, learned: Mutex::default() })
    }

    /// Asks the server for its models; how many it lists.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub async fn probe(&self) -> Result<usize, AgentError> {
        let deadline = Instant::now() + MODELS_TIMEOUT;
        let response = self.client.models(deadline).await?;
        if !response.status().is_success() {
            return Err(self.refused(&Refusal::read(response, deadline).await));
        }
        let list = Body::new(response, deadline, self.config.idle_timeout).rest(Vec::new(), MAX_MODELS_BYTES).await?;
        let list: Value = list.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(list["data"].as_array().map_or(0, Vec::len))
    }

    async fn complete(&self, turn: Turn, updates: &mpsc::Sender<Update>) -> Result<Answer, AgentError> {
        let history = prompt::within_budget(turn.history, self.config.history_bytes);
        let model = self.model().await?;
        let body = self.request(&model, &history).await?;
        stream::read_answer(body, updates, self.key.as_deref()).await
    }

    /// The beginning of an answer. A request that is refused for a field that can be spared is sent again without it.
    async fn request(&self, model: &str, history: &[HistoryMessage]) -> Result<Body, AgentError> {
        loop {
            let dialect = self.learned(|learned| learned.dialect);
            let request = client::request(&self.config, model, history, dialect);
            let deadline = Instant::now() + self.config.first_byte_timeout;
            let response = self.client.complete(&request, deadline).await?;
            if response.status().is_success() {
                return Ok(Body::new(response, deadline, self.config.idle_timeout));
            }
            let refusal = Refusal::read(response, deadline).await;
            let simpler = refusal.simpler(dialect, &request);
            if simpler == dialect {
                if refusal.status == StatusCode::NOT_FOUND {
                    // The server may have been started anew with another model.
                    self.learned(|learned| learned.model = None);
                }
                return Err(self.refused(&refusal));
            }
            tracing::info!(?simpler, "agent's server refuses a field: sending again");
            self.learned(|learned| learned.dialect = simpler);
        }
    }

    /// The configured model, else the first of the server's list.
    async fn model(&self) -> Result<String, AgentError> {
        if let Some(model) = self.config.model.clone().or_else(|| self.learned(|learned| learned.model.clone())) {
            return Ok(model);
        }
        let deadline = Instant::now() + MODELS_TIMEOUT.min(self.config.first_byte_timeout);
        let response = self.client.models(deadline).await?;
        if !response.status().is_success() {
            return Err(self.refused(&Refusal::read(response, deadline).await));
        }
        let list = Body::new(response, deadline, self.config.idle_timeout).rest(Vec::new(), MAX_MODELS_BYTES).await?;
        let list: Value = list.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let Some(model) = list["data"][0]["id"].as_str() else {
            let message = "The agent's server lists no model: check `base_url`, or set `model`.";
            return Err(AgentError::new(ErrorCode::AgentUnavailable, message));
        };
        self.learned(|learned| learned.model = Some(model.to_owned()));
        Ok(model.to_owned())
    }

    fn refused(&self, refusal: &Refusal) -> AgentError {
        errors::from_status(refusal.status, &refusal.headers, &refusal.body, self.key.as_deref(), self.clock.now())
    }

    fn learned<T>(&self, access: impl FnOnce(&mut Learned) -> T) -> T {
        access(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Agent for OpenaiAgent {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError> {
        stop.run_until_cancelled(self.complete(turn, &updates)).await.unwrap_or_else(|| Err(AgentError::stopped()))
    }
}

/// A response whose status is no success.
struct Refusal {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Refusal {
    async fn read(response: Response, deadline: Instant) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let patience = Duration::from_secs(5);
        let body =
            Body::new(response, deadline.min(Instant::now() + patience), patience).beginning(MAX_ERROR_BYTES).await;
        Self { status, headers, body }
    }

    /// What to leave out of the request so that the server may accept it; `dialect` itself when there is nothing.
    fn simpler(&self, dialect: Dialect, request: &Value) -> Dialect {
        let refuses = |field| errors::refuses_field(self.status, &self.body, field);
        Dialect {
            no_stream_options: dialect.no_stream_options || refuses("stream_options") || refuses("include_usage"),
            completion_tokens: dialect.completion_tokens
                || (request.get("max_tokens").is_some() && refuses("max_completion_tokens")),
        }
    }
}

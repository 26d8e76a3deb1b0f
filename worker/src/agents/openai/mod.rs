//! The `openai` driver, for any server with OpenAI-compatible streaming chat completions.
//!
//! The driver compensates for differences between servers:
//! - `dialect` adapts requests that a server rejects.
//! - `reader` accepts variations in responses.
//! - `errors` determines the meaning of errors.
//!
//! An answer that ends prematurely or reports an error is a failure, never a short answer. Redirects are not followed,
//! so the key is sent only to the configured address. Dropping the answer's future closes the connection, so that the
//! server can stop generating.

mod body;
mod client;
mod connections;
mod dialect;
mod driver;
mod errors;
mod files;
mod gzip;
mod loading;
mod models;
mod reader;
mod request;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use banter_shared::{agents_file::OpenaiConfig, chat::ErrorCode, clock::SharedClock};
use reqwest::{Response, StatusCode};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use self::{
    body::Body,
    client::Client,
    dialect::Dialect,
    errors::{Context, Failure},
    files::PromptMessage,
    loading::{LoadingLimits, LoadingWait},
    models::ModelList,
    reader::ReadResult,
};
use super::{Agent, AgentError, Answer, Turn, Update, prompt};

/// Maximum number of bytes that are read from an error response.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Time limit for reading the body of an error response.
const ERROR_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum length of a model list, in bytes. Hosted servers list hundreds of models.
const MAX_MODELS_BYTES: usize = 4 * 1024 * 1024;
/// Time limit for the server to start sending the model list.
const MODELS_TIMEOUT: Duration = Duration::from_secs(20);

/// An agent that uses an OpenAI-compatible server.
pub struct OpenaiAgent {
    config: OpenaiConfig,
    key: Option<String>,
    client: Client,
    clock: SharedClock,
    loading_limits: LoadingLimits,
    profile: Mutex<ServerProfile>,
}

/// What the agent has learned about its server. Kept only in memory.
#[derive(Clone, Debug, Default)]
struct ServerProfile {
    /// The first model in the server's list, which is used if no model is configured.
    model: Option<String>,
    /// The dialect that the server accepts.
    dialect: Dialect,
    /// Whether the server's answers start with a thought that has no opening tag.
    is_unopened: bool,
}

impl OpenaiAgent {
    /// Creates the agent without opening a connection. `clock` provides the current time when a server states the time
    /// at which to retry.
    ///
    /// # Errors
    /// Fails with a readable message if the address or the key is invalid, or TLS cannot be set up.
    pub fn new(config: OpenaiConfig, key: Option<String>, clock: SharedClock) -> Result<Self, String> {
        let client = Client::new(&config.base_url, key.as_deref())?;
        Ok(Self { config, key, client, clock, loading_limits: LoadingLimits::default(), profile: Mutex::default() })
    }

    /// Requests the answer for a turn. Resends the request while the model is loading, and in a different form if the
    /// server rejects the request.
    async fn complete(&self, turn: Turn, updates: &mpsc::Sender<Update>) -> Result<Answer, AgentError> {
        let budget = self.config.history_bytes;
        let history = prompt::within_budget(turn.history, budget);
        let messages = files::load(history, &*turn.files, self.config.images, budget).await?;
        let mut loading = LoadingWait::new(self.loading_limits);
        let mut dialect = self.profile(|profile| profile.dialect);
        loop {
            let failure = match self.attempt(&messages, dialect, updates).await {
                Ok(answer) => {
                    self.profile(|profile| profile.dialect = dialect);
                    loading.end(updates).await?;
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            if failure.is_loading && loading.keep_waiting(updates).await? {
                sleep(self.loading_limits.pause).await;
            } else if let Some(next) = self.adapted(&messages, dialect, &failure) {
                tracing::info!(
                    dialect = ?next,
                    "agent's server rejected the request; retrying with a different request format"
                );
                dialect = next;
            } else {
                loading.end(updates).await?;
                return Err(failure.error);
            }
        }
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// A failure after any output does not include the server's response, so that the request is not resent.
    async fn attempt(
        &self,
        messages: &[PromptMessage],
        dialect: Dialect,
        updates: &mpsc::Sender<Update>,
    ) -> Result<Answer, Failure> {
        let model = self.model().await?;
        let request = request::completion(&self.config, &model, messages, dialect);
        let deadline = Instant::now() + self.config.first_byte_timeout;
        let response = self.client.complete(&request, deadline).await?;
        if response.status() == StatusCode::NOT_FOUND {
            // The server may have been restarted with a different model.
            self.profile(|profile| profile.model = None);
        }
        let response = self.accepted(response, deadline).await?;
        let body = Body::new(response, deadline, self.config.idle_timeout);
        let is_unopened = self.profile(|profile| profile.is_unopened);
        let ReadResult { outcome, has_output, is_unopened } =
            reader::read(body, updates, self.context(), is_unopened).await;
        if let Some(is_unopened) = is_unopened {
            self.profile(|profile| profile.is_unopened = is_unopened);
        }
        outcome.map_err(|failure| if has_output { failure.error.into() } else { failure })
    }

    /// Returns the next dialect to try after a failure, if that dialect would change the request.
    fn adapted(&self, messages: &[PromptMessage], dialect: Dialect, failure: &Failure) -> Option<Dialect> {
        let is_final = matches!(
            failure.error.code,
            ErrorCode::AgentAuth
                | ErrorCode::AgentRateLimited
                | ErrorCode::ContextOverflow
                | ErrorCode::AgentUnavailable
        );
        let message = failure.response.as_deref().filter(|_| !is_final)?;
        let request = |dialect| request::completion(&self.config, "", messages, dialect);
        let present = request(dialect);
        // Servers report repeated roles in many ways, so an unrecognized error about the messages is assumed to be
        // about roles.
        let guess = dialect.conforming(message).filter(|_| failure.error.code == ErrorCode::AgentRefused);
        dialect.alternatives(message).into_iter().chain(guess).find(|answer| request(*answer) != present)
    }

    /// Returns the configured model or, if there is none, the first model in the server's list.
    async fn model(&self) -> Result<String, Failure> {
        if let Some(model) = self.config.model.clone().or_else(|| self.profile(|profile| profile.model.clone())) {
            return Ok(model);
        }
        let list = self.list_models(MODELS_TIMEOUT.min(self.config.first_byte_timeout)).await?;
        let Some(model) = list.ids.into_iter().next() else {
            let message = "The agent's server lists no models. Check `base_url`, or set `model`.";
            let error = AgentError::new(ErrorCode::AgentUnavailable, message);
            return Err(errors::with_words(error, &list.text, self.context()).into());
        };
        self.profile(|profile| profile.model = Some(model.clone()));
        Ok(model)
    }

    /// Fetches the server's model list. The list is empty if the response is too long or contains no models.
    async fn list_models(&self, timeout: Duration) -> Result<ModelList, Failure> {
        let deadline = Instant::now() + timeout;
        let response = self.accepted(self.client.models(deadline).await?, deadline).await?;
        let list = Body::new(response, deadline, self.config.idle_timeout).whole(MAX_MODELS_BYTES).await?;
        ModelList::read(&list.unwrap_or_default(), self.context())
    }

    /// Returns the response if its status indicates success.
    ///
    /// # Errors
    /// Returns the failure that any other response reports.
    async fn accepted(&self, response: Response, deadline: Instant) -> Result<Response, Failure> {
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let deadline = deadline.min(Instant::now() + ERROR_TIMEOUT);
        let body = Body::new(response, deadline, ERROR_TIMEOUT).beginning(MAX_ERROR_BYTES, deadline).await;
        Err(errors::from_status(status, &headers, &body, self.context()))
    }

    fn context(&self) -> Context<'_> {
        Context { key: self.key.as_deref(), now: self.clock.now() }
    }

    fn profile<T>(&self, access: impl FnOnce(&mut ServerProfile) -> T) -> T {
        access(&mut self.profile.lock().unwrap_or_else(PoisonError::into_inner))
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

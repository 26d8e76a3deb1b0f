//! Agents: what answers. One trait, one implementation a driver.

mod demo;
mod openai;
mod prompt;
mod registry;

use std::time::Duration;

use async_trait::async_trait;
use banter_shared::{
    chat::{ErrorCode, FinishReason, Role, Usage},
    id::{SessionId, TaskId},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use registry::Registry;

/// Updates that an agent may be ahead of the worker; a full channel slows the agent down.
pub const UPDATE_BUFFER: usize = 256;

/// One message of the conversation, as the agent gets it: verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryMessage {
    /// Who wrote it.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// What an agent is asked to do.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The conversation.
    pub session_id: SessionId,
    /// The task.
    pub task_id: TaskId,
    /// The conversation so far in its order; the last one is the user's message to be answered.
    pub history: Vec<HistoryMessage>,
}

/// What comes from an agent while it works.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// More text of the answer.
    Text(String),
}

/// How an answer ended; its text went out as updates before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Stop`, `Length` or `Refusal`.
    pub finish_reason: FinishReason,
    /// What the agent counted.
    pub usage: Option<Usage>,
}

/// Why there is no (whole) answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AgentError {
    /// The kind.
    pub code: ErrorCode,
    /// A sentence for the user, without secrets.
    pub message: String,
    /// How long the agent asks us to wait.
    pub retry_after: Option<Duration>,
}

impl AgentError {
    /// An error of this kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The same error, with how long to wait before the next attempt.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// What an agent returns that was told to stop, or whose updates nobody takes any more.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(ErrorCode::AgentRefused, "The agent was stopped.")
    }
}

/// Something that answers.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Answers one turn. Text goes to `updates` as it comes.
    ///
    /// When `stop` is cancelled the agent is to be stopped; what this then returns is not looked at. The future may
    /// also be dropped at any moment, which must stop the agent too.
    ///
    /// # Errors
    /// When there is no whole answer. Text sent before is kept by the caller if no further attempt is made.
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError>;
}

//! The [`Agent`] trait, and one implementation per [driver](driver::Driver).

mod acp;
mod base64_content;
mod command;
pub mod demo;
pub mod driver;
mod files;
pub mod health;
pub mod limits;
mod openai;
mod pattern;
pub mod process;
mod prompt;
pub mod registry;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use banter_shared::{
    chat::{
        AgentSession, ErrorCode, FinishReason, HistoryMessage, PermissionDecision, PermissionOption, ResumePoint,
        StepDetail, StepStatus, Usage,
    },
    id::{SessionId, TaskId},
};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::process::StartError;
pub(crate) use files::{FOLDER as ATTACHMENTS_FOLDER, numbered};
pub use files::{Files, StoredFiles};
pub use registry::Registry;

/// Capacity of the channel for an agent's updates, in updates. A full channel applies backpressure to the agent.
pub const UPDATE_BUFFER: usize = 256;

/// The input for a turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The session to which the turn belongs.
    pub session_id: SessionId,
    /// The task to which the turn belongs.
    pub task_id: TaskId,
    /// The folder in which the agent works; `None` for the session's work folder.
    pub folder: Option<PathBuf>,
    /// The turn's number within its session.
    pub turn: i64,
    /// The agent's session to resume, if there is one.
    pub resume: Option<ResumePoint>,
    /// Changes whenever turns leave the transcript. Agent sessions from before contain other turns.
    pub path_revision: i64,
    /// The conversation so far, in order. The last message is the user message to answer.
    pub history: Vec<HistoryMessage>,
    /// Reads the contents of the history's attachments.
    pub files: Arc<dyn Files>,
}

/// An update from an agent during its turn.
#[derive(Debug)]
pub enum Update {
    /// More text for the answer.
    Text(String),
    /// The text sent so far has turned out not to be part of the answer.
    Retract,
    /// A file that is part of the answer.
    File(AgentFile),
    /// A new or changed step.
    Step(Box<StepUpdate>),
    /// A permission request; the agent is waiting for a decision.
    Permission(PermissionRequest),
    /// The agent's own session for this turn. It is stored with the turn's outcome, so that the next turn can resume
    /// it.
    Resume(AgentSession),
}

/// A file that an agent returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFile {
    /// The name or path that the agent stated, if any.
    pub name: Option<String>,
    /// The media type that the agent stated, if any.
    pub media_type: Option<String>,
    /// The content.
    pub content: FileContent,
}

/// The content of a file that an agent returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The content itself.
    Bytes(Bytes),
    /// The path of a file in the agent's work folder.
    Path(PathBuf),
}

impl FileContent {
    /// Returns the memory that the content occupies, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Bytes(content) => content.len(),
            Self::Path(_) => 0,
        }
    }
}

/// The current state of a step. It replaces earlier states with the same key.
#[derive(Clone, Debug, PartialEq)]
pub struct StepUpdate {
    /// The key that identifies the step within the attempt.
    pub key: String,
    /// The agent's ID for the tool call, if the step is a tool call.
    pub tool_call_id: Option<String>,
    /// The agent's ID for the tool call that started the sub-agent to which the step belongs, if any.
    pub parent_tool_call_id: Option<String>,
    /// The title, on a single line.
    pub title: String,
    /// The status.
    pub status: StepStatus,
    /// The kind of step and its data. Permission requests are sent as [`Update::Permission`] instead.
    pub detail: StepDetail,
}

/// A request for permission.
#[derive(Debug)]
pub struct PermissionRequest {
    /// The ID of the tool call that requires permission, if the agent named one.
    pub tool_call_id: Option<String>,
    /// A description of what requires permission, on a single line.
    pub title: String,
    /// The options offered to the user.
    pub options: Vec<PermissionOption>,
    /// The time limit for the decision; `None` if there is no limit.
    pub time_limit: Option<Duration>,
    /// The channel for the decision. Dropping the sender cancels the request.
    pub reply: oneshot::Sender<PermissionReply>,
}

/// The result of a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionReply {
    /// The user responded.
    Answered {
        /// Whether permission is granted.
        decision: PermissionDecision,
        /// The ID of the selected option, or `None` if no option matches the decision.
        chosen: Option<String>,
    },
    /// No decision was made in time, or the request could not be shown to the user.
    Expired,
}

/// The outcome of a successful turn. The answer's text has already been sent as updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The finish reason: `Stop`, `Length`, or `Refusal`.
    pub finish_reason: FinishReason,
    /// The token usage that the agent reported.
    pub usage: Option<Usage>,
}

/// A failure to produce a complete answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AgentError {
    /// The error code.
    pub code: ErrorCode,
    /// A message for the user, which contains no secrets.
    pub message: String,
    /// How long to wait before retrying, according to the agent.
    pub retry_after: Option<Duration>,
}

impl AgentError {
    /// Creates an error with this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Sets how long to wait before retrying.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Returns the error for an agent that was stopped or whose updates are no longer received.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(ErrorCode::AgentRefused, "The agent was stopped.")
    }
}

impl From<StartError> for AgentError {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::NotInstalled(_) => Self::new(ErrorCode::AgentUnavailable, error.to_string()),
            // This is usually temporary, for example because there are too many processes.
            StartError::System(source) => {
                tracing::error!(%source, "failed to start an agent");
                Self::new(ErrorCode::AgentError, "The agent's process could not be started on the worker.")
            }
        }
    }
}

/// A configured agent.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Answers one turn. Sends updates to `updates` as they become available.
    ///
    /// Cancelling `stop` stops the agent, and the result is ignored. Dropping the future must also stop the agent.
    ///
    /// # Errors
    /// Fails if there is no complete answer.
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError>;

    /// Discards everything that is kept for a deleted session. May be called several times for the same session.
    fn forget(&self, _session: SessionId) {}
}

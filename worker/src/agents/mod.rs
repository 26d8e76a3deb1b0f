//! Agents: the trait [`Agent`], and one implementation per [driver](driver::Driver).

mod acp;
mod command;
pub mod demo;
pub mod driver;
pub mod health;
pub mod limits;
mod openai;
mod pattern;
pub mod process;
mod prompt;
pub mod registry;

use std::time::Duration;

use async_trait::async_trait;
use banter_shared::{
    chat::{
        AgentSession, ErrorCode, FinishReason, HistoryMessage, PermissionDecision, PermissionOption, ResumePoint,
        StepDetail, StepStatus, Usage,
    },
    id::{SessionId, TaskId},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::process::StartError;
pub use registry::Registry;

/// Capacity of the channel for an agent's updates. A full channel applies backpressure to the agent.
pub const UPDATE_BUFFER: usize = 256;

/// The input of an agent.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The session.
    pub session_id: SessionId,
    /// The task.
    pub task_id: TaskId,
    /// The number of this turn in the session.
    pub turn: i64,
    /// The agent's own session to resume, if there is one.
    pub resume: Option<ResumePoint>,
    /// The conversation so far, in order. The last message is the user's message to answer.
    pub history: Vec<HistoryMessage>,
}

/// An update from a working agent.
#[derive(Debug)]
pub enum Update {
    /// More text of the answer.
    Text(String),
    /// The text so far is not part of the answer.
    Retract,
    /// A step that is new or changed.
    Step(StepUpdate),
    /// A permission request, for whose decision the agent waits.
    Permission(PermissionRequest),
    /// The agent's own session in which this turn runs. It is stored with the outcome, for the next turn.
    Resume(AgentSession),
}

/// The current state of a step. It replaces earlier updates with the same key.
#[derive(Clone, Debug, PartialEq)]
pub struct StepUpdate {
    /// Identifies the step within the attempt.
    pub key: String,
    /// The agent's id of the tool call.
    pub tool_call_id: Option<String>,
    /// The title, on one line.
    pub title: String,
    /// The status.
    pub status: StepStatus,
    /// The kind and its data. A permission request is sent as [`Update::Permission`] instead.
    pub detail: StepDetail,
}

/// A request for permission.
#[derive(Debug)]
pub struct PermissionRequest {
    /// The tool call that needs it.
    pub tool_call_id: Option<String>,
    /// What is requested, on one line.
    pub title: String,
    /// The options offered to the user.
    pub options: Vec<PermissionOption>,
    /// The time limit for the decision.
    pub time_limit: Duration,
    /// Receives the decision. If it is dropped without one, the request counts as cancelled.
    pub reply: oneshot::Sender<PermissionReply>,
}

/// The result of a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionReply {
    /// The user answered.
    Answered {
        /// Whether permission is granted.
        decision: PermissionDecision,
        /// The id of the selected option; `None` if no option matches the decision.
        chosen: Option<String>,
    },
    /// The time limit passed without a decision.
    Expired,
}

/// The end of an answer, whose text was sent as updates before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Stop`, `Length`, or `Refusal`.
    pub finish_reason: FinishReason,
    /// The token usage that the agent reported.
    pub usage: Option<Usage>,
}

/// The reason why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AgentError {
    /// The kind.
    pub code: ErrorCode,
    /// A sentence for the user, without secrets.
    pub message: String,
    /// How long the agent asks to wait before a retry.
    pub retry_after: Option<Duration>,
}

impl AgentError {
    /// Creates an error of this kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Returns the same error with the time to wait before the next attempt.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// The error of an agent that was stopped or whose updates are no longer received.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(ErrorCode::AgentRefused, "The agent was stopped.")
    }
}

impl From<StartError> for AgentError {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::NotInstalled(_) => Self::new(ErrorCode::AgentUnavailable, error.to_string()),
            // Too many processes, no space left: temporary conditions of the system.
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
    /// Answers one turn. Sends text to `updates` as it arrives.
    ///
    /// Cancelling `stop` stops the agent; the result is then ignored. Dropping the future at any time must also stop
    /// the agent.
    ///
    /// # Errors
    /// Fails if there is no complete answer. The caller keeps the text sent before unless it starts another attempt.
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError>;

    /// Ends what is kept for the next turn of a deleted session. Called repeatedly until the session's files are
    /// removed.
    fn forget(&self, _session: SessionId) {}
}

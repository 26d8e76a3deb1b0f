//! Agents: what answers. One trait, one implementation a driver.

pub mod acp;
mod command;
pub mod demo;
pub mod health;
pub mod limits;
pub mod openai;
pub mod process;
mod prompt;
pub mod registry;
mod wording;

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

/// Updates that an agent may be ahead of the worker; a full channel slows the agent down.
pub const UPDATE_BUFFER: usize = 256;

/// What an agent is asked to do.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The conversation.
    pub session_id: SessionId,
    /// The task.
    pub task_id: TaskId,
    /// The number of this turn in the conversation.
    pub turn: i64,
    /// The agent's own session to resume, if there is one.
    pub resume: Option<ResumePoint>,
    /// The conversation so far in its order; the last one is the user's message to be answered.
    pub history: Vec<HistoryMessage>,
}

/// What comes from an agent while it works.
#[derive(Debug)]
pub enum Update {
    /// More text of the answer.
    Text(String),
    /// The text so far turned out not to be part of the answer.
    Retract,
    /// Something that it does on the way, new or changed.
    Step(StepUpdate),
    /// It wants to be allowed something, and waits for the decision.
    Permission(PermissionRequest),
    /// The agent's own session that this turn is answered in. It is stored with the outcome, for the next turn.
    Resume(AgentSession),
}

/// A step as it is now; it replaces what an earlier update with the same key said.
#[derive(Clone, Debug, PartialEq)]
pub struct StepUpdate {
    /// Names the step within the attempt.
    pub key: String,
    /// The agent's own id of the tool call.
    pub tool_call_id: Option<String>,
    /// One line.
    pub title: String,
    /// How far it is.
    pub status: StepStatus,
    /// What it is, and what belongs to that. A permission request comes as [`Update::Permission`] instead.
    pub detail: StepDetail,
}

/// A request to be allowed something.
#[derive(Debug)]
pub struct PermissionRequest {
    /// The tool call that it is about.
    pub tool_call_id: Option<String>,
    /// What is to be allowed, in one line.
    pub title: String,
    /// What is offered to the user.
    pub options: Vec<PermissionOption>,
    /// How long the user has to decide.
    pub time_limit: Duration,
    /// Where the decision goes. Dropped without one: it counts as cancelled.
    pub reply: oneshot::Sender<Decision>,
}

/// What became of a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The user answered.
    Answered {
        /// Whether it is allowed.
        decision: PermissionDecision,
        /// The id of the option that was selected; `None` if no option stands for the decision.
        chosen: Option<String>,
    },
    /// Nobody decided in time.
    Expired,
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

impl From<StartError> for AgentError {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::NotInstalled(_) => Self::new(ErrorCode::AgentUnavailable, error.to_string()),
            // Too many processes, no space left: what the system refuses now it may grant later.
            StartError::System(source) => {
                tracing::error!(%source, "failed to start an agent");
                Self::new(ErrorCode::AgentError, "The agent's process could not be started on the worker.")
            }
        }
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

    /// The session was deleted for good: what is kept for its next turn is ended. Called again until its files are gone.
    fn forget(&self, _session: SessionId) {}
}

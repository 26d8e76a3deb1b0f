//! A conversation that is imported. Its files are of type `F`: attachments once they are stored.

use super::{FinishReason, ForkOrigin, SessionStatus, StepDetail, StepStatus, TaskError, TaskStatus, Usage};
use crate::{clock::Timestamp, id::SessionId};

/// A conversation.
#[derive(Clone, Debug)]
pub struct ImportedConversation<F> {
    /// Identifies the conversation, such as `chatgpt:ID`. It is imported once per user.
    pub source: String,
    /// The session from which this product exported the conversation; `None` for other products.
    pub session_id: Option<SessionId>,
    /// The title, which may be of any length and may be empty.
    pub title: String,
    /// The key of the agent that answers the next message. It may not be configured.
    pub agent_key: String,
    /// Whether the conversation is active or archived.
    pub status: SessionStatus,
    /// When the conversation was pinned; `None` if it is not pinned.
    pub pinned_at: Option<Timestamp>,
    /// When the conversation was created, if known.
    pub created_at: Option<Timestamp>,
    /// When the conversation last changed, if known.
    pub updated_at: Option<Timestamp>,
    /// When the last message was stored, if known.
    pub last_activity_at: Option<Timestamp>,
    /// The read position; `None` if everything counts as read.
    pub last_read_seq: Option<i64>,
    /// Where the conversation was forked from.
    pub forked_from: Option<ForkOrigin>,
    /// The turns of all branches. Each one follows its parent.
    pub turns: Vec<ImportedTurn<F>>,
    /// The index of the last turn of the current branch; `None` for the branch with the last turn.
    pub current: Option<usize>,
}

/// A question, and the answer if there is one.
#[derive(Clone, Debug)]
pub struct ImportedTurn<F> {
    /// The number to keep; `None` for the next one. Either all turns of a conversation have a number or none has.
    pub number: Option<i64>,
    /// The index of the turn before this one; `None` for a first turn. Turns with the same parent are versions of one
    /// another.
    pub parent: Option<usize>,
    /// The user's message.
    pub question: ImportedMessage<F>,
    /// The agent's answer.
    pub answer: Option<ImportedMessage<F>>,
    /// The agent's work.
    pub task: ImportedTask,
}

/// A message.
#[derive(Clone, Debug)]
pub struct ImportedMessage<F> {
    /// The number in the order of arrival to keep; `None` for the next one.
    pub seq: Option<i64>,
    /// The text; may be empty.
    pub text: String,
    /// The files.
    pub files: Vec<F>,
    /// When the message was stored, if known.
    pub created_at: Option<Timestamp>,
    /// When the user last edited the message; `None` if never.
    pub edited_at: Option<Timestamp>,
    /// The agent that wrote the answer; `None` for the conversation's agent.
    pub agent_key: Option<String>,
    /// How the answer ended.
    pub finish_reason: Option<FinishReason>,
    /// The duration of the answer, in milliseconds.
    pub elapsed_ms: Option<i64>,
    /// The token usage of the answer.
    pub usage: Option<Usage>,
}

/// The agent's work on a question, which has ended.
#[derive(Clone, Debug)]
pub struct ImportedTask {
    /// The outcome.
    pub status: TaskStatus,
    /// The number of times the task was started.
    pub attempt: i64,
    /// The error, if there was one.
    pub error: Option<TaskError>,
    /// The token usage.
    pub usage: Option<Usage>,
    /// When the latest attempt started, if known.
    pub started_at: Option<Timestamp>,
    /// When the task ended, if known.
    pub finished_at: Option<Timestamp>,
    /// The steps, in order.
    pub steps: Vec<ImportedStep>,
}

/// A step of a task.
#[derive(Clone, Debug)]
pub struct ImportedStep {
    /// The number of the step; `None` for the next one.
    pub seq: Option<i64>,
    /// The kind of the step and its details.
    pub detail: StepDetail,
    /// The agent's ID for the tool call.
    pub tool_call_id: Option<String>,
    /// The agent's ID for the tool call that started the sub-agent to which the step belongs.
    pub parent_tool_call_id: Option<String>,
    /// A one-line title, which may be of any length.
    pub title: String,
    /// The status.
    pub status: StepStatus,
    /// The number of UTF-8 bytes of the answer's text that preceded the step.
    pub text_offset: i64,
    /// When the step started, if known.
    pub started_at: Option<Timestamp>,
    /// When the step ended, if known.
    pub ended_at: Option<Timestamp>,
}

impl<F> Default for ImportedMessage<F> {
    fn default() -> Self {
        Self {
            seq: None,
            text: String::new(),
            files: Vec::new(),
            created_at: None,
            edited_at: None,
            agent_key: None,
            finish_reason: None,
            elapsed_ms: None,
            usage: None,
        }
    }
}

impl ImportedTask {
    /// Creates a task with a successful outcome or, for `false`, one that was cancelled.
    #[must_use]
    pub fn ended(is_answered: bool, finished_at: Option<Timestamp>, steps: Vec<ImportedStep>) -> Self {
        Self {
            status: if is_answered { TaskStatus::Succeeded } else { TaskStatus::Cancelled },
            attempt: i64::from(is_answered),
            error: None,
            usage: None,
            started_at: None,
            finished_at,
            steps,
        }
    }
}

//! A message: what a user sent, or what the agent answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Task, Usage};
use crate::{
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
};

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The owner of the session.
    User,
    /// The agent.
    Assistant,
}

impl Role {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The agent was done.
    Stop,
    /// The agent's limit on length.
    Length,
    /// The agent declined.
    Refusal,
    /// A person's Stop; the text up to it was kept.
    Cancelled,
    /// A newer message with `on_busy=interrupt`, or a crash after a tool had been seen.
    Interrupted,
    /// The task failed; the text of the latest attempt that had any was kept.
    Error,
    /// The agent finished regularly, without any text.
    Empty,
}

impl FinishReason {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Refusal => "refusal",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
            Self::Empty => "empty",
        }
    }
}

/// A message of a session. The transcript's order is (`turn`, user before assistant).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The message. An answer's id is fixed before its first word and stays across automatic attempts.
    pub id: MessageId,
    /// Its session.
    pub chat_session_id: SessionId,
    /// The turn: a user message and its answer share it. There may be holes.
    pub turn: i64,
    /// The arrival number in the session; what "read up to" means.
    pub seq: i64,
    /// Who wrote it.
    pub role: Role,
    /// The text, verbatim.
    pub content: String,
    /// The task of its turn.
    pub task_id: TaskId,
    /// The task, with a user's message; null with an answer.
    #[schema(required)]
    pub task: Option<Task>,
    /// How the answer ended; null with a user's message.
    #[schema(required)]
    pub finish_reason: Option<FinishReason>,
    /// From the start of the attempt to its end, in milliseconds; null with a user's message.
    #[schema(required)]
    pub elapsed_ms: Option<i64>,
    /// What the agent counted; null if it did not, and with a user's message.
    #[schema(required)]
    pub usage: Option<Usage>,
    /// When it arrived.
    pub created_at: Timestamp,
    /// When its text was last changed by its owner.
    #[schema(required)]
    pub edited_at: Option<Timestamp>,
}

/// The text so far of the running answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Partial {
    /// The running task.
    pub task_id: TaskId,
    /// Its attempt.
    pub attempt: i64,
    /// The id that the answer will have.
    pub message_id: MessageId,
    /// The text so far.
    pub text: String,
    /// Its length in bytes of UTF-8: where the next delta starts.
    pub next_offset: i64,
}

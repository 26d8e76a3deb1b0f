//! Messages from users, and the agents' answers.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::{Attachment, Task, Usage};
use crate::{
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
    text_column::text_enum,
};

/// Who wrote a message.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// The owner of the session.
    User,
    /// The agent.
    Assistant,
}

text_enum!(Role);

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum FinishReason {
    /// The agent finished.
    Stop,
    /// The agent reached its length limit.
    Length,
    /// The agent refused to answer.
    Refusal,
    /// The user stopped the task or archived the session; the text so far was kept.
    Cancelled,
    /// A newer message was sent with `on_busy=interrupt`, or, after a tool call, the attempt hit a retryable error or
    /// the worker shut down.
    Interrupted,
    /// The task failed; the text of the latest attempt that produced any was kept.
    Error,
    /// The agent finished without any text.
    Empty,
}

text_enum!(FinishReason);

/// Which version of a user message is part of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageBranch {
    /// The position of the version among all versions, from 1, in the order of their creation.
    #[schema(minimum = 1)]
    pub index: i64,
    /// The number of versions; at least 2.
    #[schema(minimum = 2)]
    pub count: i64,
}

/// A message in a session. Transcripts are ordered by `turn`, with the user message before its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The ID of the message. The ID of an answer is fixed before its first delta and stays the same across automatic
    /// retries.
    pub id: MessageId,
    /// The ID of the session.
    pub chat_session_id: SessionId,
    /// The turn number, shared by a user message and its answer. Turn numbers may have gaps.
    pub turn: i64,
    /// The message's sequence number in the session, in order of arrival. Read positions refer to this number.
    pub seq: i64,
    /// Who wrote the message.
    pub role: Role,
    /// The text of the message.
    pub content: String,
    /// The key of the agent that wrote the answer; null for a user message.
    #[schema(required)]
    pub agent_key: Option<String>,
    /// The files that are part of the message, in the order in which they were sent.
    #[serde(default)]
    #[schema(required)]
    pub attachments: Vec<Attachment>,
    /// The ID of the turn's task.
    pub task_id: TaskId,
    /// The task; null for an answer.
    #[schema(required)]
    pub task: Option<Task>,
    /// How the answer ended; null for a user message.
    #[schema(required)]
    pub finish_reason: Option<FinishReason>,
    /// The time in milliseconds from the start of the latest attempt to the outcome; null for a user message.
    #[schema(required)]
    pub elapsed_ms: Option<i64>,
    /// The token usage reported by the agent; null for user messages, or if the agent reported none.
    #[schema(required)]
    pub usage: Option<Usage>,
    /// When the message was stored.
    pub created_at: Timestamp,
    /// When the user last edited the message; null if never.
    #[schema(required)]
    pub edited_at: Option<Timestamp>,
    /// The version of a user message that has several; null for the others, and for an answer.
    #[serde(default)]
    #[schema(required)]
    pub branch: Option<MessageBranch>,
}

/// The partial text of the answer in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Partial {
    /// The ID of the running task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The ID that the answer will have once it is stored.
    pub message_id: MessageId,
    /// The text so far.
    pub text: String,
    /// The length of `text` in UTF-8 bytes, which is the offset of the next delta.
    pub next_offset: i64,
}

//! The JSON format, version 1.
//!
//! A document is `{"format": "banter", "version": 1, "exported_at", "conversations": [ArchivedConversation]}`. Readers
//! must reject a higher version, and must ignore fields that they do not know: fields can be added without a new
//! version.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reader::Entry;
use crate::{
    chat::{
        Attachment, FinishReason, ForkOrigin, Role, Session, SessionStatus, Step, StepKind, StepStatus, TaskError,
        TaskStatus, Usage,
    },
    clock::Timestamp,
    id::{MessageId, SessionId},
};

/// The value of `format`.
pub const FORMAT_NAME: &str = "banter";
/// The value of `version`.
pub const FORMAT_VERSION: u32 = 1;

/// The properties of a conversation. In a document, they are followed by `messages`, a list of [`ArchivedMessage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedConversation {
    /// The ID of the session.
    pub id: SessionId,
    /// The title; may be empty.
    pub title: String,
    /// The key of the agent that answers the next message.
    pub agent_key: String,
    /// Whether the session is active or archived.
    pub status: SessionStatus,
    /// When the session was pinned; null if it is not pinned.
    pub pinned_at: Option<Timestamp>,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the session last changed.
    pub updated_at: Timestamp,
    /// When the last message was stored.
    pub last_activity_at: Timestamp,
    /// Messages with a `seq` up to this value count as read.
    pub last_read_seq: i64,
    /// Where the session was forked from; null unless it is a fork.
    pub forked_from: Option<ForkOrigin>,
}

impl From<&Session> for ArchivedConversation {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            title: session.title.clone(),
            agent_key: session.agent_key.clone(),
            status: session.status,
            pinned_at: session.pinned_at,
            created_at: session.created_at,
            updated_at: session.updated_at,
            last_activity_at: session.last_activity_at,
            last_read_seq: session.last_read_seq,
            forked_from: session.forked_from,
        }
    }
}

/// A message of any branch. Messages are in the order of their turns, with the user's message before the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchivedMessage {
    /// The ID of the message.
    pub id: MessageId,
    /// The number of the turn, which a user's message and its answer share. Numbers may have gaps.
    pub turn: i64,
    /// The number of the message in the order of arrival.
    pub seq: i64,
    /// The number of the turn before this one, for a user's message; null for a first turn, and for an answer.
    #[serde(default)]
    pub parent_turn: Option<i64>,
    /// Whether the message is part of the transcript. The others are those of other branches.
    #[serde(default = "is_current")]
    pub current: bool,
    /// Who wrote the message.
    pub role: Role,
    /// The key of the agent that wrote an answer; null for a user's message.
    pub agent_key: Option<String>,
    /// The text; may be empty.
    pub content: String,
    /// The files, in the order in which they were sent.
    pub attachments: Vec<ArchivedAttachment>,
    /// When the message was stored.
    pub created_at: Timestamp,
    /// When the user last edited the message; null if never.
    pub edited_at: Option<Timestamp>,
    /// The agent's work on a user's message; null for an answer.
    pub task: Option<ArchivedTask>,
    /// How an answer ended; null for a user's message.
    pub finish_reason: Option<FinishReason>,
    /// The time in milliseconds from the start of the latest attempt to the outcome; null for a user's message.
    pub elapsed_ms: Option<i64>,
    /// The token usage of an answer; null for a user's message, or if the agent reported none.
    pub usage: Option<Usage>,
}

/// Files without branches contain only the transcript.
const fn is_current() -> bool {
    true
}

impl ArchivedMessage {
    /// Converts a message of the transcript or of another branch.
    #[must_use]
    pub fn new(Entry { message, parent_turn, is_current, steps }: Entry) -> Self {
        let task = message.task.map(|task| ArchivedTask {
            status: task.status,
            attempt: task.attempt,
            error: task.error,
            usage: task.usage,
            started_at: task.started_at,
            finished_at: task.finished_at,
            steps: steps.into_iter().map(ArchivedStep::from).collect(),
        });
        Self {
            id: message.id,
            turn: message.turn,
            seq: message.seq,
            parent_turn: parent_turn.filter(|_| message.role == Role::User),
            current: is_current,
            role: message.role,
            agent_key: message.agent_key,
            content: message.content,
            attachments: message.attachments.into_iter().map(ArchivedAttachment::from).collect(),
            created_at: message.created_at,
            edited_at: message.edited_at,
            task,
            finish_reason: message.finish_reason,
            elapsed_ms: message.elapsed_ms,
            usage: message.usage,
        }
    }
}

/// The agent's work on a user's message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchivedTask {
    /// The status when the chat was exported.
    pub status: TaskStatus,
    /// The number of times the task had been started.
    pub attempt: i64,
    /// The error that ended the latest attempt or the task; null if there was none.
    pub error: Option<TaskError>,
    /// The token usage; null if the agent reported none.
    pub usage: Option<Usage>,
    /// When the latest attempt started; null if there was none.
    pub started_at: Option<Timestamp>,
    /// When the task ended; null if it had not ended.
    pub finished_at: Option<Timestamp>,
    /// The steps of the latest attempt, in order.
    pub steps: Vec<ArchivedStep>,
}

/// A step of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchivedStep {
    /// The number of the step within its attempt.
    pub seq: i64,
    /// The kind of the step.
    pub kind: StepKind,
    /// The agent's ID for the tool call; null if there is none.
    pub tool_call_id: Option<String>,
    /// The agent's ID for the tool call that started the sub-agent to which the step belongs; null for other steps.
    pub parent_tool_call_id: Option<String>,
    /// A one-line title.
    pub title: String,
    /// The status of the step.
    pub status: StepStatus,
    /// The number of UTF-8 bytes of the answer's text that preceded the step.
    pub text_offset: i64,
    /// When the step first arrived; null if unknown.
    pub started_at: Option<Timestamp>,
    /// When the step ended; null if unknown, and while the step is open.
    pub ended_at: Option<Timestamp>,
    /// The details, whose fields depend on the kind. They are the same as in the API.
    pub detail: Value,
}

impl From<Step> for ArchivedStep {
    fn from(step: Step) -> Self {
        Self {
            seq: step.seq,
            kind: step.kind(),
            tool_call_id: step.tool_call_id,
            parent_tool_call_id: step.parent_tool_call_id,
            title: step.title,
            status: step.status,
            text_offset: step.text_offset,
            started_at: step.started_at,
            ended_at: step.ended_at,
            detail: step.detail.to_value(),
        }
    }
}

/// A file. Its content is identified by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedAttachment {
    /// The file's name, without a folder.
    pub name: String,
    /// The media type.
    pub media_type: String,
    /// The size in bytes.
    pub size: i64,
    /// The SHA-256 hash of the content, as lowercase hexadecimal digits.
    pub sha256: String,
    /// The width in pixels; null unless the file is an image of a known format.
    pub width: Option<i64>,
    /// The height in pixels; null unless the file is an image of a known format.
    pub height: Option<i64>,
    /// When the file was uploaded or returned.
    pub created_at: Timestamp,
}

impl From<Attachment> for ArchivedAttachment {
    fn from(attachment: Attachment) -> Self {
        let Attachment { id: _, name, media_type, size, sha256, width, height, created_at } = attachment;
        Self { name, media_type, size, sha256, width, height, created_at }
    }
}

//! Sessions, which are conversations between a user and an agent.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::{Role, Task};
use crate::{
    clock::Timestamp,
    id::{MessageId, SessionId},
    text_column::text_enum,
};

/// The maximum length of [`LastMessage::preview`], in characters.
pub const PREVIEW_CHARS: usize = 200;

/// The status of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum SessionStatus {
    /// Active: listed by default, and messages can be sent.
    Active,
    /// Archived: readable, but no messages can be sent until it is restored.
    Archived,
}

text_enum!(SessionStatus);

/// What to do with a message while the agent is busy (a task is running or queued).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBusy {
    /// Queues the message.
    #[default]
    Queue,
    /// Stops the running task; earlier queued turns keep their order.
    Interrupt,
    /// Rejects the message with 409 `agent_busy`.
    Reject,
}

/// A summary of the newest message in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastMessage {
    /// Who wrote the message.
    pub role: Role,
    /// The beginning of the message, at most 200 characters. Terminal escape sequences are removed.
    pub preview: String,
    /// When the message was stored.
    pub created_at: Timestamp,
}

/// Where a session was forked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForkOrigin {
    /// The ID of the session. It may have been deleted since.
    pub chat_session_id: SessionId,
    /// The ID of the last message that was copied.
    pub message_id: MessageId,
}

/// The state of the git repository in which a session's agent works, as of the last turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GitState {
    /// The current branch; null if no branch is checked out.
    #[schema(required)]
    pub branch: Option<String>,
    /// The git ref from which the session's own branch starts; null unless the session has its own branch.
    #[schema(required)]
    pub base: Option<String>,
    /// The number of commits on the branch that are not part of `base`; null unless the session has its own branch.
    #[schema(required)]
    pub ahead: Option<i64>,
    /// Whether there are changes that are not committed.
    pub dirty: bool,
}

/// A persistent conversation between a user and an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The ID of the session.
    pub id: SessionId,
    /// The owner's workspace.
    pub workspace_id: String,
    /// The key of the agent that answers the next message.
    pub agent_key: String,
    /// The owner's name within the workspace.
    pub creator_id: String,
    /// The title, at most 200 characters; empty until the user sets one or it is derived from the first message.
    pub title: String,
    /// Whether the session is active or archived.
    pub status: SessionStatus,
    /// When the session was pinned; null if it is not pinned.
    #[schema(required)]
    pub pinned_at: Option<Timestamp>,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the title, status, pinned state, or messages last changed, or a task was last retried.
    pub updated_at: Timestamp,
    /// When the last message was stored; until then, when the session was created. Lists are ordered by this time.
    pub last_activity_at: Timestamp,
    /// The newest message; null if there is none.
    #[schema(required)]
    pub last_message: Option<LastMessage>,
    /// The highest `seq` ever assigned in the session; 0 if none has been assigned.
    pub last_seq: i64,
    /// Messages with a `seq` up to this value count as read.
    pub last_read_seq: i64,
    /// The number of answers after `last_read_seq`; 0 while archived.
    pub unread_count: i64,
    /// The running task; null if there is none.
    #[schema(required)]
    pub active_task: Option<Task>,
    /// The number of queued tasks, including those between attempts.
    pub queued_count: i64,
    /// Where the session was forked from; null unless it is a fork.
    #[schema(required)]
    pub forked_from: Option<ForkOrigin>,
    /// The key of the folder in which the agent works; null if the session has an empty folder of its own.
    #[schema(required)]
    pub folder: Option<String>,
    /// The state of the folder's git repository; null if it is not in one, or if no turn has ended.
    #[schema(required)]
    pub git: Option<GitState>,
}

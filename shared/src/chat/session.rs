//! A session: one conversation between a user and an agent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Role, Task};
use crate::{clock::Timestamp, id::SessionId};

/// Longest [`LastMessage::preview`], in characters.
pub const PREVIEW_CHARS: usize = 200;

/// Whether a session is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionStatus {
    /// In the list, and messages can be sent.
    Active,
    /// Put away: readable, no message can be sent until it is restored.
    Archived,
}

impl SessionStatus {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

/// What a message does when the session's agent is busy (a task is running or queued).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBusy {
    /// Waits its turn.
    #[default]
    Queue,
    /// Stops the running task; earlier queued turns keep their order.
    Interrupt,
    /// Is refused with 409 `agent_busy`.
    Reject,
}

/// The newest message of a session, as its row in a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastMessage {
    /// Who wrote it.
    pub role: Role,
    /// Its first 200 characters.
    pub preview: String,
    /// When it arrived.
    pub created_at: Timestamp,
}

/// A persistent conversation between a user and an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The owner's workspace.
    pub workspace_id: String,
    /// Which agent answers.
    pub agent_key: String,
    /// The owner.
    pub creator_id: String,
    /// At most 200 characters; empty until a person or the first message gives one.
    pub title: String,
    /// In use or put away.
    pub status: SessionStatus,
    /// When it was pinned, if it is.
    #[schema(required)]
    pub pinned_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last change of any kind but reading.
    pub updated_at: Timestamp,
    /// Its last message; lists are ordered by it.
    pub last_activity_at: Timestamp,
    /// The newest message.
    #[schema(required)]
    pub last_message: Option<LastMessage>,
    /// The arrival number of the newest message ever; 0 without one.
    pub last_seq: i64,
    /// Messages up to this arrival number are read.
    pub last_read_seq: i64,
    /// Answers after `last_read_seq`; 0 while archived.
    pub unread_count: i64,
    /// The task that is running now.
    #[schema(required)]
    pub active_task: Option<Task>,
    /// How many tasks wait, between attempts included.
    pub queued_count: i64,
}

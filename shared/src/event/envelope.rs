//! An event as a client sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Cursor;
use crate::{
    chat::{Message, Role, Session, Step, Task},
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
};

/// One event: the `data` of one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// When it happened; of an event without a row in the log, when it was sent.
    pub at: Timestamp,
    /// The session that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_session_id: Option<SessionId>,
    /// Its type, and what belongs to it.
    #[serde(flatten)]
    pub data: EventData,
}

/// What an event says, by its `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum EventData {
    /// The first event of every stream.
    #[serde(rename = "hello")]
    Hello {
        /// The stream delivers what comes after this.
        cursor: Cursor,
        /// How often a heartbeat comes; none for much longer means that the connection is dead.
        heartbeat_ms: u64,
        /// How long to wait before a reconnect.
        retry_ms: u64,
    },
    /// Nothing happened, and the connection lives.
    #[serde(rename = "heartbeat")]
    Heartbeat,
    /// Fetch the state again; the stream goes on from `cursor`.
    #[serde(rename = "resync")]
    Resync {
        /// Why, for people: `malformed`, `foreign`, `future`, `pruned`, `too_far_behind` or `too_slow`.
        reason: String,
        /// Where the stream goes on.
        cursor: Cursor,
    },
    /// The server is about to stop; connect again.
    #[serde(rename = "server.draining")]
    ServerDraining,
    /// A session was made.
    #[serde(rename = "session.created")]
    SessionCreated {
        /// The session.
        session: Box<Session>,
    },
    /// A session's title, status or pin changed.
    #[serde(rename = "session.updated")]
    SessionUpdated {
        /// The session after the change.
        session: Box<Session>,
    },
    /// A session's read position moved.
    #[serde(rename = "session.read")]
    SessionRead {
        /// The session after the change.
        session: Box<Session>,
    },
    /// A session is gone for good.
    #[serde(rename = "session.deleted")]
    SessionDeleted,
    /// A message arrived.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// The message.
        message: Box<Message>,
        /// Its session after the change.
        session: Box<Session>,
    },
    /// A message's text was changed by its owner.
    #[serde(rename = "message.updated")]
    MessageUpdated {
        /// The message after the change.
        message: Box<Message>,
        /// Its session after the change.
        session: Box<Session>,
    },
    /// A message is gone. Its task is gone too if the message was the user's.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// The message.
        message_id: MessageId,
        /// Who had written it.
        role: Role,
        /// The task of its turn.
        task_id: TaskId,
        /// Its session after the change.
        session: Box<Session>,
    },
    /// A task's status or attempt changed.
    #[serde(rename = "task.updated")]
    TaskUpdated {
        /// The task after the change.
        task: Box<Task>,
        /// Its session after the change.
        session: Box<Session>,
    },
    /// An agent works, or has stopped working. Void after `expires_at` unless renewed.
    #[serde(rename = "typing")]
    Typing {
        /// The agent.
        agent_key: String,
        /// The task that it works on.
        task_id: TaskId,
        /// Whether it works.
        is_typing: bool,
        /// Until when this holds.
        expires_at: Timestamp,
    },
    /// More text of the running answer. Offsets count bytes of UTF-8.
    #[serde(rename = "message.delta")]
    MessageDelta {
        /// The running task.
        task_id: TaskId,
        /// Its attempt: a higher one starts the answer anew, a lower one is to be ignored.
        attempt: i64,
        /// The id that the answer will have.
        message_id: MessageId,
        /// Where the text belongs.
        offset: i64,
        /// Where the next text belongs.
        next_offset: i64,
        /// The text.
        text: String,
    },
    /// All the text so far of the running answer: replaces what was collected.
    #[serde(rename = "message.partial")]
    MessagePartial {
        /// The running task.
        task_id: TaskId,
        /// Its attempt.
        attempt: i64,
        /// The id that the answer will have.
        message_id: MessageId,
        /// The text so far.
        text: String,
        /// Where the next text belongs.
        next_offset: i64,
    },
    /// Something that the agent does on the way; replaces the step of the same `seq`.
    #[serde(rename = "task.step")]
    TaskStep {
        /// The task.
        task_id: TaskId,
        /// Its attempt: a higher one begins without steps, a lower one is to be ignored.
        attempt: i64,
        /// The step.
        step: Step,
    },
}

impl EventData {
    /// How much text the event carries, in bytes; what is bounded in length anyway does not count.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::MessageCreated { message, .. } | Self::MessageUpdated { message, .. } => message.content.len(),
            Self::MessageDelta { text, .. } | Self::MessagePartial { text, .. } => text.len(),
            _ => 0,
        }
    }

    /// The event's type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Heartbeat => "heartbeat",
            Self::Resync { .. } => "resync",
            Self::ServerDraining => "server.draining",
            Self::SessionCreated { .. } => "session.created",
            Self::SessionUpdated { .. } => "session.updated",
            Self::SessionRead { .. } => "session.read",
            Self::SessionDeleted => "session.deleted",
            Self::MessageCreated { .. } => "message.created",
            Self::MessageUpdated { .. } => "message.updated",
            Self::MessageDeleted { .. } => "message.deleted",
            Self::TaskUpdated { .. } => "task.updated",
            Self::Typing { .. } => "typing",
            Self::MessageDelta { .. } => "message.delta",
            Self::MessagePartial { .. } => "message.partial",
            Self::TaskStep { .. } => "task.step",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_and_the_envelope_lie_flat_in_one_object() {
        let event =
            Event { at: "2026-01-31T12:00:00Z".parse().unwrap(), chat_session_id: None, data: EventData::Heartbeat };

        let json = serde_json::to_value(&event).unwrap();

        assert_eq!(json, serde_json::json!({"type": "heartbeat", "at": "2026-01-31T12:00:00.000Z"}));
        assert_eq!(json["type"], event.data.kind());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}

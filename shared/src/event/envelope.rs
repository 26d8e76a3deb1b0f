//! Events as clients receive them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Cursor, LogKind};
use crate::{
    chat::{Draft, Message, Role, Session, Step, Task},
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
};

/// An event, which is the `data` of one SSE frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// When the event happened; for non-durable events, when it was sent.
    pub at: Timestamp,
    /// The ID of the session that the event concerns; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chat_session_id: Option<SessionId>,
    /// The type and its data.
    #[serde(flatten)]
    pub data: EventData,
}

/// The data of an event, by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum EventData {
    /// The first event of every stream.
    #[serde(rename = "hello")]
    Hello {
        /// The position after which the stream delivers events.
        cursor: Cursor,
        /// The interval between heartbeats, in milliseconds. If none arrives for much longer than this, treat the
        /// connection as dead.
        heartbeat_ms: u64,
        /// How long to wait before reconnecting, in milliseconds.
        retry_ms: u64,
    },
    /// Sent periodically to show that the connection is alive.
    #[serde(rename = "heartbeat")]
    Heartbeat,
    /// Events were skipped: fetch the state again. The stream continues, unless the reason is `too_slow`.
    #[serde(rename = "resync")]
    Resync {
        /// Why events were skipped. The client's cursor is invalid (`malformed`), belongs to another event log (`foreign`), or is
        /// ahead of the log (`future`); the events after it were pruned (`pruned`) or are too many to replay
        /// (`too_far_behind`); or the client reads too slowly (`too_slow`).
        reason: String,
        /// The position from which the stream continues or can be resumed.
        cursor: Cursor,
    },
    /// The server is shutting down; reconnect.
    #[serde(rename = "server.draining")]
    ServerDraining,
    /// A session was created.
    #[serde(rename = "session.created")]
    SessionCreated {
        /// The session.
        session: Box<Session>,
    },
    /// A session's title, status, or pinned state changed.
    #[serde(rename = "session.updated")]
    SessionUpdated {
        /// The session after the change.
        session: Box<Session>,
    },
    /// The read position of a session changed.
    #[serde(rename = "session.read")]
    SessionRead {
        /// The session after the change.
        session: Box<Session>,
    },
    /// The draft of a session changed. Also sent to the stream of the device that changed it.
    #[serde(rename = "session.draft")]
    SessionDraft {
        /// The draft after the change.
        #[serde(flatten)]
        draft: Draft,
    },
    /// A session was permanently deleted.
    #[serde(rename = "session.deleted")]
    SessionDeleted,
    /// A message was created.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// The message.
        message: Box<Message>,
        /// The session after the change.
        session: Box<Session>,
    },
    /// The user edited a message.
    #[serde(rename = "message.updated")]
    MessageUpdated {
        /// The message after the change.
        message: Box<Message>,
        /// The session after the change.
        session: Box<Session>,
    },
    /// A message was deleted. If it was a user message, its task was deleted too.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// The ID of the message.
        message_id: MessageId,
        /// Who wrote the message.
        role: Role,
        /// The ID of the turn's task.
        task_id: TaskId,
        /// The session after the change.
        session: Box<Session>,
    },
    /// A task's status or attempt number changed.
    #[serde(rename = "task.updated")]
    TaskUpdated {
        /// The task after the change.
        task: Box<Task>,
        /// The session after the change.
        session: Box<Session>,
    },
    /// An agent is working on a task, or has just stopped. Sent repeatedly while the agent works; the state expires at
    /// `expires_at` unless it is renewed.
    #[serde(rename = "typing")]
    Typing {
        /// The key of the agent.
        agent_key: String,
        /// The ID of the task that the agent is working on.
        task_id: TaskId,
        /// Whether the agent is working.
        is_typing: bool,
        /// When the state expires.
        expires_at: Timestamp,
    },
    /// The next piece of the answer in progress. Offsets count UTF-8 bytes.
    #[serde(rename = "message.delta")]
    MessageDelta {
        /// The ID of the running task.
        task_id: TaskId,
        /// The attempt number. A higher number means that the answer has started over; ignore deltas from earlier
        /// attempts.
        attempt: i64,
        /// The ID that the answer will have once it is stored.
        message_id: MessageId,
        /// The offset at which `text` starts.
        offset: i64,
        /// The offset at which the next delta starts.
        next_offset: i64,
        /// The text.
        text: String,
    },
    /// The entire text of the answer in progress; replaces all text received so far.
    #[serde(rename = "message.partial")]
    MessagePartial {
        /// The ID of the running task.
        task_id: TaskId,
        /// The attempt number.
        attempt: i64,
        /// The ID that the answer will have once it is stored.
        message_id: MessageId,
        /// The text so far.
        text: String,
        /// The offset at which the next delta starts.
        next_offset: i64,
    },
    /// A new or updated step; replaces the step with the same `seq`.
    #[serde(rename = "task.step")]
    TaskStep {
        /// The ID of the task.
        task_id: TaskId,
        /// The attempt number. A new attempt starts with no steps; ignore steps from earlier attempts.
        attempt: i64,
        /// The step.
        step: Box<Step>,
    },
}

impl EventData {
    /// Returns the type of the event.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Heartbeat => "heartbeat",
            Self::Resync { .. } => "resync",
            Self::ServerDraining => "server.draining",
            Self::SessionCreated { .. } => LogKind::SessionCreated.as_str(),
            Self::SessionUpdated { .. } => LogKind::SessionUpdated.as_str(),
            Self::SessionRead { .. } => LogKind::SessionRead.as_str(),
            Self::SessionDraft { .. } => "session.draft",
            Self::SessionDeleted => LogKind::SessionDeleted.as_str(),
            Self::MessageCreated { .. } => LogKind::MessageCreated.as_str(),
            Self::MessageUpdated { .. } => LogKind::MessageUpdated.as_str(),
            Self::MessageDeleted { .. } => LogKind::MessageDeleted.as_str(),
            Self::TaskUpdated { .. } => LogKind::TaskUpdated.as_str(),
            Self::Typing { .. } => "typing",
            Self::MessageDelta { .. } => "message.delta",
            Self::MessagePartial { .. } => "message.partial",
            Self::TaskStep { .. } => "task.step",
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::EnumCount as _;

    use super::*;

    #[test]
    fn serializes_the_type_and_the_envelope_as_one_flat_object() {
        let event =
            Event { at: "2026-01-31T12:00:00Z".parse().unwrap(), chat_session_id: None, data: EventData::Heartbeat };

        let json = serde_json::to_value(&event).unwrap();

        assert_eq!(json, serde_json::json!({"type": "heartbeat", "at": "2026-01-31T12:00:00.000Z"}));
        assert_eq!(json["type"], event.data.kind());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }

    /// Returns the names of all events that serde can deserialize.
    fn names() -> Vec<String> {
        let unknown = serde_json::from_value::<EventData>(serde_json::json!({"type": ""})).unwrap_err().to_string();
        let (_, expected) = unknown.split_once("expected one of ").unwrap();
        expected.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
    }

    #[test]
    fn events_have_the_same_names_in_json_and_in_the_log() {
        let (id, at) = (crate::id::SessionId::generate(), "2026-01-31T12:00:00Z");
        let task = serde_json::json!({
            "id": id, "chat_session_id": id, "status": "queued", "attempt": 0, "failures": 0, "max_attempts": 3,
            "created_at": at,
        });
        let session = serde_json::json!({
            "id": id, "workspace_id": "w", "agent_key": "demo", "creator_id": "ann", "title": "", "status": "active",
            "created_at": at, "updated_at": at, "last_activity_at": at, "last_seq": 0, "last_read_seq": 0,
            "unread_count": 0, "queued_count": 0,
        });
        let message = serde_json::json!({
            "id": id, "chat_session_id": id, "turn": 1, "seq": 1, "role": "user", "content": "", "task_id": id,
            "created_at": at,
        });
        let step = serde_json::json!({"seq": 1, "revision": 1, "kind": "thought", "detail": {}, "title": "", "status": "running"});
        let mut fields = serde_json::json!({
            "session": session, "message": message, "task": task, "step": step, "message_id": id, "task_id": id,
            "role": "user", "cursor": "abc-1", "heartbeat_ms": 1, "retry_ms": 1, "reason": "pruned", "agent_key": "demo",
            "is_typing": true, "expires_at": at, "attempt": 1, "offset": 0, "next_offset": 0, "text": "", "revision": 1,
        });

        for name in names() {
            fields["type"] = name.as_str().into();
            let data: EventData = serde_json::from_value(fields.clone()).unwrap();
            assert_eq!(data.kind(), name);
        }
        assert_eq!(names().iter().filter(|name| name.parse::<LogKind>().is_ok()).count(), LogKind::COUNT);
    }
}

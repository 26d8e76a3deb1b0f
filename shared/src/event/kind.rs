//! The kinds of durable events. The log stores references, not payloads.

use strum::{Display, EnumCount, EnumString, IntoStaticStr};

use crate::{
    chat::Role,
    id::{MessageId, SessionId, TaskId},
    text_column::text_enum,
};

/// The kind of a row in a user's log. A test verifies that [`EventData`](super::EventData) has the same names in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumCount, EnumString, IntoStaticStr)]
pub enum LogKind {
    /// A session was created.
    #[strum(serialize = "session.created")]
    SessionCreated,
    /// A session's title, status, or pinned state changed.
    #[strum(serialize = "session.updated")]
    SessionUpdated,
    /// The read position of a session changed.
    #[strum(serialize = "session.read")]
    SessionRead,
    /// A session was permanently deleted.
    #[strum(serialize = "session.deleted")]
    SessionDeleted,
    /// A message was created.
    #[strum(serialize = "message.created")]
    MessageCreated,
    /// The user edited a message.
    #[strum(serialize = "message.updated")]
    MessageUpdated,
    /// A message was unsent, or replaced by a retry.
    #[strum(serialize = "message.deleted")]
    MessageDeleted,
    /// A task's status or attempt number changed.
    #[strum(serialize = "task.updated")]
    TaskUpdated,
}

text_enum!(LogKind);

/// The objects that a durable event refers to. When the event is sent, the objects are rendered in their current state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// The kind of the event.
    pub kind: LogKind,
    /// The session.
    pub session_id: SessionId,
    /// The message. For `task.updated`, this is the task's user message; if the task no longer exists, the event is
    /// sent as `message.deleted`.
    pub message: Option<(MessageId, Role)>,
    /// The task.
    pub task_id: Option<TaskId>,
}

impl EventRef {
    /// Creates an event about a session.
    #[must_use]
    pub const fn session(kind: LogKind, session_id: SessionId) -> Self {
        Self { kind, session_id, message: None, task_id: None }
    }

    /// Creates an event about a message and its task.
    #[must_use]
    pub const fn message(
        kind: LogKind,
        session_id: SessionId,
        message_id: MessageId,
        role: Role,
        task_id: TaskId,
    ) -> Self {
        Self { kind, session_id, message: Some((message_id, role)), task_id: Some(task_id) }
    }

    /// Creates a `task.updated` event. `user_message_id` is the ID of the task's user message.
    #[must_use]
    pub const fn task(session_id: SessionId, task_id: TaskId, user_message_id: MessageId) -> Self {
        Self::message(LogKind::TaskUpdated, session_id, user_message_id, Role::User, task_id)
    }
}

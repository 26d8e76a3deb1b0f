//! The kinds of durable events, as the log keeps them: references, not payloads.

use crate::{
    chat::Role,
    id::{MessageId, SessionId, TaskId},
    text_column::named_variants,
};

/// The kind of a row in a user's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// A session was created.
    SessionCreated,
    /// Its title, status or pin changed.
    SessionUpdated,
    /// Its read position moved.
    SessionRead,
    /// It was deleted for good.
    SessionDeleted,
    /// A message was created.
    MessageCreated,
    /// Its text was changed by its owner.
    MessageUpdated,
    /// It was unsent, or replaced by a retry.
    MessageDeleted,
    /// The status or the attempt of a task changed.
    TaskUpdated,
}

named_variants!(LogKind {
    SessionCreated = "session.created",
    SessionUpdated = "session.updated",
    SessionRead = "session.read",
    SessionDeleted = "session.deleted",
    MessageCreated = "message.created",
    MessageUpdated = "message.updated",
    MessageDeleted = "message.deleted",
    TaskUpdated = "task.updated",
});

/// What a durable event is about. It shows the objects as they are when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Its kind.
    pub kind: LogKind,
    /// The session.
    pub session_id: SessionId,
    /// The message; with `task.updated` the user message of the task, which is what a client loses if the task is gone.
    pub message: Option<(MessageId, Role)>,
    /// The task.
    pub task_id: Option<TaskId>,
}

impl EventRef {
    /// An event about the session itself.
    #[must_use]
    pub const fn session(kind: LogKind, session_id: SessionId) -> Self {
        Self { kind, session_id, message: None, task_id: None }
    }

    /// An event about a message and its task.
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

    /// A change of a task, whose turn `user_message_id` opened.
    #[must_use]
    pub const fn task(session_id: SessionId, task_id: TaskId, user_message_id: MessageId) -> Self {
        Self::message(LogKind::TaskUpdated, session_id, user_message_id, Role::User, task_id)
    }
}

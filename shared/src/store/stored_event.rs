//! Rows of the event log, and the events that they represent.

use std::collections::{BTreeSet, HashMap};

use sqlx::FromRow as _;

use super::{
    StoreError,
    database_driver::{Connection, Row},
    rows::{self, MessageRow, TaskRow},
};
use crate::{
    chat::{Message, Role, Session, Task},
    clock::Timestamp,
    event::{Event, EventData, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The total size of text, in bytes, at which a read stops adding events. This limits memory use.
const READ_BYTES: usize = 512 * 1024;

/// A row of `event_log`.
#[derive(sqlx::FromRow)]
pub(super) struct StoredEvent {
    pub(super) id: i64,
    pub(super) stripe: i64,
    pub(super) user_log_id: i64,
    pub(super) seq: i64,
    kind: LogKind,
    pub(super) chat_session_id: SessionId,
    message_id: Option<MessageId>,
    message_role: Option<Role>,
    task_id: Option<TaskId>,
    at: Timestamp,
    /// The size of the text that the event contains, in bytes.
    text_bytes: i64,
}

impl StoredEvent {
    /// Returns the event's message, the author's role, and the task.
    fn message(&self) -> Result<(MessageId, Role, TaskId), StoreError> {
        let message = self.message_id.zip(self.message_role).zip(self.task_id);
        let ((id, role), task_id) =
            message.ok_or_else(|| StoreError::Corrupt(format!("event_log {}: no message", self.id)))?;
        Ok((id, role, task_id))
    }
}

/// Returns the number of rows to render at once: all of them, or as many as are needed for their text to reach
/// [`READ_BYTES`].
pub(super) fn count_renderable<'a>(rows: impl IntoIterator<Item = &'a StoredEvent>) -> usize {
    let mut bytes = 0;
    let has_room = |row: &&StoredEvent| {
        let has_room = bytes < READ_BYTES;
        bytes += usize::try_from(row.text_bytes).unwrap_or(0);
        has_room
    };
    rows.into_iter().take_while(has_room).count()
}

/// The objects to which events refer, in their current state.
#[derive(Default)]
pub(super) struct EventObjects {
    sessions: HashMap<SessionId, Session>,
    messages: HashMap<MessageId, Message>,
    tasks: HashMap<TaskId, Task>,
}

impl EventObjects {
    /// Reads the objects to which the rows refer, with one query for each type of object.
    pub(super) async fn read<'a>(
        connection: &mut Connection,
        rows: impl IntoIterator<Item = &'a StoredEvent>,
    ) -> Result<Self, StoreError> {
        let (mut sessions, mut messages, mut tasks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for row in rows {
            sessions.insert(row.chat_session_id);
            match row.kind {
                LogKind::MessageCreated | LogKind::MessageUpdated => messages.extend(row.message_id),
                LogKind::TaskUpdated => tasks.extend(row.task_id),
                LogKind::SessionCreated
                | LogKind::SessionUpdated
                | LogKind::SessionRead
                | LogKind::SessionDeleted
                | LogKind::MessageDeleted => {}
            }
        }
        if sessions.is_empty() {
            return Ok(Self::default());
        }
        let (sessions, messages, tasks) = (Vec::from_iter(sessions), Vec::from_iter(messages), Vec::from_iter(tasks));
        let [sessions, messages, tasks] = connection
            .fetch_together([
                rows::select_sessions_by_id(&sessions),
                rows::select_messages_by_id(&messages),
                rows::select_tasks_by_id(&tasks),
            ])
            .await?;
        Ok(Self {
            sessions: rows::parse_sessions(&sessions)?,
            messages: messages.iter().map(parse_message).collect::<Result<_, _>>()?,
            tasks: tasks.iter().map(parse_task).collect::<Result<_, _>>()?,
        })
    }

    /// Renders a row as an event. If the object has been deleted, returns a deletion event instead.
    pub(super) fn render(&self, row: &StoredEvent) -> Result<Event, StoreError> {
        let data = match self.sessions.get(&row.chat_session_id) {
            Some(session) => self.render_in_session(row, Box::new(session.clone()))?,
            None => EventData::SessionDeleted,
        };
        Ok(Event { at: row.at, chat_session_id: Some(row.chat_session_id), data })
    }

    /// Like [`EventObjects::render`], for an event whose session exists.
    fn render_in_session(&self, row: &StoredEvent, session: Box<Session>) -> Result<EventData, StoreError> {
        match row.kind {
            LogKind::SessionCreated => return Ok(EventData::SessionCreated { session }),
            LogKind::SessionUpdated => return Ok(EventData::SessionUpdated { session }),
            LogKind::SessionRead => return Ok(EventData::SessionRead { session }),
            LogKind::SessionDeleted => {
                return Err(StoreError::Corrupt(format!("session {} still exists after its deletion", session.id)));
            }
            LogKind::MessageCreated | LogKind::MessageUpdated | LogKind::MessageDeleted | LogKind::TaskUpdated => {}
        }
        let (message_id, role, task_id) = row.message()?;
        if row.kind == LogKind::TaskUpdated {
            if let Some(task) = self.tasks.get(&task_id) {
                return Ok(EventData::TaskUpdated { task: Box::new(task.clone()), session });
            }
        } else if let Some(message) = self.messages.get(&message_id).filter(|_| row.kind != LogKind::MessageDeleted) {
            let message = Box::new(message.clone());
            let is_new = row.kind == LogKind::MessageCreated;
            return Ok(if is_new {
                EventData::MessageCreated { message, session }
            } else {
                EventData::MessageUpdated { message, session }
            });
        }
        Ok(EventData::MessageDeleted { message_id, role, task_id, session })
    }
}

fn parse_message(row: &Row) -> sqlx::Result<(MessageId, Message)> {
    let message = Message::from(MessageRow::from_row(row)?);
    Ok((message.id, message))
}

fn parse_task(row: &Row) -> sqlx::Result<(TaskId, Task)> {
    let task = Task::from(TaskRow::from_row(row)?);
    Ok((task.id, task))
}

/// The columns of a [`StoredEvent`].
macro_rules! log_columns {
    () => {
        "e.id, e.stripe, e.user_log_id, e.seq, e.kind, e.chat_session_id, e.message_id, e.message_role, e.task_id, e.at, \
         CASE WHEN e.kind IN ('message.created', 'message.updated') THEN \
             COALESCE((SELECT octet_length(m.content) FROM chat_message m WHERE m.id = e.message_id), 0) ELSE 0 END \
             AS text_bytes"
    };
}

pub(super) use log_columns;

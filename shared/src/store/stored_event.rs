//! Rows of the event log, and the events that they represent.

use sqlx::SqliteConnection;

use super::{StoreError, rows};
use crate::{
    chat::{Role, Session},
    clock::Timestamp,
    event::{Event, EventData, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The amount of text, in bytes, after which a read of events ends. This limits memory use.
pub(super) const READ_BYTES: usize = 512 * 1024;

/// A row of `event_log`.
#[derive(sqlx::FromRow)]
pub(super) struct StoredEvent {
    pub(super) id: i64,
    pub(super) user_log_id: i64,
    pub(super) seq: i64,
    kind: LogKind,
    pub(super) chat_session_id: SessionId,
    message_id: Option<MessageId>,
    message_role: Option<Role>,
    task_id: Option<TaskId>,
    at: Timestamp,
}

impl StoredEvent {
    /// Returns the event's message.
    fn message(&self) -> Result<(MessageId, Role, TaskId), StoreError> {
        let message = self.message_id.zip(self.message_role).zip(self.task_id);
        let ((id, role), task_id) =
            message.ok_or_else(|| StoreError::Corrupt(format!("event_log {}: no message", self.id)))?;
        Ok((id, role, task_id))
    }
}

/// Renders a row's event with the current state of the objects that it refers to. If an object has been deleted,
/// renders its deletion instead.
pub(super) async fn render(connection: &mut SqliteConnection, row: &StoredEvent) -> Result<Event, StoreError> {
    let data = match rows::find_session(connection, row.chat_session_id).await? {
        Some(session) => render_in_session(connection, row, Box::new(session)).await?,
        None => EventData::SessionDeleted,
    };
    Ok(Event { at: row.at, chat_session_id: Some(row.chat_session_id), data })
}

/// Like [`render`], for an event whose session exists.
async fn render_in_session(
    connection: &mut SqliteConnection,
    row: &StoredEvent,
    session: Box<Session>,
) -> Result<EventData, StoreError> {
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
        if let Some(task) = rows::find_task(connection, task_id).await?.map(Box::new) {
            return Ok(EventData::TaskUpdated { task, session });
        }
    } else if row.kind != LogKind::MessageDeleted
        && let Some(message) = rows::find_message(connection, message_id).await?.map(Box::new)
    {
        let is_new = row.kind == LogKind::MessageCreated;
        return Ok(if is_new {
            EventData::MessageCreated { message, session }
        } else {
            EventData::MessageUpdated { message, session }
        });
    }
    Ok(EventData::MessageDeleted { message_id, role, task_id, session })
}

/// The columns of a [`StoredEvent`].
macro_rules! log_columns {
    () => {
        "e.id, e.user_log_id, e.seq, e.kind, e.chat_session_id, e.message_id, e.message_role, e.task_id, e.at"
    };
}

pub(super) use log_columns;

//! Message rows.

use sqlx::types::Json;

use super::{task::JoinedTask, usage};
use crate::{
    chat::{Attachment, FinishReason, Message, MessageBranch, Role},
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
    store::{
        StoreError,
        database_driver::{Connection, Query},
        sqlite,
    },
};

/// The columns of a [`MessageRow`], of message `m` and its task `t`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.id, m.chat_session_id, m.turn, m.seq, m.role, m.content, m.attachments, m.task_id, m.finish_reason, \
             CASE m.role WHEN 'assistant' THEN COALESCE(m.agent_key, (SELECT s.agent_key FROM chat_session s \
             WHERE s.id = m.chat_session_id)) END AS agent_key, \
             m.elapsed_ms, m.input_tokens, m.output_tokens, m.created_at, m.edited_at, \
             (SELECT COUNT(*) FROM agent_task v WHERE v.chat_session_id = t.chat_session_id \
                 AND v.revision_of = COALESCE(t.revision_of, t.turn)) AS revisions, \
             (SELECT COUNT(*) FROM agent_task v WHERE v.chat_session_id = t.chat_session_id \
                 AND v.revision_of = COALESCE(t.revision_of, t.turn) AND v.turn <= t.turn) AS revision, ",
            $crate::store::rows::task_columns!()
        )
    };
}

/// Selects the columns of a [`MessageRow`]; must be followed by a `WHERE` clause.
macro_rules! select_messages {
    () => {
        concat!(
            "SELECT ",
            $crate::store::rows::message_columns!(),
            " FROM chat_message m LEFT JOIN agent_task t ON t.id = m.task_id AND m.role = 'user' "
        )
    };
}

/// Selects the columns of a [`MessageRow`] of inactive messages; must be followed by a `WHERE` clause.
macro_rules! select_inactive_messages {
    () => {
        concat!(
            "SELECT ",
            $crate::store::rows::message_columns!(),
            " FROM inactive_message m LEFT JOIN agent_task t ON t.id = m.task_id AND m.role = 'user' "
        )
    };
}

pub(in crate::store) use {message_columns, select_inactive_messages, select_messages};

/// A row of `chat_message`, with its task if it is a user message.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct MessageRow {
    id: MessageId,
    chat_session_id: SessionId,
    turn: i64,
    seq: i64,
    role: Role,
    content: String,
    agent_key: Option<String>,
    attachments: Option<Json<Vec<Attachment>>>,
    task_id: TaskId,
    finish_reason: Option<FinishReason>,
    elapsed_ms: Option<i64>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    created_at: Timestamp,
    edited_at: Option<Timestamp>,
    /// The number of versions after the first one, for a user message.
    revisions: i64,
    /// The position among them; 0 for the first version.
    revision: i64,
    #[sqlx(flatten)]
    task: JoinedTask,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            chat_session_id: row.chat_session_id,
            turn: row.turn,
            seq: row.seq,
            role: row.role,
            content: row.content,
            agent_key: row.agent_key,
            attachments: row.attachments.map(|Json(attachments)| attachments).unwrap_or_default(),
            task_id: row.task_id,
            task: row.task.0,
            finish_reason: row.finish_reason,
            elapsed_ms: row.elapsed_ms,
            usage: usage(row.input_tokens, row.output_tokens),
            created_at: row.created_at,
            edited_at: row.edited_at,
            branch: (row.revisions > 0).then_some(MessageBranch { index: 1 + row.revision, count: 1 + row.revisions }),
        }
    }
}

/// Returns the current state of a message.
pub(in crate::store) async fn find_message(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let row: Option<MessageRow> =
        sqlx::query_as(concat!(select_messages!(), "WHERE m.id = $1")).bind(id).fetch_optional(connection).await?;
    Ok(row.map(Message::from))
}

/// Returns the current state of a message, which may be inactive.
pub(in crate::store) async fn find_any_message(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    if let Some(message) = find_message(connection, id).await? {
        return Ok(Some(message));
    }
    let query = sqlx::query_as(concat!(select_inactive_messages!(), "WHERE m.id = $1"));
    let row: Option<MessageRow> = query.bind(id).fetch_optional(connection).await?;
    Ok(row.map(Message::from))
}

/// Selects the current state of each message that exists in a transcript, in no particular order. The rows are [`MessageRow`]s.
pub(in crate::store) fn select_messages_by_id(ids: &[MessageId]) -> Query<'_> {
    sqlx::query(concat!(select_messages!(), "WHERE m.id IN ", sqlite::listed!())).bind(Json(ids))
}

//! From rows to the chat's types: which columns a query selects, and how they are read.

use std::str::FromStr;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;
use crate::{
    chat::{
        FinishReason, LastMessage, Message, PermissionDetail, Role, Session, SessionStatus, Step, StepKind, StepStatus,
        Task, TaskError, TaskStatus, Usage, preview,
    },
    clock::Timestamp,
    id::{MessageId, SessionId, TaskId},
};

/// The columns of `agent_task t` that [`task`] reads.
macro_rules! task_columns {
    () => {
        "t.id AS t_id, t.chat_session_id AS t_session_id, t.status AS t_status, t.attempt AS t_attempt, \
         t.failures AS t_failures, t.max_attempts AS t_max_attempts, t.next_attempt_at AS t_next_attempt_at, \
         t.error_code AS t_error_code, t.error_message AS t_error_message, t.input_tokens AS t_input_tokens, \
         t.output_tokens AS t_output_tokens, t.created_at AS t_created_at, t.started_at AS t_started_at, \
         t.finished_at AS t_finished_at"
    };
}

/// Selects what [`session`] reads: `WHERE` and `ORDER BY` follow.
macro_rules! select_sessions {
    () => {
        concat!(
            "SELECT s.id, s.workspace_id, s.agent_key, s.creator_id, s.title, s.status, s.pinned_at, s.created_at, \
             s.updated_at, s.last_activity_at, s.last_seq, s.last_read_seq, \
             CASE s.status WHEN 'archived' THEN 0 ELSE (SELECT COUNT(*) FROM chat_message a \
                 WHERE a.chat_session_id = s.id AND a.role = 'assistant' AND a.seq > s.last_read_seq) END AS unread_count, \
             (SELECT COUNT(*) FROM agent_task q WHERE q.chat_session_id = s.id AND q.status = 'queued') AS queued_count, \
             m.role AS m_role, \
             substr(CAST(m.content AS BLOB), 1, 2000) AS m_preview, m.created_at AS m_created_at, ",
            $crate::store::rows::task_columns!(),
            " FROM chat_session s \
             LEFT JOIN chat_message m ON m.chat_session_id = s.id AND m.seq = \
                 (SELECT MAX(l.seq) FROM chat_message l WHERE l.chat_session_id = s.id) \
             LEFT JOIN agent_task t ON t.chat_session_id = s.id AND t.status = 'running' "
        )
    };
}

/// Selects what [`message`] reads: `WHERE` and `ORDER BY` follow.
macro_rules! select_messages {
    () => {
        concat!(
            "SELECT m.id, m.chat_session_id, m.turn, m.seq, m.role, m.content, m.task_id, m.finish_reason, \
             m.elapsed_ms, m.input_tokens, m.output_tokens, m.created_at, m.edited_at, ",
            $crate::store::rows::task_columns!(),
            " FROM chat_message m LEFT JOIN agent_task t ON t.id = m.task_id AND m.role = 'user' "
        )
    };
}

pub(super) use {select_messages, select_sessions, task_columns};

/// Reads a text column into a type with a text form.
pub(super) fn parse<T: FromStr>(row: &SqliteRow, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Corrupt(format!("{column}: {text}")))
}

/// As [`parse`], of a column that may be NULL.
pub(super) fn parse_optional<T: FromStr>(row: &SqliteRow, column: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| StoreError::Corrupt(format!("{column}: {text}")))).transpose()
}

/// Reads a column that holds one of our enums by its name in JSON.
pub(super) fn parse_enum<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    enum_from(text, column)
}

fn enum_from<T: serde::de::DeserializeOwned>(text: String, column: &str) -> Result<T, StoreError> {
    let shown = text.clone();
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|_| StoreError::Corrupt(format!("{column}: {shown}")))
}

/// Two columns of tokens make a usage.
fn usage(row: &SqliteRow, input: &str, output: &str) -> Result<Option<Usage>, StoreError> {
    let (input, output): (Option<i64>, Option<i64>) = (row.try_get(input)?, row.try_get(output)?);
    Ok(input.zip(output).map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens }))
}

/// Reads the columns of `task_columns!`; `None` where a join found no task.
pub(super) fn optional_task(row: &SqliteRow) -> Result<Option<Task>, StoreError> {
    let Some(id) = parse_optional::<TaskId>(row, "t_id")? else { return Ok(None) };
    let error = parse_optional(row, "t_error_code")?
        .map(|code| Ok::<_, StoreError>(TaskError::new(code, row.try_get::<String, _>("t_error_message")?)))
        .transpose()?;
    Ok(Some(Task {
        id,
        chat_session_id: parse(row, "t_session_id")?,
        status: parse_enum::<TaskStatus>(row, "t_status")?,
        attempt: row.try_get("t_attempt")?,
        failures: row.try_get("t_failures")?,
        max_attempts: row.try_get("t_max_attempts")?,
        next_attempt_at: parse_optional(row, "t_next_attempt_at")?,
        error,
        usage: usage(row, "t_input_tokens", "t_output_tokens")?,
        created_at: parse(row, "t_created_at")?,
        started_at: parse_optional(row, "t_started_at")?,
        finished_at: parse_optional(row, "t_finished_at")?,
    }))
}

/// Reads a row of `select_sessions!`.
pub(super) fn session(row: &SqliteRow) -> Result<Session, StoreError> {
    let last_message = row
        .try_get::<Option<String>, _>("m_role")?
        .map(|role| {
            Ok::<_, StoreError>(LastMessage {
                role: enum_from::<Role>(role, "m_role")?,
                preview: preview(row.try_get("m_preview")?),
                created_at: parse(row, "m_created_at")?,
            })
        })
        .transpose()?;
    Ok(Session {
        id: parse(row, "id")?,
        workspace_id: row.try_get("workspace_id")?,
        agent_key: row.try_get("agent_key")?,
        creator_id: row.try_get("creator_id")?,
        title: row.try_get("title")?,
        status: parse_enum::<SessionStatus>(row, "status")?,
        pinned_at: parse_optional::<Timestamp>(row, "pinned_at")?,
        created_at: parse(row, "created_at")?,
        updated_at: parse(row, "updated_at")?,
        last_activity_at: parse(row, "last_activity_at")?,
        last_message,
        last_seq: row.try_get("last_seq")?,
        last_read_seq: row.try_get("last_read_seq")?,
        unread_count: row.try_get("unread_count")?,
        active_task: optional_task(row)?,
        queued_count: row.try_get("queued_count")?,
    })
}

/// Reads a row of `select_messages!`.
pub(super) fn message(row: &SqliteRow) -> Result<Message, StoreError> {
    let finish_reason = row
        .try_get::<Option<String>, _>("finish_reason")?
        .map(|text| enum_from::<FinishReason>(text, "finish_reason"))
        .transpose()?;
    Ok(Message {
        id: parse(row, "id")?,
        chat_session_id: parse(row, "chat_session_id")?,
        turn: row.try_get("turn")?,
        seq: row.try_get("seq")?,
        role: parse_enum::<Role>(row, "role")?,
        content: row.try_get("content")?,
        task_id: parse(row, "task_id")?,
        task: optional_task(row)?,
        finish_reason,
        elapsed_ms: row.try_get("elapsed_ms")?,
        usage: usage(row, "input_tokens", "output_tokens")?,
        created_at: parse(row, "created_at")?,
        edited_at: parse_optional(row, "edited_at")?,
    })
}

/// Reads a row of `task_step`.
pub(super) fn step(row: &SqliteRow) -> Result<Step, StoreError> {
    let kind = parse_enum::<StepKind>(row, "kind")?;
    let detail: String = row.try_get("detail")?;
    let detail = serde_json::from_str(&detail).map_err(|_| StoreError::Corrupt("task_step.detail".into()))?;
    Ok(Step {
        seq: row.try_get("seq")?,
        revision: row.try_get("revision")?,
        kind,
        tool_call_id: row.try_get("tool_call_id")?,
        title: row.try_get("title")?,
        status: parse_enum::<StepStatus>(row, "status")?,
        detail: if kind == StepKind::Permission { current_permission(detail) } else { detail },
    })
}

/// Returns a permission's detail in today's shape, whatever version stored it.
fn current_permission(detail: serde_json::Value) -> serde_json::Value {
    let current = serde_json::from_value::<PermissionDetail>(detail.clone()).and_then(serde_json::to_value);
    current.unwrap_or(detail)
}

/// A session as it is now.
pub(super) async fn find_session(
    connection: &mut SqliteConnection,
    id: SessionId,
) -> Result<Option<Session>, StoreError> {
    let query = sqlx::query(concat!(select_sessions!(), "WHERE s.id = ?"));
    query.bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(session).transpose()
}

/// A message as it is now.
pub(super) async fn find_message(
    connection: &mut SqliteConnection,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let query = sqlx::query(concat!(select_messages!(), "WHERE m.id = ?"));
    query.bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(message).transpose()
}

/// A task as it is now.
pub(super) async fn find_task(connection: &mut SqliteConnection, id: TaskId) -> Result<Option<Task>, StoreError> {
    let query = sqlx::query(concat!("SELECT ", task_columns!(), " FROM agent_task t WHERE t.id = ?"));
    let row = query.bind(id.to_string()).fetch_optional(connection).await?;
    Ok(row.as_ref().map(optional_task).transpose()?.flatten())
}

//! Session rows.

use std::collections::HashMap;

use sqlx::{FromRow as _, types::Json};

use super::task::JoinedTask;
use crate::{
    chat::{Attachment, ForkOrigin, GitState, LastMessage, Role, Session, SessionStatus, preview},
    clock::Timestamp,
    id::{MessageId, SessionId},
    store::{
        StoreError,
        database_driver::{Connection, Query, Row},
        sqlite,
    },
};

/// Selects the columns of a [`SessionRow`]; must be followed by a `WHERE` clause.
macro_rules! select_sessions {
    () => {
        concat!(
            "SELECT s.id, s.workspace_id, s.agent_key, s.creator_id, s.title, s.status, s.pinned_at, s.created_at, \
             s.updated_at, s.last_activity_at, s.last_seq, s.last_read_seq, s.forked_from_session_id, s.forked_from_message_id, \
             s.folder_key, g.chat_session_id AS g_id, g.branch AS g_branch, g.base AS g_base, g.ahead AS g_ahead, g.dirty AS g_dirty, \
             CASE s.status WHEN 'archived' THEN 0 ELSE s.unread_count END AS unread_count, \
             (SELECT COUNT(*) FROM agent_task q WHERE q.chat_session_id = s.id AND q.status = 'queued') AS queued_count, \
             m.role AS m_role, ",
            $crate::store::sqlite::content_start!(),
            " AS m_preview, m.attachments AS m_attachments, m.created_at AS m_created_at, ",
            $crate::store::rows::task_columns!(),
            " FROM chat_session s \
             LEFT JOIN chat_message m ON m.chat_session_id = s.id AND m.seq = \
                 (SELECT MAX(l.seq) FROM chat_message l WHERE l.chat_session_id = s.id) \
             LEFT JOIN session_git g ON g.chat_session_id = s.id \
             LEFT JOIN agent_task t ON t.chat_session_id = s.id AND t.status = 'running' "
        )
    };
}

/// A row of `chat_session`, with its newest message and its running task.
#[derive(sqlx::FromRow)]
struct SessionRow {
    id: SessionId,
    workspace_id: String,
    agent_key: String,
    creator_id: String,
    title: String,
    status: SessionStatus,
    pinned_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_activity_at: Timestamp,
    last_seq: i64,
    last_read_seq: i64,
    unread_count: i64,
    queued_count: i64,
    forked_from_session_id: Option<SessionId>,
    forked_from_message_id: Option<MessageId>,
    folder_key: Option<String>,
    #[sqlx(flatten)]
    git: JoinedGit,
    #[sqlx(flatten)]
    last_message: JoinedMessage,
    #[sqlx(flatten)]
    active_task: JoinedTask,
}

/// The newest message of a session, if there is one.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "named after the columns of the query")]
struct JoinedMessage {
    m_role: Option<Role>,
    /// The beginning of the text, which may end inside a character.
    m_preview: Option<Vec<u8>>,
    m_attachments: Option<Json<Vec<Attachment>>>,
    m_created_at: Option<Timestamp>,
}

/// The state of a session's git repository, if it is known.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "named after the columns of the query")]
struct JoinedGit {
    g_id: Option<SessionId>,
    g_branch: Option<String>,
    g_base: Option<String>,
    g_ahead: Option<i64>,
    g_dirty: Option<bool>,
}

impl From<JoinedGit> for Option<GitState> {
    fn from(row: JoinedGit) -> Self {
        row.g_id?;
        Some(GitState { branch: row.g_branch, base: row.g_base, ahead: row.g_ahead, dirty: row.g_dirty? })
    }
}

impl From<JoinedMessage> for Option<LastMessage> {
    fn from(row: JoinedMessage) -> Self {
        Some(LastMessage {
            role: row.m_role?,
            preview: preview_of(&row.m_preview.unwrap_or_default(), row.m_attachments),
            created_at: row.m_created_at?,
        })
    }
}

/// Returns the preview of a message: the beginning of its text or, without text, the names of its files.
fn preview_of(text: &[u8], attachments: Option<Json<Vec<Attachment>>>) -> String {
    match attachments {
        Some(Json(attachments)) if text.trim_ascii().is_empty() => {
            let names: Vec<&str> = attachments.iter().map(|attachment| attachment.name.as_str()).collect();
            preview(names.join(", ").as_bytes())
        }
        _ => preview(text),
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            agent_key: row.agent_key,
            creator_id: row.creator_id,
            title: row.title,
            status: row.status,
            pinned_at: row.pinned_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_activity_at: row.last_activity_at,
            last_message: row.last_message.into(),
            last_seq: row.last_seq,
            last_read_seq: row.last_read_seq,
            unread_count: row.unread_count,
            active_task: row.active_task.0,
            queued_count: row.queued_count,
            forked_from: row
                .forked_from_session_id
                .zip(row.forked_from_message_id)
                .map(|(chat_session_id, message_id)| ForkOrigin { chat_session_id, message_id }),
            folder: row.folder_key,
            git: row.git.into(),
        }
    }
}

/// Returns the current state of a session.
pub(in crate::store) async fn find_session(
    connection: &mut Connection,
    id: SessionId,
) -> Result<Option<Session>, StoreError> {
    let row: Option<SessionRow> =
        sqlx::query_as(concat!(select_sessions!(), "WHERE s.id = $1")).bind(id).fetch_optional(connection).await?;
    Ok(row.map(Session::from))
}

/// Selects the current state of each session that exists. [`parse_sessions`] reads the rows.
pub(in crate::store) fn select_sessions_by_id(ids: &[SessionId]) -> Query<'_> {
    sqlx::query(concat!(select_sessions!(), "WHERE s.id IN ", sqlite::listed!())).bind(Json(ids))
}

/// Reads the rows of [`select_sessions_by_id`].
pub(in crate::store) fn parse_sessions(rows: &[Row]) -> sqlx::Result<HashMap<SessionId, Session>> {
    rows.iter().map(|row| SessionRow::from_row(row).map(|row| (row.id, row.into()))).collect()
}

/// Returns the current state of each session that exists, in the order of `ids`.
pub(in crate::store) async fn list_sessions_by_id(
    connection: &mut Connection,
    ids: &[SessionId],
) -> Result<Vec<Session>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = parse_sessions(&select_sessions_by_id(ids).fetch_all(connection).await?)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

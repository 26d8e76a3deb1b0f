//! The agents' own sessions: where a conversation may go on, and when that is forgotten.
//!
//! An agent's own session is known only as of the outcome of a turn that it has seen to its end. Any other end of an
//! attempt forgets it: it may know a message that will be sent again.

use sqlx::{Row, SqliteConnection};

use super::StoreError;
use crate::{chat::sanitize_agent_text, id::SessionId};

/// An id longer than this is no id, in bytes.
const MAX_ID_BYTES: usize = 4096;

/// An agent's own session, and how much of the conversation it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The agent's id of it.
    pub id: String,
    /// The last turn that it has seen, question and answer.
    pub turn: i64,
}

/// Where an attempt at this turn may go on.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    session_id: SessionId,
    agent_key: &str,
    turn: i64,
) -> Result<Option<ResumePoint>, StoreError> {
    let row = sqlx::query(
        "SELECT resume_id, turn FROM agent_resume WHERE chat_session_id = ?1 AND agent_key = ?2 AND turn < ?3",
    )
    .bind(session_id.to_string())
    .bind(agent_key)
    .bind(turn)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(ResumePoint { id: row.try_get("resume_id")?, turn: row.try_get("turn")? })).transpose()
}

/// Remembers the agent's own session as of this turn, or forgets it.
pub(super) async fn settle(
    tx: &mut SqliteConnection,
    session_id: SessionId,
    agent_key: &str,
    turn: i64,
    resume_id: Option<&str>,
) -> Result<(), StoreError> {
    let id = resume_id.map(sanitize_agent_text).filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES);
    match id {
        Some(id) => {
            sqlx::query(
                "INSERT INTO agent_resume (chat_session_id, agent_key, resume_id, turn) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (chat_session_id, agent_key) DO UPDATE SET resume_id = ?3, turn = ?4",
            )
            .bind(session_id.to_string())
            .bind(agent_key)
            .bind(id.as_ref())
            .bind(turn)
            .execute(tx)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM agent_resume WHERE chat_session_id = ?1 AND agent_key = ?2")
                .bind(session_id.to_string())
                .bind(agent_key)
                .execute(tx)
                .await?;
        }
    }
    Ok(())
}

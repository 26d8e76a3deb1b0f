//! Stores references to the agent sessions that later attempts resume.
//!
//! The reference is stored with the outcome of a turn if the agent session contains the complete turn. Any other end of
//! an attempt deletes the reference, because the agent session may contain a message that will be sent again.

use super::{StoreError, database_driver::Connection};
use crate::{
    chat::{AgentSession, sanitize_agent_text},
    id::SessionId,
};

/// The maximum length, in bytes, of an agent session's ID and of its provider. If either is longer, the reference is
/// not stored.
const MAX_ID_BYTES: usize = 4096;

/// Stores a reference to the agent session as of this turn, or deletes the reference if there is no valid agent
/// session.
pub(super) async fn update(
    tx: &mut Connection,
    session_id: SessionId,
    agent_key: &str,
    turn: i64,
    session: Option<&AgentSession>,
) -> Result<(), StoreError> {
    let known = session.map(|session| (sanitize_agent_text(&session.id), sanitize_agent_text(&session.provider)));
    match known.filter(|(id, provider)| !id.is_empty() && id.len().max(provider.len()) <= MAX_ID_BYTES) {
        Some((id, provider)) => {
            sqlx::query(
                "INSERT INTO agent_resume (chat_session_id, agent_key, resume_id, turn, provider) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (chat_session_id, agent_key) \
                 DO UPDATE SET resume_id = $3, turn = $4, provider = $5",
            )
            .bind(session_id)
            .bind(agent_key)
            .bind(id.as_ref())
            .bind(turn)
            .bind(provider.as_ref())
            .execute(tx)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM agent_resume WHERE chat_session_id = $1 AND agent_key = $2")
                .bind(session_id)
                .bind(agent_key)
                .execute(tx)
                .await?;
        }
    }
    Ok(())
}

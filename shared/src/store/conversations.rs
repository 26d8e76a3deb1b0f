//! Reads the conversation for an attempt: the messages for the agent, and the agent session to resume.

use sqlx::FromRow as _;

use super::{Claim, Store, StoreError};
use crate::chat::{AgentSession, HistoryMessage, ResumePoint};

/// The part of the conversation that an attempt receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The newest messages, up to and including the turn's user message, oldest first.
    pub history: Vec<HistoryMessage>,
    /// The agent session to resume, if there is one.
    pub resume: Option<ResumePoint>,
}

/// Selects the messages up to and including the user's message in turn `$2`, newest first. An answer in that turn,
/// which exists only if the attempt has already ended, is not selected.
const LIST_HISTORY: &str = "SELECT m.turn, m.role, m.content FROM chat_message m \
     WHERE m.chat_session_id = $1 AND m.turn <= $2 AND (m.turn < $2 OR m.role = 'user') \
     ORDER BY m.turn DESC, m.role";

/// Selects the agent session that agent `$3` resumes for turn `$2` of session `$1`. If there is none, the columns are
/// NULL.
const FIND_RESUME: &str = "SELECT r.resume_id, r.provider, r.turn FROM chat_session s \
     LEFT JOIN agent_resume r ON r.chat_session_id = s.id AND r.agent_key = $3 AND r.turn < $2 WHERE s.id = $1";

/// The row of [`FIND_RESUME`].
#[derive(sqlx::FromRow)]
struct ResumeRow {
    resume_id: Option<String>,
    provider: Option<String>,
    turn: Option<i64>,
}

impl Store {
    /// Reads the conversation for an attempt. Messages are read from newest to oldest until their combined text exceeds
    /// `history_bytes`. The message that exceeds the limit is included, which shows the agent's driver that the
    /// conversation may have to be truncated. The turn's own message and the one before it are always included.
    ///
    /// The cost does not depend on the length of the conversation.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session was deleted, or another error if the store fails.
    pub async fn read_conversation(&self, claim: &Claim, history_bytes: usize) -> Result<Conversation, StoreError> {
        self.read(async |tx| {
            let row: Option<ResumeRow> = sqlx::query_as(FIND_RESUME)
                .bind(claim.session_id)
                .bind(claim.turn)
                .bind(&claim.agent_key)
                .fetch_optional(&mut *tx)
                .await?;
            let row = row.ok_or(StoreError::NotFound)?;
            let session = row.resume_id.zip(row.provider).map(|(id, provider)| AgentSession { id, provider });
            let resume = session.zip(row.turn).map(|(session, turn)| ResumePoint { session, turn });
            let mut history: Result<Vec<HistoryMessage>, sqlx::Error> = Ok(Vec::new());
            let mut bytes = 0_usize;
            tx.fetch_while(sqlx::query(LIST_HISTORY).bind(claim.session_id).bind(claim.turn), |row| {
                let Ok(messages) = &mut history else { return false };
                match HistoryMessage::from_row(&row) {
                    Ok(message) => {
                        bytes = bytes.saturating_add(message.content.len());
                        messages.push(message);
                        bytes <= history_bytes || messages.len() == 1
                    }
                    Err(error) => {
                        history = Err(error);
                        false
                    }
                }
            })
            .await?;
            let mut history = history?;
            history.reverse();
            Ok(Conversation { history, resume })
        })
        .await
    }
}

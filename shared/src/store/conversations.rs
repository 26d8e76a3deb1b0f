//! The conversation for an attempt, which consists of the messages and the agent session that the agent receives.

use sqlx::types::Json;

use super::{Claim, Store, StoreError, sqlite};
use crate::chat::{AgentSession, HistoryMessage, ResumePoint, Role};

/// The part of the conversation that an attempt receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The newest messages up to the turn's user message, in order.
    pub history: Vec<HistoryMessage>,
    /// The agent session to resume.
    pub resume: Option<ResumePoint>,
}

/// Selects, in one row, the messages of turn `$2` and of the turns before it until their texts exceed `$3` bytes, in any
/// order, and the agent session to resume. The driver takes longer to pass a row than the database takes to read it. A
/// turn whose messages were deleted counts as empty. An answer of turn `$2` itself is that of an earlier attempt.
const FIND_CONVERSATION: &str = concat!(
    "WITH RECURSIVE part (turn, bytes) AS (SELECT $2, 0 UNION ALL SELECT part.turn - 1, part.bytes + \
         (SELECT COALESCE(SUM(octet_length(m.content)), 0) FROM chat_message m \
             WHERE m.chat_session_id = $1 AND m.turn = part.turn AND (m.turn < $2 OR m.role = 'user')) \
         FROM part WHERE part.turn > 1 AND part.bytes <= $3) \
     SELECT (SELECT ",
    sqlite::history!(),
    " FROM part CROSS JOIN chat_message m WHERE m.chat_session_id = $1 AND m.turn = part.turn \
         AND (m.turn < $2 OR m.role = 'user')) AS history, \
     r.resume_id, r.provider AS resume_provider, r.turn AS resume_turn FROM chat_session s \
     LEFT JOIN agent_resume r ON r.chat_session_id = s.id AND r.agent_key = $4 AND r.turn < $2 WHERE s.id = $1"
);

/// The row of [`FIND_CONVERSATION`].
#[derive(sqlx::FromRow)]
struct ConversationRow {
    history: Json<Vec<HistoryMessage>>,
    resume_id: Option<String>,
    resume_provider: Option<String>,
    resume_turn: Option<i64>,
}

impl Store {
    /// Reads the conversation for an attempt: the newest messages, up to and including the first one that makes their
    /// combined text exceed `history_bytes`. That message shows the agent's driver that the conversation was truncated.
    ///
    /// The cost does not depend on the length of the conversation.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session was deleted, or another error if the store fails.
    pub async fn read_conversation(&self, claim: &Claim, history_bytes: usize) -> Result<Conversation, StoreError> {
        let row = sqlx::query_as::<_, ConversationRow>(FIND_CONVERSATION)
            .bind(claim.session_id)
            .bind(claim.turn)
            .bind(i64::try_from(history_bytes).unwrap_or(i64::MAX))
            .bind(&claim.agent_key)
            .fetch_optional(&self.inner.readers)
            .await?
            .ok_or(StoreError::NotFound)?;
        let session = row.resume_id.zip(row.resume_provider).map(|(id, provider)| AgentSession { id, provider });
        let resume = session.zip(row.resume_turn).map(|(session, turn)| ResumePoint { session, turn });
        Ok(Conversation { history: cut(row.history.0, history_bytes), resume })
    }
}

/// Returns the newest messages, in order, up to and including the first one that makes their combined text exceed the
/// limit. The turn's own message is always included, even if it exceeds the limit by itself.
fn cut(mut messages: Vec<HistoryMessage>, history_bytes: usize) -> Vec<HistoryMessage> {
    messages.sort_by_key(|message| (message.turn, message.role == Role::Assistant));
    let mut bytes = 0_usize;
    let mut first = messages.len();
    while first > 0 && (bytes <= history_bytes || first == messages.len() - 1) {
        first -= 1;
        bytes = bytes.saturating_add(messages.get(first).map_or(0, |message| message.content.len()));
    }
    messages.split_off(first)
}

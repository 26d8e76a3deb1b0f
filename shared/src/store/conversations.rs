//! The conversation of an attempt: the messages and the agent session that the agent receives.

use futures::TryStreamExt as _;
use sqlx::SqliteConnection;

use super::{Claim, Store, StoreError, resume};
use crate::chat::{HistoryMessage, ResumePoint, Role};

/// The part of the conversation that an attempt receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The newest messages up to the turn's user message, in order.
    pub history: Vec<HistoryMessage>,
    /// The agent session to resume.
    pub resume: Option<ResumePoint>,
}

impl Store {
    /// Reads the conversation for an attempt from one snapshot: the newest messages, up to the first one with which
    /// their texts exceed `history_bytes`. That message shows the agent's driver that the conversation was cut.
    ///
    /// The cost does not depend on the length of the conversation.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn read_conversation(&self, claim: &Claim, history_bytes: usize) -> Result<Conversation, StoreError> {
        let mut tx = self.begin_read().await?;
        let mut history = read_backward(&mut tx, claim, history_bytes).await?;
        history.reverse();
        let resume = resume::find(&mut tx, claim.session_id, &claim.agent_key, claim.turn).await?;
        Ok(Conversation { history, resume })
    }
}

/// Reads messages, newest first, until their texts exceed the limit.
async fn read_backward(
    connection: &mut SqliteConnection,
    claim: &Claim,
    history_bytes: usize,
) -> Result<Vec<HistoryMessage>, StoreError> {
    let mut rows = sqlx::query_as::<_, HistoryMessage>(
        "SELECT turn, role, content FROM chat_message WHERE chat_session_id = $1 AND turn <= $2 \
         ORDER BY turn DESC, role",
    )
    .bind(claim.session_id)
    .bind(claim.turn)
    .fetch(connection);
    let mut history: Vec<HistoryMessage> = Vec::new();
    let mut bytes = 0_usize;
    while let Some(message) = rows.try_next().await? {
        if message.turn == claim.turn && message.role == Role::Assistant {
            continue;
        }
        bytes = bytes.saturating_add(message.content.len());
        // The turn's own message is always sent, even if it exceeds the limit by itself.
        let is_last = bytes > history_bytes && !history.is_empty();
        history.push(message);
        if is_last {
            break;
        }
    }
    Ok(history)
}

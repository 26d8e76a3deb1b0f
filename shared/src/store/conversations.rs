//! Reads the conversation for an attempt: the messages for the agent, and the agent session to resume.

use sqlx::{FromRow as _, types::Json};

use super::{Claim, Store, StoreError, database_driver::Connection};
use crate::{
    chat::{AgentSession, Attachment, HistoryMessage, ResumePoint, Role},
    id::SessionId,
};

/// The part of the conversation that an attempt receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The newest messages, up to and including the turn's user message, oldest first.
    pub history: Vec<HistoryMessage>,
    /// The agent session to resume, if there is one.
    pub resume: Option<ResumePoint>,
    /// Changes whenever turns leave the transcript. Agent sessions from before contain other turns.
    pub path_revision: i64,
}

/// Selects the messages of the turns from `$3` to `$4`, newest first. Of turn `$2`, only the user's message is
/// selected: an answer exists only if the attempt has already ended.
const LIST_HISTORY: &str = "SELECT m.turn, m.role, m.content, m.attachments FROM chat_message m \
     WHERE m.chat_session_id = $1 AND m.turn BETWEEN $3 AND $4 AND (m.turn < $2 OR m.role = 'user') \
     ORDER BY m.turn DESC, m.role";

/// The number of turns in the first read of the history, which suffices for most prompts. Each further read covers
/// twice as many.
const FIRST_TURNS: i64 = 8;
/// The maximum number of turns in one read.
const MAX_TURNS: i64 = 64;

/// Selects the agent session that agent `$3` resumes for turn `$2` of session `$1`. If there is none, the columns are
/// NULL.
const FIND_RESUME: &str = "SELECT r.resume_id, r.provider, r.turn, s.path_revision FROM chat_session s \
     LEFT JOIN agent_resume r ON r.chat_session_id = s.id AND r.agent_key = $3 AND r.turn < $2 WHERE s.id = $1";

/// A row of [`LIST_HISTORY`].
#[derive(sqlx::FromRow)]
struct HistoryRow {
    turn: i64,
    role: Role,
    content: String,
    attachments: Option<Json<Vec<Attachment>>>,
}

impl From<HistoryRow> for HistoryMessage {
    fn from(row: HistoryRow) -> Self {
        let attachments = row.attachments.map(|Json(attachments)| attachments).unwrap_or_default();
        Self { turn: row.turn, role: row.role, content: row.content, attachments }
    }
}

/// The row of [`FIND_RESUME`].
#[derive(sqlx::FromRow)]
struct ResumeRow {
    resume_id: Option<String>,
    provider: Option<String>,
    turn: Option<i64>,
    path_revision: i64,
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
            let find_resume = sqlx::query(FIND_RESUME).bind(claim.session_id).bind(claim.turn).bind(&claim.agent_key);
            let list_history = |first: i64, last: i64| {
                sqlx::query(LIST_HISTORY).bind(claim.session_id).bind(claim.turn).bind(first).bind(last)
            };
            let mut turns = FIRST_TURNS;
            let mut first = claim.turn - turns + 1;
            let [resume, mut rows] = tx.fetch_together([find_resume, list_history(first, claim.turn)]).await?;
            let row = ResumeRow::from_row(resume.first().ok_or(StoreError::NotFound)?)?;
            let path_revision = row.path_revision;
            let session = row.resume_id.zip(row.provider).map(|(id, provider)| AgentSession { id, provider });
            let resume = session.zip(row.turn).map(|(session, turn)| ResumePoint { session, turn });
            let mut history: Vec<HistoryMessage> = Vec::new();
            let mut bytes = 0_usize;
            'reads: loop {
                for row in &rows {
                    let message = HistoryMessage::from(HistoryRow::from_row(row)?);
                    bytes = bytes.saturating_add(message.content.len());
                    history.push(message);
                    if bytes > history_bytes && history.len() > 1 {
                        break 'reads;
                    }
                }
                // The turns of other branches may be between those of the transcript.
                let Some(last) = find_last_before(tx, claim.session_id, first).await? else { break };
                turns = (2 * turns).min(MAX_TURNS);
                first = last - turns + 1;
                rows = list_history(first, last).fetch_all(&mut *tx).await?;
            }
            history.reverse();
            Ok(Conversation { history, resume, path_revision })
        })
        .await
    }
}

/// Returns the last turn of the transcript before the given one.
async fn find_last_before(tx: &mut Connection, session_id: SessionId, turn: i64) -> Result<Option<i64>, StoreError> {
    if turn <= 1 {
        return Ok(None);
    }
    let query = sqlx::query_scalar("SELECT MAX(turn) FROM chat_message WHERE chat_session_id = $1 AND turn < $2");
    Ok(query.bind(session_id).bind(turn).fetch_one(tx).await?)
}

//! Searches the messages of a session.

use super::{Store, StoreError, database_driver::Connection, sessions::owned_session};
use crate::{
    chat::{Role, Session, Snippet, TextQuery, UserRef},
    clock::Timestamp,
    id::{MessageId, SessionId},
};

/// The number of messages per read.
const BATCH: i64 = 64;
/// The maximum size, in bytes, of the messages that one search examines. The next page continues after them.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A position in a search: the last message that was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchPosition {
    /// The turn of the message.
    pub turn: i64,
    /// The role of the message. In each turn, the answer is examined first.
    pub role: Role,
}

/// A message that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchMatch {
    /// The message.
    pub message_id: MessageId,
    /// The turn of the message.
    pub turn: i64,
    /// The role of the message.
    pub role: Role,
    /// When the message was created.
    pub created_at: Timestamp,
    /// The part of the message around the first match.
    pub snippet: Snippet,
}

/// A page of matches.
#[derive(Clone, Debug)]
pub struct SearchPage {
    /// The session.
    pub session: Session,
    /// The matches, newest turns first.
    pub items: Vec<SearchMatch>,
    /// Where the next page starts, if there may be more matches. The page itself may be empty.
    pub next: Option<SearchPosition>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: MessageId,
    turn: i64,
    role: Role,
    content: String,
    created_at: Timestamp,
}

async fn batch(connection: &mut Connection, session_id: SessionId, to_turn: i64) -> Result<Vec<Row>, StoreError> {
    let query = sqlx::query_as(
        "SELECT id, turn, role, content, created_at FROM chat_message \
         WHERE chat_session_id = $1 AND turn <= $2 ORDER BY turn DESC, role LIMIT $3 + 0",
    );
    Ok(query.bind(session_id).bind(to_turn).bind(BATCH).fetch_all(connection).await?)
}

impl Store {
    /// Searches a session for messages that match, starting after a position.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn search_session(
        &self,
        user: &UserRef,
        session_id: SessionId,
        query: &TextQuery,
        after: Option<SearchPosition>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        self.read(async |connection| {
            let session = owned_session(connection, user, session_id).await?;
            let (mut items, mut last, mut bytes) = (Vec::new(), after, 0);
            loop {
                let rows = batch(connection, session_id, last.map_or(i64::MAX, |last| last.turn)).await?;
                let is_final = i64::try_from(rows.len()).is_ok_and(|count| count < BATCH);
                for row in rows {
                    let position = SearchPosition { turn: row.turn, role: row.role };
                    if last.is_some_and(|last| !is_after(position, last)) {
                        continue;
                    }
                    if items.len() == limit || bytes > MAX_BYTES {
                        return Ok(SearchPage { session, items, next: last });
                    }
                    bytes += row.content.len();
                    last = Some(position);
                    if let Some(snippet) = query.find(&row.content) {
                        let Row { id: message_id, turn, role, created_at, .. } = row;
                        items.push(SearchMatch { message_id, turn, role, created_at, snippet });
                    }
                }
                if is_final {
                    return Ok(SearchPage { session, items, next: None });
                }
            }
        })
        .await
    }
}

/// Returns whether a message is examined after another one.
fn is_after(position: SearchPosition, other: SearchPosition) -> bool {
    position.turn < other.turn
        || (position.turn == other.turn && position.role == Role::User && other.role == Role::Assistant)
}

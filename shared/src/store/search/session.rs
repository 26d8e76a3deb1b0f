//! Searches the messages of one session by reading them.

use super::{Extent, FoundMessage, Hits, SearchHit, SearchText};
use crate::{
    chat::{Role, Session},
    clock::Timestamp,
    id::{MessageId, SessionId},
    store::{StoreError, database_driver::Connection},
};

/// The number of messages per read.
const BATCH: i64 = 64;
/// The maximum size, in bytes, of the messages that one search examines. The next page continues after them.
const MAX_BYTES: usize = 4 * 1024 * 1024;

#[derive(sqlx::FromRow)]
struct Row {
    id: MessageId,
    turn: i64,
    role: Role,
    content: String,
    created_at: Timestamp,
}

impl Row {
    /// Returns the position in the transcript. In each turn, the answer is newer than the question.
    fn key(&self) -> i64 {
        2 * self.turn + i64::from(self.role == Role::Assistant)
    }
}

async fn batch(connection: &mut Connection, session_id: SessionId, to_turn: i64) -> Result<Vec<Row>, StoreError> {
    let query = sqlx::query_as(
        "SELECT id, turn, role, content, created_at FROM chat_message \
         WHERE chat_session_id = $1 AND turn <= $2 ORDER BY turn DESC, role LIMIT $3 + 0",
    );
    Ok(query.bind(session_id).bind(to_turn).bind(BATCH).fetch_all(connection).await?)
}

/// Returns the newest hits of a session. Their keys are made from the turns and the roles of the messages.
pub(super) async fn find_hits(
    connection: &mut Connection,
    session: &Session,
    text: &SearchText,
    extent: Extent,
) -> Result<Hits, StoreError> {
    let (mut items, mut last, mut bytes) = (Vec::new(), extent.before, 0);
    loop {
        let rows = batch(connection, session.id, last / 2).await?;
        let is_final = i64::try_from(rows.len()).is_ok_and(|count| count < BATCH);
        for row in rows {
            let key = row.key();
            if key >= last {
                continue;
            }
            if items.len() == extent.limit || bytes > MAX_BYTES {
                return Ok(Hits { items, next: Some(last) });
            }
            bytes += row.content.len();
            last = key;
            if let Some((snippet, score)) = text.find(&row.content) {
                items.push(SearchHit {
                    session_id: session.id,
                    title: session.title.clone(),
                    status: session.status,
                    agent_key: session.agent_key.clone(),
                    message: Some(FoundMessage { id: row.id, turn: row.turn, role: row.role }),
                    created_at: row.created_at,
                    snippet,
                    key,
                    score,
                });
            }
        }
        if is_final {
            return Ok(Hits { items, next: None });
        }
    }
}

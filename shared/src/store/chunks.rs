//! The text of answers in progress, stored in chunks.

use super::{Change, Store, StoreError, database_driver::Connection};
use crate::{
    chat::UserRef,
    event::Hints,
    id::{MessageId, SessionId, TaskId},
};

/// A chunk of an answer in progress.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredChunk {
    /// The task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The offset at which the chunk starts, in bytes of UTF-8.
    pub start_offset: i64,
    /// The text.
    #[sqlx(rename = "content")]
    pub text: String,
}

impl StoredChunk {
    /// Returns the offset at which the next chunk starts.
    #[must_use]
    pub fn end_offset(&self) -> i64 {
        self.start_offset + i64::try_from(self.text.len()).unwrap_or(0)
    }
}

/// A chunk with all the information that a stream needs to send it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ChunkRow {
    pub(super) id: i64,
    pub(super) stripe: i64,
    /// The log of the session's owner.
    pub user_log_id: i64,
    /// The session.
    #[sqlx(rename = "chat_session_id")]
    pub session_id: SessionId,
    /// The ID that the answer will have once it is stored.
    #[sqlx(rename = "answer_message_id")]
    pub message_id: MessageId,
    /// The chunk.
    #[sqlx(flatten)]
    pub chunk: StoredChunk,
}

/// Returns an attempt's text so far.
pub(super) async fn text_so_far(
    connection: &mut Connection,
    task_id: TaskId,
    attempt: i64,
) -> Result<String, StoreError> {
    let pieces: Vec<String> = sqlx::query_scalar(
        "SELECT content FROM answer_chunk WHERE task_id = $1 AND attempt = $2 ORDER BY start_offset",
    )
    .bind(task_id)
    .bind(attempt)
    .fetch_all(connection)
    .await?;
    Ok(pieces.concat())
}

/// Selects the chunks of running attempts; must be followed by `WHERE` and `ORDER BY`. The rows are [`ChunkRow`]s.
macro_rules! select_chunk_rows {
    () => {
        "SELECT c.id, c.stripe, c.task_id, c.attempt, c.start_offset, c.content, t.answer_message_id, \
         t.chat_session_id, u.id AS user_log_id FROM answer_chunk c \
         JOIN agent_task t ON t.id = c.task_id AND t.attempt = c.attempt AND t.status = 'running' \
         JOIN chat_session s ON s.id = t.chat_session_id \
         JOIN user_log u ON u.workspace_id = s.workspace_id AND u.user_id = s.creator_id "
    };
}

pub(super) use select_chunk_rows;

impl Store {
    /// Stores the next chunk of an answer in progress.
    ///
    /// # Errors
    /// Returns [`StoreError::LeaseLost`] if the attempt has ended.
    pub async fn append_chunk(&self, user: &UserRef, chunk: &StoredChunk) -> Result<Change<()>, StoreError> {
        self.write_for(user, async |tx| {
            if chunk.start_offset == 0 && chunk.attempt > 1 {
                // Only the text of the latest attempt that has any text is kept.
                sqlx::query("DELETE FROM answer_chunk WHERE task_id = $1 AND attempt < $2")
                    .bind(chunk.task_id)
                    .bind(chunk.attempt)
                    .execute(&mut *tx)
                    .await?;
            }
            let inserted = sqlx::query(
                "INSERT INTO answer_chunk (task_id, attempt, start_offset, end_offset, content, stripe) \
                 SELECT $1, $2, $3, $4, $5, $6 \
                 WHERE EXISTS (SELECT 1 FROM agent_task WHERE id = $1 AND attempt = $2 AND status = 'running') \
                 ON CONFLICT (task_id, attempt, start_offset) DO UPDATE SET end_offset = $4, content = $5",
            )
            .bind(chunk.task_id)
            .bind(chunk.attempt)
            .bind(chunk.start_offset)
            .bind(chunk.end_offset())
            .bind(&chunk.text)
            .bind(tx.stripe_of(user).number())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if inserted == 0 {
                return Err(StoreError::LeaseLost);
            }
            Ok(Change::new((), Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

//! Appends events to users' event logs within the transaction of a change, and reads the head of a log.

use super::{Store, StoreError, database_driver::Connection};
use crate::{
    chat::UserRef,
    clock::Timestamp,
    event::{Cursor, Epoch, EventRef},
};

/// A user's log and its current head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The log.
    pub user_log_id: i64,
    /// The head, which is the position after the last event.
    pub head: Cursor,
}

/// Reserves the next number in a user's log for an event.
pub(super) const COUNT_EVENT: &str =
    "UPDATE user_log SET last_seq = last_seq + 1 WHERE workspace_id = $workspace_id AND user_id = $user_id";

/// Appends the `message.created` event for a user's message, with the number reserved by [`COUNT_EVENT`].
pub(super) const LOG_USER_MESSAGE: &str = "INSERT INTO event_log \
     (stripe, user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at) \
     SELECT $stripe, id, last_seq, 'message.created', $session_id, $user_message_id, 'user', $task_id, $now FROM user_log \
     WHERE workspace_id = $workspace_id AND user_id = $user_id";

/// Appends the `message.created` event for an answer, with the number reserved by [`COUNT_EVENT`].
pub(super) const LOG_ANSWER: &str = "INSERT INTO event_log \
     (stripe, user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at) \
     SELECT $stripe, id, last_seq, 'message.created', $session_id, $answer_message_id, 'assistant', $task_id, $now \
     FROM user_log WHERE workspace_id = $workspace_id AND user_id = $user_id";

/// Appends a `task.updated` event, with the number reserved by [`COUNT_EVENT`].
pub(super) const LOG_TASK_UPDATED: &str = "INSERT INTO event_log \
     (stripe, user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at) \
     SELECT $stripe, id, last_seq, 'task.updated', $session_id, $user_message_id, 'user', $task_id, $now FROM user_log \
     WHERE workspace_id = $workspace_id AND user_id = $user_id";

/// Appends events to a user's log within the transaction of the change that they describe.
pub(super) async fn append(
    tx: &mut Connection,
    user: &UserRef,
    at: Timestamp,
    events: &[EventRef],
) -> Result<(), StoreError> {
    let stripe = tx.stripe_of(user).number();
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let (log_id, last_seq): (i64, i64) = sqlx::query_as(
        "INSERT INTO user_log (workspace_id, user_id, epoch, last_seq) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET last_seq = user_log.last_seq + $4 RETURNING id, last_seq",
    )
    .bind(&user.workspace_id)
    .bind(&user.user_id)
    .bind(Epoch::generate())
    .bind(count)
    .fetch_one(&mut *tx)
    .await?;
    for (seq, event) in (last_seq - count + 1..).zip(events) {
        sqlx::query(
            "INSERT INTO event_log \
             (user_log_id, seq, kind, chat_session_id, message_id, message_role, task_id, at, stripe) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(log_id)
        .bind(seq)
        .bind(event.kind)
        .bind(event.session_id)
        .bind(event.message.map(|(id, _)| id))
        .bind(event.message.map(|(_, role)| role))
        .bind(event.task_id)
        .bind(at)
        .bind(stripe)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Returns the head of a user's log in the transaction's snapshot.
pub(super) async fn head(connection: &mut Connection, user: &UserRef) -> Result<LogPosition, StoreError> {
    let (user_log_id, epoch, seq): (i64, Epoch, i64) =
        sqlx::query_as("SELECT id, epoch, last_seq FROM user_log WHERE workspace_id = $1 AND user_id = $2")
            .bind(&user.workspace_id)
            .bind(&user.user_id)
            .fetch_optional(connection)
            .await?
            .ok_or_else(|| StoreError::Corrupt(format!("no event log for {user}")))?;
    Ok(LogPosition { user_log_id, head: Cursor { epoch, seq } })
}

impl Store {
    /// Creates a user's log if it does not exist. Must be called before any other operation for this user.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn ensure_user(&self, user: &UserRef) -> Result<(), StoreError> {
        let found = self
            .read(async |tx| {
                Ok(sqlx::query_scalar::<_, i64>("SELECT 1 FROM user_log WHERE workspace_id = $1 AND user_id = $2")
                    .bind(&user.workspace_id)
                    .bind(&user.user_id)
                    .fetch_optional(tx)
                    .await?)
            })
            .await?;
        if found.is_none() {
            self.write_for(user, async |tx| append(tx, user, self.inner.clock.now(), &[]).await).await?;
        }
        Ok(())
    }
}

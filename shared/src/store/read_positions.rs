//! Moves read positions. A session's read position is the last message that its owner has read. Triggers maintain the
//! session's number of unread answers.

use super::{Change, Store, StoreError, database_driver::Connection, events, sessions::owned_session};
use crate::{
    chat::{Session, UserRef},
    event::{EventRef, Hints, LogKind},
    id::SessionId,
};

impl Store {
    /// Advances the read position to the message with this `seq`, or to the last message if `seq` is beyond it; never
    /// moves the position back. Returns the session.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn mark_read(&self, user: &UserRef, id: SessionId, seq: i64) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let before = owned_session(tx, user, id).await?;
            let target = before.last_read_seq.max(seq.clamp(0, before.last_seq));
            self.move_read_position(tx, user, before, target).await
        })
        .await
    }

    /// Moves the read position back to just before the last answer, unless it is already there or earlier. Returns the
    /// session.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn mark_unread(&self, user: &UserRef, id: SessionId) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let before = owned_session(tx, user, id).await?;
            let last_answer: Option<i64> = sqlx::query_scalar(
                "SELECT seq FROM chat_message WHERE chat_session_id = $1 AND role = 'assistant' ORDER BY seq DESC LIMIT 1",
            )
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
            let target = last_answer.map_or(before.last_read_seq, |seq| before.last_read_seq.min(seq - 1));
            self.move_read_position(tx, user, before, target).await
        })
        .await
    }

    async fn move_read_position(
        &self,
        tx: &mut Connection,
        user: &UserRef,
        before: Session,
        target: i64,
    ) -> Result<Change<Session>, StoreError> {
        if target == before.last_read_seq {
            return Ok(Change::nothing(before));
        }
        sqlx::query("UPDATE chat_session SET last_read_seq = $2 WHERE id = $1")
            .bind(before.id)
            .bind(target)
            .execute(&mut *tx)
            .await?;
        let read = EventRef::session(LogKind::SessionRead, before.id);
        events::append(tx, user, self.inner.clock.now(), &[read]).await?;
        let session = owned_session(tx, user, before.id).await?;
        Ok(Change::new(session, Hints { users: vec![user.clone()], ..Hints::default() }))
    }
}

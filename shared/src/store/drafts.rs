//! Drafts. Each session has at most one, which belongs to the session's owner.

use super::{Change, Store, StoreError, database_driver::Connection, sessions::owned_session};
use crate::{
    chat::{Draft, DraftText, UserRef},
    event::Hints,
    id::SessionId,
};

/// A draft with all the information that a stream needs to send it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DraftRow {
    pub(super) stripe: i64,
    /// The log of the session's owner.
    pub user_log_id: i64,
    /// The session.
    #[sqlx(rename = "chat_session_id")]
    pub session_id: SessionId,
    /// The draft.
    #[sqlx(flatten)]
    pub draft: Draft,
}

/// The result of a change to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftChange {
    /// The new draft.
    Stored(Draft),
    /// Nothing was changed, because the change was based on another revision. This is the stored draft.
    Conflict(Draft),
}

async fn find(connection: &mut Connection, session_id: SessionId) -> Result<Draft, StoreError> {
    let query = sqlx::query_as("SELECT text, revision FROM chat_draft WHERE chat_session_id = $1");
    Ok(query.bind(session_id).fetch_optional(connection).await?.unwrap_or_default())
}

/// Selects drafts with their owners' logs; must be followed by `AND` conditions and `ORDER BY`. The rows are
/// [`DraftRow`]s.
macro_rules! select_draft_rows {
    () => {
        "SELECT u.id AS user_log_id, d.stripe, d.chat_session_id, d.text, d.revision FROM chat_draft d \
         CROSS JOIN chat_session c CROSS JOIN user_log u \
         WHERE c.id = d.chat_session_id AND u.workspace_id = c.workspace_id AND u.user_id = c.creator_id "
    };
}

pub(super) use select_draft_rows;

impl Store {
    /// Returns the draft of a session.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn find_draft(&self, user: &UserRef, session_id: SessionId) -> Result<Draft, StoreError> {
        self.read(async |connection| {
            owned_session(connection, user, session_id).await?;
            find(connection, session_id).await
        })
        .await
    }

    /// Replaces the draft of a session if its revision is still `base`.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn write_draft(
        &self,
        user: &UserRef,
        session_id: SessionId,
        text: &DraftText,
        base: i64,
    ) -> Result<Change<DraftChange>, StoreError> {
        self.write_for(user, async |tx| {
            owned_session(tx, user, session_id).await?;
            let stored = find(tx, session_id).await?;
            if stored.revision != base {
                return Ok(Change::nothing(DraftChange::Conflict(stored)));
            }
            if stored.text == text.as_str() {
                return Ok(Change::nothing(DraftChange::Stored(stored)));
            }
            let stripe = tx.stripe_of(user).number();
            let revision =
                sqlx::query_scalar("UPDATE draft_revision SET last = last + 1 WHERE stripe = $1 RETURNING last")
                    .bind(stripe)
                    .fetch_one(&mut *tx)
                    .await?;
            sqlx::query(
                "INSERT INTO chat_draft (chat_session_id, text, stripe, revision) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (chat_session_id) DO UPDATE SET text = excluded.text, stripe = excluded.stripe, \
                 revision = excluded.revision",
            )
            .bind(session_id)
            .bind(text.as_str())
            .bind(stripe)
            .bind(revision)
            .execute(tx)
            .await?;
            let draft = Draft { text: text.as_str().to_owned(), revision };
            Ok(Change::new(DraftChange::Stored(draft), Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

//! The files that agents have changed.

use sqlx::types::Json;

use super::{Claim, Store, StoreError, database_driver::Connection};
use crate::{
    chat::{ChangeCounts, ChangedFile},
    id::SessionId,
};

/// The number under which the changes of a whole session are stored. Turns start at 1.
const WHOLE_SESSION: i64 = 0;

/// The files that a turn has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnChanges {
    /// The changes of the turn.
    pub of_turn: Vec<ChangedFile>,
    /// The changes since the start of the session.
    pub of_session: Vec<ChangedFile>,
}

impl Store {
    /// Stores what a running attempt has changed. The changes of an earlier attempt at the turn are replaced.
    ///
    /// # Errors
    /// Returns [`StoreError::LeaseLost`] if the attempt has ended.
    pub async fn record_changes(&self, claim: &Claim, changes: &TurnChanges) -> Result<(), StoreError> {
        let counts = ChangeCounts::of(&changes.of_turn);
        self.write_for(&claim.user, async |tx| {
            let updated = sqlx::query(
                "UPDATE agent_task SET changed_files = $3, added_lines = $4, deleted_lines = $5 \
                 WHERE id = $1 AND attempt = $2 AND status = 'running'",
            )
            .bind(claim.task_id)
            .bind(claim.attempt)
            .bind(counts.files)
            .bind(counts.additions)
            .bind(counts.deletions)
            .execute(&mut *tx)
            .await?;
            if updated.rows_affected() == 0 {
                return Err(StoreError::LeaseLost);
            }
            replace(tx, claim.session_id, claim.turn, &changes.of_turn).await?;
            replace(tx, claim.session_id, WHOLE_SESSION, &changes.of_session).await
        })
        .await
    }

    /// Returns the files that a turn has changed, or all turns of a session if `turn` is `None`.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_changes(&self, session_id: SessionId, turn: Option<i64>) -> Result<Vec<ChangedFile>, StoreError> {
        let files: Option<Json<Vec<ChangedFile>>> = self
            .read(async |tx| {
                let query =
                    sqlx::query_scalar("SELECT files FROM turn_changes WHERE chat_session_id = $1 AND turn = $2");
                Ok(query.bind(session_id).bind(turn.unwrap_or(WHOLE_SESSION)).fetch_optional(tx).await?)
            })
            .await?;
        Ok(files.map(|Json(files)| files).unwrap_or_default())
    }
}

/// Replaces the changes under a number.
async fn replace(
    tx: &mut Connection,
    session_id: SessionId,
    number: i64,
    files: &[ChangedFile],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO turn_changes (chat_session_id, turn, files) VALUES ($1, $2, $3) \
         ON CONFLICT (chat_session_id, turn) DO UPDATE SET files = excluded.files",
    )
    .bind(session_id)
    .bind(number)
    .bind(Json(files))
    .execute(tx)
    .await?;
    Ok(())
}

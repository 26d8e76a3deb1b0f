//! The files that agents have changed.

use sqlx::types::Json;

use super::{Change, Claim, Store, StoreError, database_driver::Connection, events};
use crate::{
    chat::{ChangeCounts, ChangedFile, GitState},
    event::{EventRef, Hints, LogKind},
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

    /// Stores the state of the git repository in which the agent of a claim works. Does nothing if the state is unchanged,
    /// or if the session has been deleted.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn record_git_state(&self, claim: &Claim, state: &GitState) -> Result<Change<()>, StoreError> {
        let (user, session_id) = (&claim.user, claim.session_id);
        self.write_for(user, async |tx| {
            let written = sqlx::query(
                "INSERT INTO session_git (chat_session_id, branch, base, ahead, dirty) \
                 SELECT id, $2, $3, $4, $5 FROM chat_session WHERE id = $1 \
                 ON CONFLICT (chat_session_id) DO UPDATE SET \
                 branch = excluded.branch, base = excluded.base, ahead = excluded.ahead, dirty = excluded.dirty \
                 WHERE session_git.branch IS DISTINCT FROM excluded.branch \
                 OR session_git.base IS DISTINCT FROM excluded.base \
                 OR session_git.ahead IS DISTINCT FROM excluded.ahead OR session_git.dirty <> excluded.dirty",
            )
            .bind(session_id)
            .bind(&state.branch)
            .bind(&state.base)
            .bind(state.ahead)
            .bind(i64::from(state.dirty))
            .execute(&mut *tx)
            .await?;
            if written.rows_affected() == 0 {
                return Ok(Change::nothing(()));
            }
            let log = [EventRef::session(LogKind::SessionUpdated, session_id)];
            events::append(tx, user, self.inner.clock.now(), &log).await?;
            Ok(Change::new((), Hints { users: vec![user.clone()], ..Hints::default() }))
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

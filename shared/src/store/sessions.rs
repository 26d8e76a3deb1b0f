//! Creates, changes, archives, and deletes sessions.

use sqlx::{FromRow as _, Row as _};

use super::{
    Change, IdempotencyKey, Store, StoreError,
    attempts::{ARCHIVED_WHILE_QUEUED, end_archived},
    database_driver::Connection,
    events,
    folders::FolderChoice,
    idempotency,
    jobs::withdraw_jobs,
    rows,
};
use crate::{
    chat::{ErrorCode, Session, SessionStatus, Title, UserRef},
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The properties of a new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The agent that answers.
    pub agent_key: String,
    /// The title set by the user, if any.
    pub title: Option<Title>,
    /// The folder in which the agent works; `None` for an empty one.
    pub folder: Option<FolderChoice>,
}

/// The agent of a session, and where it works.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Workplace {
    /// The key of the agent that answers the next message.
    pub agent_key: String,
    /// The key of the folder; `None` for an empty one.
    #[sqlx(rename = "folder_key")]
    pub folder: Option<String>,
}

/// The changes to a session; `None` leaves a property unchanged.
#[derive(Clone, Debug, Default)]
pub struct SessionPatch {
    /// The title set by the user.
    pub title: Option<Title>,
    /// The agent that answers from the next turn on.
    pub agent_key: Option<String>,
    /// Archives or restores the session.
    pub status: Option<SessionStatus>,
    /// Pins or unpins the session.
    pub pinned: Option<bool>,
}

/// Returns one of this user's sessions, within a transaction.
pub(super) async fn owned_session(
    connection: &mut Connection,
    user: &UserRef,
    id: SessionId,
) -> Result<Session, StoreError> {
    rows::find_session(connection, id)
        .await?
        .filter(|session| session.workspace_id == user.workspace_id && session.creator_id == user.user_id)
        .ok_or(StoreError::NotFound)
}

/// Updates the time of a session's last change.
pub(super) async fn touch_session(tx: &mut Connection, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE chat_session SET updated_at = $2 WHERE id = $1").bind(id).bind(now).execute(tx).await?;
    Ok(())
}

/// Returns the session that an earlier request with this key created, if there is one.
pub(super) async fn find_created(
    connection: &mut Connection,
    user: &UserRef,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let Some(earlier) = idempotency::find(connection, user, key, now).await? else { return Ok(None) };
    rows::find_session(connection, earlier.session_id).await?.ok_or(StoreError::MessageGone).map(Some)
}

impl Store {
    /// Returns the agent and the folder of a session; `None` if the session does not exist or belongs to another user.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_workplace(&self, user: &UserRef, id: SessionId) -> Result<Option<Workplace>, StoreError> {
        let query = sqlx::query(
            "SELECT agent_key, folder_key FROM chat_session WHERE id = $1 AND workspace_id = $2 AND creator_id = $3",
        )
        .bind(id)
        .bind(&user.workspace_id)
        .bind(&user.user_id);
        let found = self.read_row(query).await?;
        Ok(found.as_ref().map(Workplace::from_row).transpose()?)
    }

    /// Returns a session.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn get_session(&self, user: &UserRef, id: SessionId) -> Result<Session, StoreError> {
        self.read(async |tx| owned_session(tx, user, id).await).await
    }

    /// Lists the IDs of all of a user's sessions, in the order of their creation.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_session_ids(&self, user: &UserRef) -> Result<Vec<SessionId>, StoreError> {
        let query = sqlx::query("SELECT id FROM chat_session WHERE workspace_id = $1 AND creator_id = $2");
        let rows = self.read_rows(query.bind(&user.workspace_id).bind(&user.user_id)).await?;
        let mut ids: Vec<SessionId> = rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// Creates a session. If the key was already used for the same request, returns the session that was created then.
    ///
    /// # Errors
    /// Returns [`StoreError::IdempotencyMismatch`], or [`StoreError::MessageGone`] if the session has since been
    /// deleted.
    pub async fn create_session(
        &self,
        user: &UserRef,
        new: NewSession,
        key: Option<IdempotencyKey>,
    ) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let now = self.inner.clock.now();
            if let Some(key) = &key
                && let Some(session) = find_created(tx, user, key, now).await?
            {
                return Ok(Change::nothing(session));
            }
            let id = SessionId::generate();
            sqlx::query(
                "INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, title, title_is_manual, created_at, \
                 updated_at, last_activity_at, title_folded, folder_key, base) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8, $9, $10)",
            )
            .bind(id)
            .bind(&user.workspace_id)
            .bind(&new.agent_key)
            .bind(&user.user_id)
            .bind(new.title.as_ref().map_or("", Title::as_str))
            .bind(new.title.as_ref().is_some_and(|title| !title.as_str().is_empty()))
            .bind(now)
            .bind(new.title.as_ref().map(Title::folded).unwrap_or_default())
            .bind(new.folder.as_ref().map(|folder| &folder.key))
            .bind(new.folder.as_ref().and_then(|folder| folder.base.as_ref()))
            .execute(&mut *tx)
            .await?;
            events::append(tx, user, now, &[EventRef::session(LogKind::SessionCreated, id)]).await?;
            if let Some(key) = &key {
                idempotency::insert(tx, user, key, id, now).await?;
            }
            let session = owned_session(tx, user, id).await?;
            Ok(Change::new(session, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }

    /// Returns the session that was created with a key, if there is one.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Store::create_session`].
    pub async fn find_created_session(
        &self,
        user: &UserRef,
        key: &IdempotencyKey,
    ) -> Result<Option<Session>, StoreError> {
        self.read(async |tx| find_created(tx, user, key, self.inner.clock.now()).await).await
    }

    /// Renames, pins, archives, or restores a session, or changes its agent.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user, or
    /// [`StoreError::TaskRunning`] if the agent is to change while a task is running.
    pub async fn update_session(
        &self,
        user: &UserRef,
        id: SessionId,
        patch: &SessionPatch,
    ) -> Result<Change<Session>, StoreError> {
        self.write_for(user, async |tx| {
            let now = self.inner.clock.now();
            let before = owned_session(tx, user, id).await?;
            let mut log = Vec::new();
            let title = patch.title.as_ref().map(Title::as_str);
            let pin_changes = patch.pinned.is_some_and(|pinned| pinned != before.pinned_at.is_some());
            let status_changes = patch.status.is_some_and(|status| status != before.status);
            let new_agent = patch.agent_key.as_ref().filter(|key| **key != before.agent_key);
            if let Some(key) = new_agent {
                if has_begun_task(tx, id).await? {
                    return Err(StoreError::TaskRunning);
                }
                change_agent(tx, id, key).await?;
            }
            let has_changed = title.is_some_and(|title| title != before.title) || new_agent.is_some();
            if has_changed || pin_changes || status_changes {
                log.push(EventRef::session(LogKind::SessionUpdated, id));
            }
            // A title that the user submits counts as set by the user, even if it is unchanged.
            sqlx::query(
                "UPDATE chat_session SET title = COALESCE($2, title), title_folded = COALESCE($7, title_folded), \
                 title_is_manual = CASE WHEN $2 IS NULL THEN title_is_manual ELSE 1 END, status = COALESCE($3, status), \
                 pinned_at = CASE WHEN $4 THEN COALESCE(pinned_at, $5) WHEN NOT $4 THEN NULL ELSE pinned_at END, \
                 updated_at = CASE WHEN $6 THEN $5 ELSE updated_at END WHERE id = $1",
            )
            .bind(id)
            .bind(title)
            .bind(patch.status)
            .bind(patch.pinned)
            .bind(now)
            .bind(!log.is_empty())
            .bind(patch.title.as_ref().map(Title::folded))
            .execute(&mut *tx)
            .await?;
            if status_changes && patch.status == Some(SessionStatus::Archived) {
                log.extend(cancel_queued_of_archived(tx, id, now).await?);
            }
            if log.is_empty() {
                return Ok(Change::nothing(before));
            }
            events::append(tx, user, now, &log).await?;
            let session = owned_session(tx, user, id).await?;
            Ok(Change::new(session, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }

    /// Deletes a session with its messages and tasks, and requests that its running task stop. Later writes by the
    /// task's worker are rejected. Workers later remove the session's files (see [`Store::list_deleted_sessions`]).
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the session does not exist or belongs to another user.
    pub async fn delete_session(&self, user: &UserRef, id: SessionId) -> Result<Change<()>, StoreError> {
        // Workers follow the records of deleted sessions in the order of their numbers.
        let deleted = self
            .write(async |tx| {
                let session = owned_session(tx, user, id).await?;
                withdraw_jobs(tx, id).await?;
                // Delete the running job, if there is one.
                sqlx::query(
                    "DELETE FROM Jobs WHERE id IN \
                 (SELECT job_id FROM agent_task WHERE chat_session_id = $1 AND job_id IS NOT NULL)",
                )
                .bind(id)
                .execute(&mut *tx)
                .await?;
                sqlx::query("DELETE FROM chat_session WHERE id = $1").bind(id).execute(&mut *tx).await?;
                let now = self.inner.clock.now();
                sqlx::query("INSERT INTO deleted_session (session_id, deleted_at) VALUES ($1, $2)")
                    .bind(id)
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
                events::append(tx, user, now, &[EventRef::session(LogKind::SessionDeleted, id)]).await?;
                let stops = session.active_task.iter().map(|task| task.id).collect();
                Ok(Change::new((), Hints { users: vec![user.clone()], stops, ..Hints::default() }))
            })
            .await?;
        self.note_deletion();
        Ok(deleted)
    }

    /// Lists at most `limit` deleted sessions in order of deletion, starting after the deletion with the number `after`
    /// (0 to start with the first one). Each is returned with the number of its deletion.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn list_deleted_sessions(&self, after: i64, limit: i64) -> Result<Vec<(i64, SessionId)>, StoreError> {
        let deleted = self
            .read(async |tx| {
                Ok(sqlx::query_as(
                    "SELECT number, session_id FROM deleted_session WHERE number > $1 ORDER BY number LIMIT $2 + 0",
                )
                .bind(after)
                .bind(limit)
                .fetch_all(tx)
                .await?)
            })
            .await?;
        Ok(deleted)
    }
}

/// Returns whether a task of a session is running, or is waiting for another attempt.
async fn has_begun_task(tx: &mut Connection, id: SessionId) -> Result<bool, StoreError> {
    let queued: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM agent_task WHERE chat_session_id = $1 AND status = 'queued' AND attempt > 0 LIMIT 1",
    )
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    let running: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM agent_task WHERE chat_session_id = $1 AND status = 'running' LIMIT 1")
            .bind(id)
            .fetch_optional(tx)
            .await?;
    Ok(queued.or(running).is_some())
}

/// Changes the agent of a session. Answers without a stored agent are those of the previous one.
async fn change_agent(tx: &mut Connection, id: SessionId, agent_key: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE chat_message SET agent_key = (SELECT agent_key FROM chat_session WHERE id = $1) \
         WHERE chat_session_id = $1 AND role = 'assistant' AND agent_key IS NULL",
    )
    .bind(id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("UPDATE chat_session SET agent_key = $2 WHERE id = $1").bind(id).bind(agent_key).execute(tx).await?;
    Ok(())
}

/// Cancels the queued tasks of a session that was just archived. A running task continues.
async fn cancel_queued_of_archived(
    tx: &mut Connection,
    id: SessionId,
    now: Timestamp,
) -> Result<Vec<EventRef>, StoreError> {
    withdraw_jobs(tx, id).await?;
    let cancelled: Vec<(TaskId, MessageId)> = sqlx::query_as(
        "UPDATE agent_task SET status = 'cancelled', finished_at = $2, next_attempt_at = NULL, error_code = $3, \
         error_message = $4 \
         WHERE chat_session_id = $1 AND status = 'queued' \
         AND NOT EXISTS (SELECT 1 FROM answer_chunk WHERE answer_chunk.task_id = agent_task.id) \
         RETURNING id, user_message_id",
    )
    .bind(id)
    .bind(now)
    .bind(ErrorCode::SessionArchived)
    .bind(ARCHIVED_WHILE_QUEUED)
    .fetch_all(&mut *tx)
    .await?;
    // A task that has text and is waiting between two attempts ends last, so that no task is queued behind it. Its text
    // is kept.
    let with_text: Vec<TaskId> =
        sqlx::query_scalar("SELECT id FROM agent_task WHERE chat_session_id = $1 AND status = 'queued'")
            .bind(id)
            .fetch_all(&mut *tx)
            .await?;
    for task_id in with_text {
        end_archived(tx, task_id, now).await?;
    }
    Ok(cancelled.into_iter().map(|(task_id, message_id)| EventRef::task(id, task_id, message_id)).collect())
}

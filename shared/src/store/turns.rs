//! Edits and unsends users' messages that no agent has seen.

use super::{
    Change, Store, StoreError,
    branches::close_gap,
    database_driver::Connection,
    events,
    jobs::{schedule_head, withdraw_job},
    rows,
    sessions::{owned_session, touch_session},
};
use crate::{
    chat::{Content, Message, Role, Task, TurnNode, UserRef},
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

impl Store {
    /// Edits a message whose task has not started. No agent will see the previous text.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], or [`StoreError::TaskNotQueued`] if the task is not queued, if it or the task
    /// of a later turn has ever started, or if the message is an answer or on another branch.
    pub async fn edit_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        id: MessageId,
        content: &Content,
    ) -> Result<Change<Message>, StoreError> {
        self.write_and_erase(user, async |tx| {
            let now = self.inner.clock.now();
            let task_id = unstarted_task(tx, user, session_id, id).await?;
            sqlx::query("UPDATE chat_message SET content = $2, edited_at = $3 WHERE id = $1")
                .bind(id)
                .bind(content.as_str())
                .bind(now)
                .execute(&mut *tx)
                .await?;
            touch_session(tx, session_id, now).await?;
            let updated = EventRef::message(LogKind::MessageUpdated, session_id, id, Role::User, task_id);
            events::append(tx, user, now, &[updated]).await?;
            let message = rows::find_message(tx, id).await?.ok_or(StoreError::NotFound)?;
            Ok(Change::new(message, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }

    /// Deletes a message whose task has not started, together with the task. No agent will see the message.
    ///
    /// # Errors
    /// Returns an error in the same cases as [`Store::edit_message`].
    pub async fn unsend_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        id: MessageId,
    ) -> Result<Change<()>, StoreError> {
        self.write_and_erase(user, async |tx| {
            let now = self.inner.clock.now();
            let task_id = unstarted_task(tx, user, session_id, id).await?;
            withdraw_job(tx, task_id).await?;
            let (turn, parent, revision_of): (i64, Option<i64>, Option<i64>) =
                sqlx::query_as("DELETE FROM agent_task WHERE id = $1 RETURNING turn, parent_turn, revision_of")
                    .bind(task_id)
                    .fetch_one(&mut *tx)
                    .await?;
            sqlx::query("DELETE FROM chat_message WHERE id = $1").bind(id).execute(&mut *tx).await?;
            touch_session(tx, session_id, now).await?;
            let deleted = EventRef::message(LogKind::MessageDeleted, session_id, id, Role::User, task_id);
            events::append(tx, user, now, &[deleted]).await?;
            let turn = TurnNode { turn, parent, revision_of, next: None };
            close_gap(tx, user, session_id, turn, now).await?;
            let wake_workers = schedule_head(tx, session_id, now).await?;
            Ok(Change::new((), Hints { users: vec![user.clone()], wake_workers, ..Hints::default() }))
        })
        .await
    }
}

/// Returns a task of a session.
pub(super) async fn task_of(tx: &mut Connection, session_id: SessionId, id: TaskId) -> Result<Task, StoreError> {
    rows::find_task(tx, id).await?.filter(|task| task.chat_session_id == session_id).ok_or(StoreError::NotFound)
}

/// Returns the task of a user message if the task is queued and no agent has seen the message. Agents see a message in
/// its own turn and in the history of later turns. Later turns may have started first if the task was cancelled while
/// it was queued and then retried. Turns after it that are inactive count as started.
async fn unstarted_task(
    tx: &mut Connection,
    user: &UserRef,
    session_id: SessionId,
    id: MessageId,
) -> Result<TaskId, StoreError> {
    owned_session(tx, user, session_id).await?;
    let task: Option<TaskId> = sqlx::query_scalar(
        "SELECT t.id FROM chat_message m LEFT JOIN agent_task t \
         ON t.id = m.task_id AND m.role = 'user' AND t.status = 'queued' AND t.attempt = 0 \
         AND NOT EXISTS (SELECT 1 FROM agent_task l \
             WHERE l.chat_session_id = t.chat_session_id AND l.turn > t.turn \
             AND (l.attempt > 0 AND EXISTS (SELECT 1 FROM chat_message c WHERE c.id = l.user_message_id) \
                 OR l.parent_turn = t.turn AND EXISTS (SELECT 1 FROM inactive_message i WHERE i.id = l.user_message_id))) \
         WHERE m.id = $1 AND m.chat_session_id = $2 \
         UNION ALL SELECT NULL FROM inactive_message WHERE id = $1 AND chat_session_id = $2",
    )
    .bind(id)
    .bind(session_id)
    .fetch_optional(tx)
    .await?
    .ok_or(StoreError::NotFound)?;
    task.ok_or(StoreError::TaskNotQueued)
}

//! Retries, which return an ended task to its session's queue.

use super::{
    Change, Store, StoreError, events,
    jobs::schedule_head,
    rows,
    sessions::{owned_session, touch_session},
    steps,
    turns::task_of,
};
use crate::{
    chat::{Role, SessionStatus, Task, TaskStatus, UserRef},
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

impl Store {
    /// Returns an ended task to its session's queue, ahead of later turns. Deletes its answer in the same transaction;
    /// the new answer has a new ID.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::TaskNotEnded`], [`StoreError::TaskSucceeded`],
    /// [`StoreError::SessionArchived`], or [`StoreError::InactiveBranch`].
    pub async fn retry_task(
        &self,
        user: &UserRef,
        session_id: SessionId,
        id: TaskId,
    ) -> Result<Change<Task>, StoreError> {
        self.write_and_erase(user, async |tx| {
            let now = self.inner.clock.now();
            let session = owned_session(tx, user, session_id).await?;
            let task = task_of(tx, session_id, id).await?;
            match task.status {
                TaskStatus::Queued | TaskStatus::Running => return Err(StoreError::TaskNotEnded),
                TaskStatus::Succeeded => return Err(StoreError::TaskSucceeded),
                TaskStatus::Failed | TaskStatus::Cancelled | TaskStatus::Interrupted => {}
            }
            if session.status == SessionStatus::Archived {
                return Err(StoreError::SessionArchived);
            }
            let user_message_id: MessageId = sqlx::query_scalar(
                "UPDATE agent_task SET status = 'queued', failures = 0, error_code = NULL, error_message = NULL, \
                 next_attempt_at = NULL, input_tokens = NULL, output_tokens = NULL, stop_reason = NULL, \
                 stop_requested_at = NULL, started_at = NULL, finished_at = NULL, answer_message_id = $2, \
                 retried_at = $3 WHERE id = $1 RETURNING user_message_id",
            )
            .bind(id)
            .bind(MessageId::generate())
            .bind(now)
            .fetch_one(&mut *tx)
            .await?;
            if rows::find_message(tx, user_message_id).await?.is_none() {
                return Err(StoreError::InactiveBranch);
            }
            let mut log = Vec::new();
            let old_answer: Option<MessageId> =
                sqlx::query_scalar("DELETE FROM chat_message WHERE task_id = $1 AND role = 'assistant' RETURNING id")
                    .bind(id)
                    .fetch_optional(&mut *tx)
                    .await?;
            if let Some(answer_id) = old_answer {
                log.push(EventRef::message(LogKind::MessageDeleted, session_id, answer_id, Role::Assistant, id));
            }
            steps::remove(tx, id).await?;
            touch_session(tx, session_id, now).await?;
            let wake_workers = schedule_head(tx, session_id, now).await?;
            log.push(EventRef::task(session_id, id, user_message_id));
            events::append(tx, user, now, &log).await?;
            let task = task_of(tx, session_id, id).await?;
            Ok(Change::new(task, Hints { users: vec![user.clone()], wake_workers, ..Hints::default() }))
        })
        .await
    }
}

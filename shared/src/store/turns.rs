//! Turns: sending, editing, and unsending a user's message with its task.

use sqlx::SqliteConnection;

use super::{
    Change, IdempotencyKey, Store, StoreError, events, idempotency,
    jobs::{schedule_head, withdraw_job},
    rows,
    sessions::owned_session,
};
use crate::{
    chat::{Content, Message, OnBusy, Role, SessionStatus, StopReason, Task, Title, UserRef},
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// The maximum number of queued tasks per session.
const MAX_QUEUED: i64 = 1000;

/// A message to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The text.
    pub content: Content,
    /// What to do when the agent is busy.
    pub on_busy: OnBusy,
    /// The maximum number of attempts of its task.
    pub max_attempts: i64,
    /// The client's idempotency key, if any.
    pub key: Option<IdempotencyKey>,
}

/// A message that was sent by this request or by an earlier one with the same key.
#[derive(Clone, Debug)]
pub struct SentMessage {
    /// The message.
    pub message: Message,
    /// Its task in its current state.
    pub task: Task,
}

fn sent(message: Message) -> Result<SentMessage, StoreError> {
    let task =
        message.task.clone().ok_or_else(|| StoreError::Corrupt(format!("message {} has no task", message.id)))?;
    Ok(SentMessage { message, task })
}

impl Store {
    /// Stores a message with its task, its job, and its events in one transaction. The task is guaranteed to have
    /// exactly one outcome.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::SessionArchived`], [`StoreError::AgentBusy`] (with
    /// `OnBusy::Reject`), [`StoreError::QueueFull`], [`StoreError::IdempotencyMismatch`], or
    /// [`StoreError::MessageGone`].
    pub async fn post_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        post: &NewMessage,
    ) -> Result<Change<SentMessage>, StoreError> {
        self.write(async |tx| {
            let now = self.inner.clock.now();
            let session = owned_session(tx, user, session_id).await?;
            if let Some(key) = &post.key
                && let Some(earlier) = idempotency::find(tx, user, key, now).await?
            {
                let id = earlier.message_id.ok_or(StoreError::IdempotencyMismatch)?;
                let message = rows::find_message(tx, id).await?.ok_or(StoreError::MessageGone)?;
                return Ok(Change::nothing(sent(message)?));
            }
            if session.status == SessionStatus::Archived {
                return Err(StoreError::SessionArchived);
            }
            let is_busy = session.active_task.is_some() || session.queued_count > 0;
            if is_busy && post.on_busy == OnBusy::Reject {
                return Err(StoreError::AgentBusy);
            }
            if session.queued_count >= MAX_QUEUED {
                return Err(StoreError::QueueFull);
            }
            let mut hints = Hints { users: vec![user.clone()], ..Hints::default() };
            if post.on_busy == OnBusy::Interrupt
                && let Some(running) = &session.active_task
            {
                request_stop(tx, running.id, StopReason::Interrupt, now).await?;
                hints.stops.push(running.id);
            }
            let (message_id, task_id) = insert_turn(tx, session_id, post, now).await?;
            hints.wake_workers = schedule_head(tx, session_id, now).await?;
            let created = EventRef::message(LogKind::MessageCreated, session_id, message_id, Role::User, task_id);
            events::append(tx, user, now, &[created]).await?;
            if let Some(key) = &post.key {
                idempotency::insert(tx, user, key, session_id, Some(message_id), now).await?;
            }
            let message = rows::find_message(tx, message_id).await?.ok_or(StoreError::NotFound)?;
            Ok(Change::new(sent(message)?, hints))
        })
        .await
    }

    /// Edits a message whose task has not started. No agent will see the previous text.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], or [`StoreError::TaskNotQueued`] if the task has started or the message is an
    /// answer.
    pub async fn edit_message(
        &self,
        user: &UserRef,
        session_id: SessionId,
        id: MessageId,
        content: &Content,
    ) -> Result<Change<Message>, StoreError> {
        self.write_and_erase(async |tx| {
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
        self.write_and_erase(async |tx| {
            let now = self.inner.clock.now();
            let task_id = unstarted_task(tx, user, session_id, id).await?;
            withdraw_job(tx, task_id).await?;
            sqlx::query("DELETE FROM agent_task WHERE id = $1").bind(task_id).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM chat_message WHERE id = $1").bind(id).execute(&mut *tx).await?;
            touch_session(tx, session_id, now).await?;
            let wake_workers = schedule_head(tx, session_id, now).await?;
            let deleted = EventRef::message(LogKind::MessageDeleted, session_id, id, Role::User, task_id);
            events::append(tx, user, now, &[deleted]).await?;
            Ok(Change::new((), Hints { users: vec![user.clone()], wake_workers, ..Hints::default() }))
        })
        .await
    }
}

/// Inserts a user message and its task as the next turn of the session.
async fn insert_turn(
    tx: &mut SqliteConnection,
    session_id: SessionId,
    post: &NewMessage,
    now: Timestamp,
) -> Result<(MessageId, TaskId), StoreError> {
    let (message_id, task_id) = (MessageId::generate(), TaskId::generate());
    let automatic = Title::from_first_message(post.content.as_str());
    let (turn, seq): (i64, i64) = sqlx::query_as(
        "UPDATE chat_session SET last_turn = last_turn + 1, last_seq = last_seq + 1, updated_at = $2, \
         last_activity_at = $2, title = CASE WHEN title_is_manual = 0 AND title = '' THEN $3 ELSE title END, \
         title_folded = CASE WHEN title_is_manual = 0 AND title = '' THEN $4 ELSE title_folded END \
         WHERE id = $1 RETURNING last_turn, last_seq",
    )
    .bind(session_id)
    .bind(now)
    .bind(automatic.as_str())
    .bind(automatic.folded())
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, created_at, turn, seq) \
         VALUES ($1, $2, 'user', $3, $4, $5, $6, $7)",
    )
    .bind(message_id)
    .bind(session_id)
    .bind(post.content.as_str())
    .bind(task_id)
    .bind(now)
    .bind(turn)
    .bind(seq)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO agent_task (id, chat_session_id, turn, user_message_id, answer_message_id, max_attempts, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(task_id)
    .bind(session_id)
    .bind(turn)
    .bind(message_id)
    .bind(MessageId::generate())
    .bind(post.max_attempts)
    .bind(now)
    .execute(tx)
    .await?;
    Ok((message_id, task_id))
}

/// Stores a request to stop a running task. The first request takes precedence.
pub(super) async fn request_stop(
    tx: &mut SqliteConnection,
    id: TaskId,
    reason: StopReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE agent_task SET stop_reason = $2, stop_requested_at = $3 \
         WHERE id = $1 AND status = 'running' AND stop_reason IS NULL",
    )
    .bind(id)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns a task of a session.
pub(super) async fn task_of(tx: &mut SqliteConnection, session_id: SessionId, id: TaskId) -> Result<Task, StoreError> {
    rows::find_task(tx, id).await?.filter(|task| task.chat_session_id == session_id).ok_or(StoreError::NotFound)
}

/// Returns the task of a user message if no agent has seen the message. This means that neither its task nor the task
/// of a later turn, whose history contains the message, was ever started. (A task may be cancelled in the queue and
/// retried after later turns.)
async fn unstarted_task(
    tx: &mut SqliteConnection,
    user: &UserRef,
    session_id: SessionId,
    id: MessageId,
) -> Result<TaskId, StoreError> {
    owned_session(tx, user, session_id).await?;
    let task: Option<TaskId> = sqlx::query_scalar(
        "SELECT t.id FROM chat_message m LEFT JOIN agent_task t \
         ON t.id = m.task_id AND m.role = 'user' AND t.status = 'queued' AND t.attempt = 0 \
         AND NOT EXISTS (SELECT 1 FROM agent_task l \
             WHERE l.chat_session_id = t.chat_session_id AND l.turn > t.turn AND l.attempt > 0) \
         WHERE m.id = $1 AND m.chat_session_id = $2",
    )
    .bind(id)
    .bind(session_id)
    .fetch_optional(tx)
    .await?
    .ok_or(StoreError::NotFound)?;
    task.ok_or(StoreError::TaskNotQueued)
}

/// Updates a session's time of last change.
pub(super) async fn touch_session(tx: &mut SqliteConnection, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE chat_session SET updated_at = $2 WHERE id = $1").bind(id).bind(now).execute(tx).await?;
    Ok(())
}

//! What runs, as a stream tells it when it starts: the running tasks of a user, and what each has produced, in parts.

use sqlx::SqliteConnection;

use super::{
    Store, StoreError, chunks,
    step_rows::{self, StepRow},
    steps,
};
use crate::{
    chat::{Partial, Step},
    id::{MessageId, SessionId, TaskId},
};

/// Steps read at once; each has at most [`MAX_STEP_DETAIL_BYTES`](crate::chat::MAX_STEP_DETAIL_BYTES).
const STEP_PAGE: i64 = 16;

/// The running tasks of a user at a moment.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// The running tasks; none while there are more closed steps. [`Store::read_running`] reads what each has produced.
    pub running: Vec<RunningTask>,
    /// Steps of tasks that have ended, changed since the reader's last revision, at most a page of them.
    pub closed_steps: Vec<StepRow>,
    /// The revision up to which the reader knows all steps after this: that of the last closed step while there are
    /// more, otherwise that of the last step of this moment.
    pub step_revision: i64,
    /// Whether there are more closed steps.
    pub has_more: bool,
}

/// A running task, without what it has produced.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RunningTask {
    /// The task.
    #[sqlx(rename = "id")]
    pub task_id: TaskId,
    /// Its attempt.
    pub attempt: i64,
    /// Its session.
    #[sqlx(rename = "chat_session_id")]
    pub session_id: SessionId,
    /// Its agent.
    pub agent_key: String,
}

/// A part of what a running attempt has produced.
#[derive(Clone, Debug)]
pub struct RunningPart {
    /// The text so far; only in the first part.
    pub partial: Option<Partial>,
    /// Steps in order, at most a page of them.
    pub steps: Vec<Step>,
    /// Whether there are more steps.
    pub has_more: bool,
}

/// What a stream tells at its start, and again after it missed something.
pub(super) async fn read_state(
    tx: &mut SqliteConnection,
    log_id: i64,
    only: Option<SessionId>,
    after_step: Option<i64>,
) -> Result<StreamState, StoreError> {
    let closed_steps = match after_step {
        Some(revision) => step_rows::read_closed_after(tx, log_id, only, revision, STEP_PAGE).await?,
        None => Vec::new(),
    };
    if let Some(last) = closed_steps.last().filter(|_| is_full(&closed_steps)) {
        let step_revision = last.step.revision;
        return Ok(StreamState { running: Vec::new(), closed_steps, step_revision, has_more: true });
    }
    let running = running_tasks(tx, log_id, only).await?;
    Ok(StreamState { running, closed_steps, step_revision: steps::last_revision(tx).await?, has_more: false })
}

/// Whether a page of steps is full, so that there may be more.
fn is_full<T>(steps: &[T]) -> bool {
    i64::try_from(steps.len()).is_ok_and(|count| count >= STEP_PAGE)
}

/// A user's running tasks; those of one session if one is given.
async fn running_tasks(
    tx: &mut SqliteConnection,
    log_id: i64,
    only: Option<SessionId>,
) -> Result<Vec<RunningTask>, StoreError> {
    let tasks = sqlx::query_as(
        "SELECT t.id, t.attempt, t.chat_session_id, s.agent_key \
         FROM user_log u \
         JOIN chat_session s ON s.workspace_id = u.workspace_id AND s.creator_id = u.user_id \
         JOIN agent_task t ON t.chat_session_id = s.id AND t.status = 'running' \
         WHERE u.id = $1 AND ($2 IS NULL OR s.id = $2) ORDER BY t.started_at, t.id",
    )
    .bind(log_id)
    .bind(only)
    .fetch_all(&mut *tx)
    .await?;
    Ok(tasks)
}

/// The id that the answer of a running attempt will have; `None` if the attempt is over.
async fn answer_of_running(
    connection: &mut SqliteConnection,
    task_id: TaskId,
    attempt: i64,
) -> Result<Option<MessageId>, StoreError> {
    let message_id = sqlx::query_scalar(
        "SELECT answer_message_id FROM agent_task WHERE id = $1 AND attempt = $2 AND status = 'running'",
    )
    .bind(task_id)
    .bind(attempt)
    .fetch_optional(connection)
    .await?;
    Ok(message_id)
}

/// Puts the text so far into its envelope.
pub(super) fn partial(task_id: TaskId, attempt: i64, message_id: MessageId, text: String) -> Partial {
    let next_offset = i64::try_from(text.len()).unwrap_or(i64::MAX);
    Partial { task_id, attempt, message_id, text, next_offset }
}

impl Store {
    /// Reads what a running attempt has produced: its text so far and its first steps, or with `after` the steps after
    /// that one. Returns `None` if the attempt is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_running(
        &self,
        task_id: TaskId,
        attempt: i64,
        after: Option<i64>,
    ) -> Result<Option<RunningPart>, StoreError> {
        let mut tx = self.begin_read().await?;
        let Some(message_id) = answer_of_running(&mut tx, task_id, attempt).await? else { return Ok(None) };
        let partial = match after {
            None => {
                let text = chunks::text_so_far(&mut tx, task_id, attempt).await?;
                Some(partial(task_id, attempt, message_id, text))
            }
            Some(_) => None,
        };
        let steps = step_rows::list_after(&mut tx, task_id, after.unwrap_or(0), STEP_PAGE).await?;
        let has_more = is_full(&steps);
        Ok(Some(RunningPart { partial, steps, has_more }))
    }

    /// The text so far of a running attempt; `None` if it runs no more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_partial(&self, task_id: TaskId, attempt: i64) -> Result<Option<Partial>, StoreError> {
        let mut tx = self.begin_read().await?;
        let Some(message_id) = answer_of_running(&mut tx, task_id, attempt).await? else { return Ok(None) };
        let text = chunks::text_so_far(&mut tx, task_id, attempt).await?;
        Ok(Some(partial(task_id, attempt, message_id, text)))
    }
}

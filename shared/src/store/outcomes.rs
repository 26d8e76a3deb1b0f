//! Outcomes: storing the end of a task, regardless of its cause.

use sqlx::SqliteConnection;

use super::{
    Change, StoreError, chunks, events,
    jobs::{JobEnd, end_job, schedule_head, withdraw_job},
    rows::Owner,
};
use crate::{
    chat::{FinishReason, Role, StopReason, TaskError, TaskStatus, Usage, UserRef, sanitize_agent_text},
    clock::Timestamp,
    event::{EventRef, Hints, LogKind},
    id::{MessageId, SessionId, TaskId},
};

/// A queued or running task, with all information that is needed to end it.
#[derive(sqlx::FromRow)]
pub(super) struct UnfinishedTask {
    #[sqlx(rename = "id")]
    pub(super) task_id: TaskId,
    pub(super) attempt: i64,
    #[sqlx(rename = "chat_session_id")]
    pub(super) session_id: SessionId,
    #[sqlx(flatten, try_from = "Owner")]
    pub(super) user: UserRef,
    pub(super) agent_key: String,
    pub(super) turn: i64,
    pub(super) user_message_id: MessageId,
    pub(super) answer_message_id: MessageId,
    pub(super) job_id: Option<String>,
    pub(super) failures: i64,
    pub(super) max_attempts: i64,
    pub(super) stop_reason: Option<StopReason>,
    pub(super) started_at: Option<Timestamp>,
}

/// The outcome of a task.
pub(super) struct TaskOutcome {
    pub(super) status: TaskStatus,
    pub(super) finish_reason: FinishReason,
    /// The text; `None` for the stored text.
    pub(super) text: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) failures: i64,
    pub(super) error: Option<TaskError>,
}

/// Stores the outcome of a task: its answer if it succeeded or has any text, the task, its job, the session's next job,
/// and the events.
pub(super) async fn end_task(
    tx: &mut SqliteConnection,
    task: &UnfinishedTask,
    outcome: TaskOutcome,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let is_answered = outcome.status == TaskStatus::Succeeded;
    let text = match outcome.text {
        Some(text) if !text.is_empty() || is_answered => text,
        Some(_) | None => stored_text(tx, task.task_id).await?,
    };
    let mut log = Vec::with_capacity(2);
    if !text.is_empty() || is_answered {
        insert_answer(tx, task, &text, outcome.finish_reason, outcome.usage, now).await?;
        log.push(EventRef::message(
            LogKind::MessageCreated,
            task.session_id,
            task.answer_message_id,
            Role::Assistant,
            task.task_id,
        ));
    }
    sqlx::query("DELETE FROM answer_chunk WHERE task_id = $1").bind(task.task_id).execute(&mut *tx).await?;
    end_delivery(tx, task, if outcome.error.is_some() { JobEnd::Killed } else { JobEnd::Done }, now).await?;
    sqlx::query(
        "UPDATE agent_task SET status = $2, worker_id = NULL, job_id = NULL, failures = $3, next_attempt_at = NULL, \
         error_code = $4, error_message = $5, input_tokens = $6, output_tokens = $7, finished_at = $8 WHERE id = $1",
    )
    .bind(task.task_id)
    .bind(outcome.status)
    .bind(outcome.failures)
    .bind(outcome.error.as_ref().map(|error| error.code))
    .bind(outcome.error.as_ref().map(|error| sanitize_agent_text(&error.message)))
    .bind(outcome.usage.map(|usage| usage.input_tokens))
    .bind(outcome.usage.map(|usage| usage.output_tokens))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    let wake_workers = schedule_head(tx, task.session_id, now).await?;
    log.push(EventRef::task(task.session_id, task.task_id, task.user_message_id));
    events::append(tx, &task.user, now, &log).await?;
    let hints = Hints { users: vec![task.user.clone()], wake_workers, ..Hints::default() };
    Ok(Change::new(outcome.status, hints))
}

/// Returns the stored text of the latest attempt that had any.
async fn stored_text(tx: &mut SqliteConnection, task_id: TaskId) -> Result<String, StoreError> {
    let attempt: Option<i64> = sqlx::query_scalar("SELECT MAX(attempt) FROM answer_chunk WHERE task_id = $1")
        .bind(task_id)
        .fetch_one(&mut *tx)
        .await?;
    match attempt {
        Some(attempt) => chunks::text_so_far(tx, task_id, attempt).await,
        None => Ok(String::new()),
    }
}

async fn insert_answer(
    tx: &mut SqliteConnection,
    task: &UnfinishedTask,
    text: &str,
    finish_reason: FinishReason,
    usage: Option<Usage>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let seq: i64 = sqlx::query_scalar(
        "UPDATE chat_session SET last_seq = last_seq + 1, updated_at = $2, last_activity_at = $2 WHERE id = $1 \
         RETURNING last_seq",
    )
    .bind(task.session_id)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, created_at, turn, seq, \
         finish_reason, elapsed_ms, input_tokens, output_tokens) \
         VALUES ($1, $2, 'assistant', $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(task.answer_message_id)
    .bind(task.session_id)
    .bind(sanitize_agent_text(text))
    .bind(task.task_id)
    .bind(now)
    .bind(task.turn)
    .bind(seq)
    .bind(finish_reason)
    .bind(task.started_at.map(|started| now.millis_since(started)))
    .bind(usage.map(|usage| usage.input_tokens))
    .bind(usage.map(|usage| usage.output_tokens))
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the job of a task. A claimed job is kept for a while as a record; an unclaimed job is withdrawn.
pub(super) async fn end_delivery(
    tx: &mut SqliteConnection,
    task: &UnfinishedTask,
    end: JobEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(job_id) = &task.job_id else { return Ok(()) };
    withdraw_job(tx, task.task_id).await?;
    end_job(tx, job_id, end, now).await
}

/// Returns a running attempt; `None` if it has ended.
pub(super) async fn find_running(
    tx: &mut SqliteConnection,
    task_id: TaskId,
    attempt: i64,
) -> Result<Option<UnfinishedTask>, StoreError> {
    Ok(find_unfinished(tx, task_id, TaskStatus::Running).await?.filter(|task| task.attempt == attempt))
}

/// Returns a task if it has the given status.
pub(super) async fn find_unfinished(
    tx: &mut SqliteConnection,
    task_id: TaskId,
    status: TaskStatus,
) -> Result<Option<UnfinishedTask>, StoreError> {
    let task = sqlx::query_as(
        "SELECT t.id, t.attempt, t.chat_session_id, t.turn, t.user_message_id, t.answer_message_id, t.job_id, t.failures, \
         t.max_attempts, t.stop_reason, t.started_at, s.workspace_id, s.creator_id, s.agent_key \
         FROM agent_task t JOIN chat_session s ON s.id = t.chat_session_id WHERE t.id = $1 AND t.status = $2",
    )
    .bind(task_id)
    .bind(status)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(task)
}

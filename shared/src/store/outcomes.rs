//! Stores the outcomes of tasks.

use std::sync::LazyLock;

use sqlx::types::Json;

use super::{
    Change, StoreError, attachments, chunks,
    database_driver::Connection,
    events::{COUNT_EVENT, LOG_ANSWER, LOG_TASK_UPDATED},
    jobs::{AgentJob, END_JOB, ENTER_ROUND, JobEnd, NewJob, PUSH_JOB, schedule_head, withdraw_job},
    rows::Owner,
    script::Script,
    turn_times,
};
use crate::{
    chat::{AttemptMilestones, FinishReason, StopReason, TaskError, TaskStatus, Usage, UserRef, sanitize_agent_text},
    clock::Timestamp,
    event::Hints,
    id::{MessageId, SessionId, TaskId},
};

/// A queued or running task, with all the information that is needed to end it.
#[derive(sqlx::FromRow)]
pub(super) struct UnfinishedTask {
    #[sqlx(rename = "id")]
    pub(super) task_id: TaskId,
    is_running: bool,
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
    /// When the message was sent, or when the user last retried the task.
    pub(super) requested_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    /// The worker's measurements; `None` if the worker did not end the attempt itself.
    #[sqlx(skip)]
    pub(super) milestones: Option<AttemptMilestones>,
    /// Whether any steps are stored.
    pub(super) has_steps: bool,
    /// Whether an agent session is stored.
    pub(super) has_resume: bool,
    /// The last attempt in which the agent returned files, if there is one.
    pub(super) last_files_attempt: Option<i64>,
    /// The task at the head of the session's queue, if this task is running.
    next_task_id: Option<TaskId>,
    /// When that task is due, if not immediately.
    next_due_at: Option<Timestamp>,
}

/// The outcome of a task.
pub(super) struct TaskOutcome {
    pub(super) status: TaskStatus,
    pub(super) finish_reason: FinishReason,
    /// The text. If it is `None`, or if it is empty and the task did not succeed, the stored text is used.
    pub(super) text: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) failures: i64,
    pub(super) error: Option<TaskError>,
}

/// Stores the outcome of a task: its answer, the task, its job, the session's next job, and the events.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::with_conditions(
        &[
            "task_id",
            "session_id",
            "workspace_id",
            "user_id",
            "stripe",
            "now",
            "now_seconds",
            "has_answer",
            "text",
            "user_message_id",
            "answer_message_id",
            "turn",
            "agent_key",
            "attachments",
            "files_attempt",
            "last_files_attempt",
            "finish_reason",
            "elapsed_ms",
            "input_tokens",
            "output_tokens",
            "status",
            "failures",
            "error_code",
            "error_message",
            "ended_job_id",
            "ended_job_status",
            "ended_job_result",
            "next_task_id",
            "job_id",
            "job_payload",
            "job_run_at",
        ],
        &[
            (None, "DELETE FROM answer_chunk WHERE task_id = $task_id"),
            (
                Some("has_answer"),
                "UPDATE chat_session SET last_seq = last_seq + 1, updated_at = $now, last_activity_at = $now \
                 WHERE id = $session_id",
            ),
            (
                Some("has_answer"),
                "INSERT INTO chat_message (id, chat_session_id, role, content, agent_key, attachments, task_id, created_at, \
                 turn, seq, finish_reason, elapsed_ms, input_tokens, output_tokens) \
                 SELECT $answer_message_id, id, 'assistant', $text, $agent_key, $attachments, $task_id, $now, $turn, last_seq, \
                 $finish_reason, $elapsed_ms, $input_tokens, $output_tokens FROM chat_session \
                 WHERE id = $session_id",
            ),
            (
                Some("attachments"),
                "UPDATE attachment SET message_id = $answer_message_id, task_id = NULL, attempt = NULL \
                 WHERE task_id = $task_id AND attempt = $files_attempt",
            ),
            // The files of earlier attempts, whose text is omitted as well.
            (Some("last_files_attempt"), "DELETE FROM attachment WHERE task_id = $task_id"),
            (
                None,
                "UPDATE agent_task SET status = $status, worker_id = NULL, job_id = NULL, failures = $failures, \
                 next_attempt_at = NULL, error_code = $error_code, error_message = $error_message, \
                 input_tokens = $input_tokens, output_tokens = $output_tokens, finished_at = $now WHERE id = $task_id",
            ),
            (Some("ended_job_id"), END_JOB),
            (Some("job_id"), ENTER_ROUND),
            (Some("job_id"), PUSH_JOB),
            (Some("next_task_id"), "UPDATE agent_task SET job_id = $job_id WHERE id = $next_task_id"),
            (Some("has_answer"), COUNT_EVENT),
            (Some("has_answer"), LOG_ANSWER),
            (None, COUNT_EVENT),
            (None, LOG_TASK_UPDATED),
        ],
    )
});

/// Stores the outcome of a task. The answer is stored if the task succeeded or has any text or files.
pub(super) async fn end_task(
    tx: &mut Connection,
    task: &UnfinishedTask,
    outcome: TaskOutcome,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let is_answered = outcome.status == TaskStatus::Succeeded;
    let (text, attempt) = match outcome.text {
        Some(text) if !text.is_empty() || is_answered => (text, Some(task.attempt)),
        Some(_) | None => stored_text(tx, task.task_id).await?,
    };
    // The text and the files are of the same attempt.
    let files_attempt = task.last_files_attempt.map(|last| attempt.unwrap_or(last));
    let files = match files_attempt {
        Some(attempt) => attachments::list_of_attempt(tx, task.task_id, attempt).await?,
        None => Vec::new(),
    };
    let has_answer = !text.is_empty() || !files.is_empty() || is_answered;
    let text = has_answer.then(|| sanitize_agent_text(&text));
    let job_end = if outcome.error.is_some() { JobEnd::Killed } else { JobEnd::Done };
    let next = task.next_task_id.map(|id| AgentJob { task_id: id, chat_session_id: task.session_id });
    let job = next.map(|job| NewJob::new(job, task.next_due_at, now)).transpose()?;
    if !task.is_running {
        withdraw_job(tx, task.task_id).await?;
    }
    let stripe = tx.stripe_of(&task.user);
    let mut end = END
        .call()
        .bind("task_id", task.task_id)
        .bind("session_id", task.session_id)
        .bind("workspace_id", &task.user.workspace_id)
        .bind("user_id", &task.user.user_id)
        .bind("stripe", stripe.number())
        .bind("now", now)
        .bind("now_seconds", now.unix_seconds())
        .bind("has_answer", has_answer)
        .bind("text", text.as_deref())
        .bind("user_message_id", task.user_message_id)
        .bind("answer_message_id", task.answer_message_id)
        .bind("turn", task.turn)
        .bind("agent_key", &task.agent_key)
        .bind("attachments", (!files.is_empty()).then_some(Json(&files)))
        .bind("files_attempt", files_attempt)
        .bind("last_files_attempt", task.last_files_attempt)
        .bind("finish_reason", outcome.finish_reason)
        .bind("elapsed_ms", task.started_at.map(|started| now.millis_since(started)))
        .bind("input_tokens", outcome.usage.map(|usage| usage.input_tokens))
        .bind("output_tokens", outcome.usage.map(|usage| usage.output_tokens))
        .bind("status", outcome.status)
        .bind("failures", outcome.failures)
        .bind("error_code", outcome.error.as_ref().map(|error| error.code))
        .bind("error_message", outcome.error.as_ref().map(|error| sanitize_agent_text(&error.message)))
        .bind("ended_job_id", &task.job_id)
        .bind("ended_job_status", job_end.status())
        .bind("ended_job_result", job_end.result())
        .bind("next_task_id", task.next_task_id)
        .bind("job_id", job.as_ref().map(|job| &job.id))
        .bind("job_payload", job.as_ref().map(|job| &job.payload))
        .bind("job_run_at", job.as_ref().map(|job| job.run_at));
    if let Some(started_at) = task.started_at.filter(|_| task.is_running) {
        let status = outcome.status;
        end = end.then(turn_times::count(stripe, status, task.requested_at, started_at, task.milestones, now));
    }
    end.execute(tx).await?;
    let wake_workers = if task.is_running { job.is_some() } else { schedule_head(tx, task.session_id, now).await? };
    let hints = Hints { users: vec![task.user.clone()], wake_workers, ..Hints::default() };
    Ok(Change::new(outcome.status, hints))
}

/// Returns the stored text of the latest attempt that had any, and the number of that attempt.
async fn stored_text(tx: &mut Connection, task_id: TaskId) -> Result<(String, Option<i64>), StoreError> {
    let attempt: Option<i64> = sqlx::query_scalar("SELECT MAX(attempt) FROM answer_chunk WHERE task_id = $1")
        .bind(task_id)
        .fetch_one(&mut *tx)
        .await?;
    match attempt {
        Some(attempt) => Ok((chunks::text_so_far(tx, task_id, attempt).await?, Some(attempt))),
        None => Ok((String::new(), None)),
    }
}

/// Returns the task of a running attempt; `None` if the attempt has ended.
pub(super) async fn find_running(
    tx: &mut Connection,
    task_id: TaskId,
    attempt: i64,
) -> Result<Option<UnfinishedTask>, StoreError> {
    Ok(find_unfinished(tx, task_id, TaskStatus::Running).await?.filter(|task| task.attempt == attempt))
}

/// Selects a task that has not ended and, if it is running, the task at the head of its session's queue.
const FIND_UNFINISHED: &str = "SELECT t.id, t.status = 'running' AS is_running, t.attempt, \
     t.chat_session_id, t.turn, t.user_message_id, t.answer_message_id, t.job_id, t.failures, t.max_attempts, \
     t.stop_reason, COALESCE(t.retried_at, t.created_at) AS requested_at, t.started_at, \
     s.workspace_id, s.creator_id, s.agent_key, \
     EXISTS (SELECT 1 FROM task_step p WHERE p.task_id = t.id) AS has_steps, \
     EXISTS (SELECT 1 FROM agent_resume r \
         WHERE r.chat_session_id = t.chat_session_id AND r.agent_key = s.agent_key) AS has_resume, \
     (SELECT MAX(a.attempt) FROM attachment a WHERE a.task_id = t.id) AS last_files_attempt, \
     n.id AS next_task_id, n.next_attempt_at AS next_due_at \
     FROM agent_task t JOIN chat_session s ON s.id = t.chat_session_id \
     LEFT JOIN agent_task n ON t.status = 'running' AND n.id = (SELECT q.id FROM agent_task q \
         WHERE q.chat_session_id = t.chat_session_id AND q.status = 'queued' ORDER BY q.turn LIMIT 1) \
     WHERE t.id = $1 AND t.status IN ('queued', 'running')";

/// Returns a task if it has the given status, which must be queued or running.
pub(super) async fn find_unfinished(
    tx: &mut Connection,
    task_id: TaskId,
    status: TaskStatus,
) -> Result<Option<UnfinishedTask>, StoreError> {
    let task: Option<UnfinishedTask> = sqlx::query_as(FIND_UNFINISHED).bind(task_id).fetch_optional(&mut *tx).await?;
    Ok(task.filter(|task| task.is_running == (status == TaskStatus::Running)))
}

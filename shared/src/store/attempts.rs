//! Ends attempts: answers, stops, failures, and hand-backs.

use std::time::Duration;

use super::{
    AttemptEnd, AttemptReport, Change, Claim, Store, StoreError,
    claims::claim_due,
    database_driver::Connection,
    events,
    jobs::{JobEnd, end_job, schedule_head},
    outcomes::{TaskOutcome, UnfinishedTask, end_task, find_running, find_unfinished},
    resume,
    steps::{self, CleanStep, StepsEnd},
};
use crate::{
    chat::{
        ErrorCode, FinishReason, MAX_RETRY_AFTER, StopReason, TaskError, TaskStatus, UserRef, backoff,
        sanitize_agent_text,
    },
    clock::Timestamp,
    event::{EventRef, Hints},
    id::{TaskId, WorkerId},
};

impl Store {
    /// Ends an attempt of one of the user's tasks. One transaction stores its last steps, the answer if there is one,
    /// the task's new state, the session's next job, and the events. If a worker is given, the same transaction claims
    /// the next due task for it, unless that task is in another stripe.
    ///
    /// # Errors
    /// Returns [`StoreError::LeaseLost`] if the attempt has already ended.
    pub async fn finish_and_claim(
        &self,
        user: &UserRef,
        task_id: TaskId,
        attempt: i64,
        report: &AttemptReport,
        worker: Option<&WorkerId>,
    ) -> Result<Change<(TaskStatus, Option<Claim>)>, StoreError> {
        let AttemptReport { end, steps, milestones } = report;
        let (end, steps) = (end.clone(), steps::clean(steps));
        self.read_and_write_for(user, async |tx| {
            let mut task = find_running(tx, task_id, attempt).await?.ok_or(StoreError::LeaseLost)?;
            task.milestones = Some(*milestones);
            let now = self.inner.clock.now();
            let Change { value: status, mut hints } = end_found(tx, task, end, &steps, now).await?;
            let mut next = None;
            if let Some(worker) = worker {
                let mut claimed =
                    claim_due(tx, worker, 1, 1, self.inner.options.work_folder_wait, &self.inner.clock).await?;
                next = claimed.value.pop();
                hints.merge(claimed.hints);
            }
            Ok(Change::new((status, next), hints))
        })
        .await
    }

    /// Requeues an attempt that its worker never started, without counting a failure.
    ///
    /// # Errors
    /// Returns [`StoreError::LeaseLost`] if the attempt has already ended.
    pub async fn hand_back(&self, task_id: TaskId, attempt: i64) -> Result<Change<TaskStatus>, StoreError> {
        let end = AttemptEnd::HandedBack { text: String::new() };
        self.write(async |tx| end_attempt(tx, (task_id, attempt), end, self.inner.clock.now()).await).await
    }
}

/// Ends an attempt within a transaction, without its worker.
pub(super) async fn end_attempt(
    tx: &mut Connection,
    (task_id, attempt): (TaskId, i64),
    end: AttemptEnd,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let task = find_running(tx, task_id, attempt).await?.ok_or(StoreError::LeaseLost)?;
    end_found(tx, task, end, &[], now).await
}

/// Ends an attempt. Running tasks end only through this function. `steps` are the steps whose latest state has not been
/// stored yet.
async fn end_found(
    tx: &mut Connection,
    task: UnfinishedTask,
    end: AttemptEnd,
    steps: &[CleanStep<'_>],
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let (task_id, attempt) = (task.task_id, task.attempt);
    steps::put(tx, &task.user, task_id, attempt, steps).await?;
    let is_answered = task.stop_reason.is_none() && matches!(end, AttemptEnd::Answered { .. });
    let steps_end = if is_answered { StepsEnd::Answered } else { StepsEnd::Broken };
    let has_steps = task.has_steps || !steps.is_empty();
    let tool_begun = has_steps && steps::close(tx, &task.user, task_id, attempt, steps_end, now).await?;
    if task.has_resume || end.resume().is_some() {
        resume::update(tx, task.session_id, &task.agent_key, task.turn, end.resume()).await?;
    }
    if let Some(reason) = task.stop_reason {
        return end_stopped(tx, &task, reason, end.into_text(), now).await;
    }
    match end {
        AttemptEnd::Answered { text, finish_reason, usage, resume: _ } => {
            let has_files = task.last_files_attempt == Some(task.attempt);
            let is_empty = text.is_empty() && !has_files && finish_reason == FinishReason::Stop;
            let finish_reason = if is_empty { FinishReason::Empty } else { finish_reason };
            let failures = task.failures;
            let outcome = TaskOutcome {
                status: TaskStatus::Succeeded,
                finish_reason,
                text: Some(text),
                usage,
                failures,
                error: None,
            };
            end_task(tx, &task, outcome, now).await
        }
        AttemptEnd::Stopped { text, resume: _ } => end_stopped(tx, &task, StopReason::Cancel, Some(text), now).await,
        AttemptEnd::HandedBack { text } if tool_begun => {
            let error = TaskError::new(ErrorCode::WorkerLost, "The worker shut down while the agent was using a tool.");
            end_interrupted(tx, &task, Some(text), task.failures, error, now).await
        }
        AttemptEnd::HandedBack { text: _ } => requeue(tx, &task, task.failures, None, None, now).await,
        AttemptEnd::Failed { text, error, retry_after } => {
            fail(tx, &task, Some(text), AttemptFailure { error, retry_after, tool_begun }, now).await
        }
        AttemptEnd::WorkerLost => {
            let error = TaskError::new(ErrorCode::WorkerLost, "The worker running the agent stopped responding.");
            fail(tx, &task, None, AttemptFailure { error, retry_after: None, tool_begun }, now).await
        }
    }
}

/// Ends a queued or running task because of a stop request.
async fn end_stopped(
    tx: &mut Connection,
    task: &UnfinishedTask,
    reason: StopReason,
    text: Option<String>,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let finish_reason = match reason {
        StopReason::Cancel => FinishReason::Cancelled,
        StopReason::Interrupt => FinishReason::Interrupted,
    };
    let status = reason.task_status();
    end_task(
        tx,
        task,
        TaskOutcome { status, finish_reason, text, usage: None, failures: task.failures, error: None },
        now,
    )
    .await
}

/// Cancels a queued task, either before its first attempt or between two attempts.
pub(super) async fn end_queued(
    tx: &mut Connection,
    task_id: TaskId,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let task = find_unfinished(tx, task_id, TaskStatus::Queued).await?.ok_or(StoreError::TaskEnded)?;
    end_stopped(tx, &task, StopReason::Cancel, None, now).await
}

/// The error message of a task that was cancelled because its session was archived.
pub(super) const ARCHIVED_WHILE_QUEUED: &str = "The session was archived while the message was queued.";

/// Cancels a task that is waiting between two attempts, because its session was archived. The text so far is kept.
pub(super) async fn end_archived(
    tx: &mut Connection,
    task_id: TaskId,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let task = find_unfinished(tx, task_id, TaskStatus::Queued).await?.ok_or(StoreError::TaskEnded)?;
    let outcome = TaskOutcome {
        status: TaskStatus::Cancelled,
        finish_reason: FinishReason::Cancelled,
        text: None,
        usage: None,
        failures: task.failures,
        error: Some(TaskError::new(ErrorCode::SessionArchived, ARCHIVED_WHILE_QUEUED)),
    };
    end_task(tx, &task, outcome, now).await
}

/// The reason why an attempt failed.
struct AttemptFailure {
    error: TaskError,
    /// The wait that the agent requested, if any.
    retry_after: Option<Duration>,
    /// Whether a tool call may have had effects that another attempt would repeat.
    tool_begun: bool,
}

/// Handles a failed attempt:
/// - If the error is permanent, the task fails.
/// - After a tool call, a retryable error interrupts the task.
/// - Otherwise, the next attempt is scheduled. If no attempts are left, or if the agent requested a wait of more than
///   [`MAX_RETRY_AFTER`], the task fails.
async fn fail(
    tx: &mut Connection,
    task: &UnfinishedTask,
    text: Option<String>,
    failure: AttemptFailure,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let AttemptFailure { error, retry_after, tool_begun } = failure;
    let failures = task.failures + 1;
    if error.retryable && tool_begun {
        return end_interrupted(tx, task, text, failures, error, now).await;
    }
    let is_too_long = retry_after.is_some_and(|wait| wait > MAX_RETRY_AFTER);
    if error.retryable && failures < task.max_attempts && !is_too_long {
        let pause = backoff(error.code, failures, retry_after, rand::random());
        let due = (!pause.is_zero()).then(|| now.plus(pause));
        return requeue(tx, task, failures, Some(error), due, now).await;
    }
    let outcome = TaskOutcome {
        status: TaskStatus::Failed,
        finish_reason: FinishReason::Error,
        text: text.filter(|text| !text.is_empty()),
        usage: None,
        failures,
        error: Some(error),
    };
    end_task(tx, task, outcome, now).await
}

/// Interrupts a task whose next attempt might repeat the effects of a tool call. The user decides whether to retry it.
async fn end_interrupted(
    tx: &mut Connection,
    task: &UnfinishedTask,
    text: Option<String>,
    failures: i64,
    error: TaskError,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    let outcome = TaskOutcome {
        status: TaskStatus::Interrupted,
        finish_reason: FinishReason::Interrupted,
        text: text.filter(|text| !text.is_empty()),
        usage: None,
        failures,
        error: Some(error),
    };
    end_task(tx, task, outcome, now).await
}

/// Returns a running task to its session's queue, ahead of later turns. The task is due at `due`, or immediately if
/// `due` is `None`.
async fn requeue(
    tx: &mut Connection,
    task: &UnfinishedTask,
    failures: i64,
    error: Option<TaskError>,
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<Change<TaskStatus>, StoreError> {
    sqlx::query(
        "UPDATE agent_task SET status = 'queued', worker_id = NULL, job_id = NULL, failures = $2, \
         next_attempt_at = $3, error_code = $4, error_message = $5 WHERE id = $1",
    )
    .bind(task.task_id)
    .bind(failures)
    .bind(due)
    .bind(error.as_ref().map(|error| error.code))
    .bind(error.as_ref().map(|error| sanitize_agent_text(&error.message)))
    .execute(&mut *tx)
    .await?;
    if let Some(job_id) = &task.job_id {
        end_job(tx, job_id, JobEnd::Killed, now).await?;
    }
    let wake_workers = schedule_head(tx, task.session_id, now).await?;
    let updated = EventRef::task(task.session_id, task.task_id, task.user_message_id);
    events::append(tx, &task.user, now, &[updated]).await?;
    let hints = Hints { users: vec![task.user.clone()], wake_workers, ..Hints::default() };
    Ok(Change::new(TaskStatus::Queued, hints))
}

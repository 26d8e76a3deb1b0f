//! Attempts: from a worker's claim of a task to its end, whoever ends it.

use std::time::Duration;

use super::{
    Changed, StepState, Store, StoreError, WriteTx, events,
    jobs::{AGENT_QUEUE, CLAIM, JobEnd, LOOK, end_job, first_future_id, schedule_head},
    outcomes::{Open, Outcome, end_delivery, end_task, find_open, find_running},
    resume,
    rows::Owner,
    steps::{self, StepsEnd},
};
use crate::{
    chat::{
        AgentSession, ErrorCode, FinishReason, HistoryMessage, MAX_RETRY_AFTER, ResumePoint, StopReason, TaskError,
        TaskStatus, Usage, UserRef, backoff, sanitize_agent_text,
    },
    clock::Timestamp,
    event::{EventRef, Hints},
    id::{MessageId, SessionId, TaskId, WorkerId},
};

/// An attempt that a worker has taken. `attempt` fences every later write of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The task.
    pub task_id: TaskId,
    /// The attempt.
    pub attempt: i64,
    /// The queue's row.
    pub job_id: String,
    /// The session.
    pub session_id: SessionId,
    /// Its owner.
    pub user: UserRef,
    /// The agent that is to answer.
    pub agent_key: String,
    /// The turn in the session.
    pub turn: i64,
    /// The id that the answer will have.
    pub answer_message_id: MessageId,
}

/// A task that a claim has just started.
#[derive(sqlx::FromRow)]
struct StartedTask {
    id: TaskId,
    attempt: i64,
    chat_session_id: SessionId,
    turn: i64,
    user_message_id: MessageId,
    answer_message_id: MessageId,
}

/// The session of a claimed task.
#[derive(sqlx::FromRow)]
struct ClaimedSession {
    #[sqlx(flatten)]
    owner: Owner,
    agent_key: String,
}

/// What an attempt is given of its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// All messages up to the turn's user message, in the transcript's order.
    pub history: Vec<HistoryMessage>,
    /// The agent's own session to resume.
    pub resume: Option<ResumePoint>,
}

/// How an attempt ended, as its worker sees it. A stored wish to stop comes before all of them.
#[derive(Clone, Debug)]
pub enum Finish {
    /// With an answer; an empty one counts too.
    Answered {
        /// The whole text.
        text: String,
        /// `Stop`, `Length` or `Refusal`.
        finish_reason: FinishReason,
        /// What the agent counted.
        usage: Option<Usage>,
        /// The agent's own session, which knows the conversation up to this turn.
        resume: Option<AgentSession>,
    },
    /// Because somebody wished so.
    Stopped {
        /// The text up to it.
        text: String,
        /// The agent's own session, which knows the conversation up to this turn.
        resume: Option<AgentSession>,
    },
    /// With an error.
    Failed {
        /// The text up to it.
        text: String,
        /// What went wrong.
        error: TaskError,
        /// How long the agent asks to wait.
        retry_after: Option<Duration>,
    },
    /// Given back because the worker shuts down; no failure.
    HandedBack {
        /// The text up to it: kept if the task ends with this, because a tool had begun.
        text: String,
    },
    /// Its worker died.
    WorkerLost,
}

impl Finish {
    /// The agent's own session that the turn was answered in to its end.
    fn resume(&self) -> Option<&AgentSession> {
        match self {
            Self::Answered { resume, .. } | Self::Stopped { resume, .. } => resume.as_ref(),
            Self::Failed { .. } | Self::HandedBack { .. } | Self::WorkerLost => None,
        }
    }

    /// The text that the worker knows; `None` if only what was stored is known.
    fn into_text(self) -> Option<String> {
        match self {
            Self::Answered { text, .. }
            | Self::Stopped { text, .. }
            | Self::Failed { text, .. }
            | Self::HandedBack { text } => Some(text),
            Self::WorkerLost => None,
        }
    }
}

impl Store {
    /// Whether a job is due: a look that takes no lock.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_due_job(&self) -> Result<bool, StoreError> {
        let now = self.inner.clock.now();
        let found = sqlx::query(LOOK)
            .bind(AGENT_QUEUE)
            .bind(now.unix_seconds())
            .bind(first_future_id(now))
            .fetch_optional(&self.inner.readers)
            .await?;
        Ok(found.is_some())
    }

    /// Takes the next due task: its job, its status and the event change together.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim(&self, worker: &WorkerId) -> Result<Changed<Option<Claim>>, StoreError> {
        let mut tx = self.begin_write().await?;
        let now = self.inner.clock.now();
        super::leases::register(&mut tx, worker, now).await?;
        // fetch_all: the statement has to run to its end, so that a failure in it is seen.
        let claimed: Vec<String> = sqlx::query_scalar(CLAIM)
            .bind(worker)
            .bind(now.unix_seconds())
            .bind(AGENT_QUEUE)
            .bind(first_future_id(now))
            .fetch_all(&mut *tx)
            .await?;
        let Some(job_id) = claimed.into_iter().next() else {
            tx.commit().await?;
            return Ok(Changed::nothing(None));
        };
        let started: Vec<StartedTask> = sqlx::query_as(
            "UPDATE agent_task SET status = 'running', attempt = attempt + 1, worker_id = $2, started_at = $3, \
             next_attempt_at = NULL, error_code = NULL, error_message = NULL \
             WHERE job_id = $1 AND status = 'queued' RETURNING id, attempt, chat_session_id, turn, user_message_id, \
             answer_message_id",
        )
        .bind(&job_id)
        .bind(worker)
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        let Some(task) = started.into_iter().next() else {
            // A job without a task delivers nothing.
            end_job(&mut tx, &job_id, JobEnd::Killed, now).await?;
            tx.commit().await?;
            return Ok(Changed::new(None, Hints { wake_workers: true, ..Hints::default() }));
        };
        let session: ClaimedSession =
            sqlx::query_as("SELECT workspace_id, creator_id, agent_key FROM chat_session WHERE id = $1")
                .bind(task.chat_session_id)
                .fetch_one(&mut *tx)
                .await?;
        let claim = Claim {
            task_id: task.id,
            attempt: task.attempt,
            job_id,
            session_id: task.chat_session_id,
            user: session.owner.into(),
            agent_key: session.agent_key,
            turn: task.turn,
            answer_message_id: task.answer_message_id,
        };
        if claim.attempt > 1 {
            steps::remove(&mut tx, claim.task_id).await?;
        }
        let updated = EventRef::task(claim.session_id, claim.task_id, task.user_message_id);
        events::append(&mut tx, &claim.user, now, &[updated]).await?;
        tx.commit().await?;
        let hints = Hints { users: vec![claim.user.clone()], ..Hints::default() };
        Ok(Changed::new(Some(claim), hints))
    }

    /// Reads what an attempt is given of its conversation, all as of one moment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read_conversation(&self, claim: &Claim) -> Result<Conversation, StoreError> {
        let mut tx = self.begin_read().await?;
        let history = sqlx::query_as(
            "SELECT turn, role, content FROM chat_message \
             WHERE chat_session_id = $1 AND (turn < $2 OR (turn = $2 AND role = 'user')) ORDER BY turn, role DESC",
        )
        .bind(claim.session_id)
        .bind(claim.turn)
        .fetch_all(&mut *tx)
        .await?;
        let resume = resume::find(&mut tx, claim.session_id, &claim.agent_key, claim.turn).await?;
        Ok(Conversation { history, resume })
    }

    /// Ends an attempt: its last steps, the answer, the task, its job, the session's next job and the events, in one
    /// transaction. `steps` are those whose latest state was not stored before.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the attempt is over already; nothing is written then.
    pub async fn finish(
        &self,
        task_id: TaskId,
        attempt: i64,
        finish: Finish,
        steps: &[StepState],
    ) -> Result<Changed<TaskStatus>, StoreError> {
        let steps = steps::cleaned(steps);
        let mut tx = self.begin_write().await?;
        if !steps::is_running(&mut tx, task_id, attempt).await? {
            return Err(StoreError::LeaseLost);
        }
        steps::put(&mut tx, task_id, attempt, &steps).await?;
        let ended = end_attempt(&mut tx, task_id, attempt, finish, self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// Ends an attempt inside a transaction: the way that every end of a running task goes.
pub(super) async fn end_attempt(
    tx: &mut WriteTx,
    task_id: TaskId,
    attempt: i64,
    finish: Finish,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let open = find_running(tx, task_id, attempt).await?.ok_or(StoreError::LeaseLost)?;
    let is_answered = open.stop_reason.is_none() && matches!(finish, Finish::Answered { .. });
    let steps_end = if is_answered { StepsEnd::Answered } else { StepsEnd::Broken };
    let tool_begun = steps::close(tx, task_id, attempt, steps_end).await?;
    resume::settle(tx, open.session_id, &open.agent_key, open.turn, finish.resume()).await?;
    if let Some(reason) = open.stop_reason {
        return end_stopped(tx, &open, reason, finish.into_text(), now).await;
    }
    match finish {
        Finish::Answered { text, finish_reason, usage, resume: _ } => {
            let is_empty = text.is_empty() && finish_reason == FinishReason::Stop;
            let finish_reason = if is_empty { FinishReason::Empty } else { finish_reason };
            let failures = open.failures;
            let outcome = Outcome {
                status: TaskStatus::Succeeded,
                finish_reason,
                text: Some(text),
                usage,
                failures,
                error: None,
            };
            end_task(tx, &open, outcome, now).await
        }
        Finish::Stopped { text, resume: _ } => end_stopped(tx, &open, StopReason::Cancel, Some(text), now).await,
        Finish::HandedBack { text } if tool_begun => {
            let error = TaskError::new(ErrorCode::WorkerLost, "The worker shut down while the agent was using a tool.");
            end_interrupted(tx, &open, Some(text), open.failures, error, now).await
        }
        Finish::HandedBack { text: _ } => requeue(tx, &open, open.failures, None, None, now).await,
        Finish::Failed { text, error, retry_after } => {
            fail(tx, &open, Some(text), Failure { error, retry_after, tool_begun }, now).await
        }
        Finish::WorkerLost => {
            let error = TaskError::new(ErrorCode::WorkerLost, "The worker that ran the agent was lost.");
            fail(tx, &open, None, Failure { error, retry_after: None, tool_begun }, now).await
        }
    }
}

/// Ends a task, running or waiting, by somebody's wish.
async fn end_stopped(
    tx: &mut WriteTx,
    open: &Open,
    reason: StopReason,
    text: Option<String>,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let finish_reason = match reason {
        StopReason::Cancel => FinishReason::Cancelled,
        StopReason::Interrupt => FinishReason::Interrupted,
    };
    let status = reason.task_status();
    end_task(tx, open, Outcome { status, finish_reason, text, usage: None, failures: open.failures, error: None }, now)
        .await
}

/// Ends a waiting task at once: a Stop before its turn, or between its attempts.
pub(super) async fn end_waiting(
    tx: &mut WriteTx,
    task_id: TaskId,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let open = find_open(tx, task_id, TaskStatus::Queued).await?.ok_or(StoreError::TaskEnded)?;
    end_stopped(tx, &open, StopReason::Cancel, None, now).await
}

/// What a task says that an archived session cancelled.
pub(super) const ARCHIVED_BEFORE_ITS_TURN: &str = "The session was archived before the agent got to this message.";

/// Ends a task that waits between two attempts when its session is archived; the text so far is kept.
pub(super) async fn end_archived(
    tx: &mut WriteTx,
    task_id: TaskId,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let open = find_open(tx, task_id, TaskStatus::Queued).await?.ok_or(StoreError::TaskEnded)?;
    let outcome = Outcome {
        status: TaskStatus::Cancelled,
        finish_reason: FinishReason::Cancelled,
        text: None,
        usage: None,
        failures: open.failures,
        error: Some(TaskError::new(ErrorCode::SessionArchived, ARCHIVED_BEFORE_ITS_TURN)),
    };
    end_task(tx, &open, outcome, now).await
}

/// What went wrong with an attempt.
struct Failure {
    error: TaskError,
    /// How long the agent asks to wait.
    retry_after: Option<Duration>,
    /// Whether a tool may have done something that a new attempt would do again.
    tool_begun: bool,
}

/// Schedules the next attempt after an error, or ends the task: if the error is permanent, if no attempt is left, or if
/// the agent asks for a wait of more than [`MAX_RETRY_AFTER`]. A retryable error after a tool had begun interrupts the
/// task, whichever attempt it was.
async fn fail(
    tx: &mut WriteTx,
    open: &Open,
    text: Option<String>,
    failure: Failure,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let Failure { error, retry_after, tool_begun } = failure;
    let failures = open.failures + 1;
    if error.retryable && tool_begun {
        return end_interrupted(tx, open, text, failures, error, now).await;
    }
    let is_too_long = retry_after.is_some_and(|wait| wait > MAX_RETRY_AFTER);
    if error.retryable && failures < open.max_attempts && !is_too_long {
        let pause = backoff(error.code, failures, retry_after, rand::random());
        let due = (!pause.is_zero()).then(|| now.plus(pause));
        return requeue(tx, open, failures, Some(error), due, now).await;
    }
    let outcome = Outcome {
        status: TaskStatus::Failed,
        finish_reason: FinishReason::Error,
        text: text.filter(|text| !text.is_empty()),
        usage: None,
        failures,
        error: Some(error),
    };
    end_task(tx, open, outcome, now).await
}

/// Ends a task whose next attempt might do again what a tool has done. A person decides how it goes on.
async fn end_interrupted(
    tx: &mut WriteTx,
    open: &Open,
    text: Option<String>,
    failures: i64,
    error: TaskError,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    let outcome = Outcome {
        status: TaskStatus::Interrupted,
        finish_reason: FinishReason::Interrupted,
        text: text.filter(|text| !text.is_empty()),
        usage: None,
        failures,
        error: Some(error),
    };
    end_task(tx, open, outcome, now).await
}

/// Puts a running task back to the head of its session, at once or at `due`.
async fn requeue(
    tx: &mut WriteTx,
    open: &Open,
    failures: i64,
    error: Option<TaskError>,
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<Changed<TaskStatus>, StoreError> {
    sqlx::query(
        "UPDATE agent_task SET status = 'queued', worker_id = NULL, job_id = NULL, failures = $2, \
         next_attempt_at = $3, error_code = $4, error_message = $5 WHERE id = $1",
    )
    .bind(open.task_id)
    .bind(failures)
    .bind(due)
    .bind(error.as_ref().map(|error| error.code))
    .bind(error.as_ref().map(|error| sanitize_agent_text(&error.message)))
    .execute(&mut **tx)
    .await?;
    end_delivery(tx, open, JobEnd::Killed, now).await?;
    let wake_workers = schedule_head(tx, open.session_id, now).await?;
    let updated = EventRef::task(open.session_id, open.task_id, open.user_message_id);
    events::append(tx, &open.user, now, &[updated]).await?;
    let hints = Hints { users: vec![open.user.clone()], wake_workers, ..Hints::default() };
    Ok(Changed::new(TaskStatus::Queued, hints))
}

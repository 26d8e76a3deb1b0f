//! Claims: a worker takes the next task and reads its conversation.

use super::{
    Change, Store, StoreError, events,
    jobs::{AGENT_QUEUE, CLAIM, JobEnd, LOOK, end_job, first_future_id},
    resume,
    rows::Owner,
    steps, workers,
};
use crate::{
    chat::{HistoryMessage, ResumePoint, UserRef},
    event::{EventRef, Hints},
    id::{MessageId, SessionId, TaskId, WorkerId},
};

/// An attempt that a worker has claimed. All later writes of the attempt are guarded by `attempt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The ID of the job.
    pub job_id: String,
    /// The session.
    pub session_id: SessionId,
    /// The owner of the session.
    pub user: UserRef,
    /// The agent that answers.
    pub agent_key: String,
    /// The number of the turn.
    pub turn: i64,
    /// The ID that the answer will have once it is stored.
    pub answer_message_id: MessageId,
}

/// A task that was just claimed.
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

/// The part of the conversation that an attempt receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// All messages up to the turn's user message, in order.
    pub history: Vec<HistoryMessage>,
    /// The agent session to resume.
    pub resume: Option<ResumePoint>,
}

impl Store {
    /// Returns whether a job is due, without acquiring a lock.
    ///
    /// # Errors
    /// Returns an error if the store fails.
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

    /// Claims the next due task: the job, the task's status, and the event are updated in one transaction.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn claim(&self, worker: &WorkerId) -> Result<Change<Option<Claim>>, StoreError> {
        self.write(async |tx| {
            let now = self.inner.clock.now();
            workers::register(tx, worker, now).await?;
            // fetch_all runs the statement to completion, so that a late failure is not missed.
            let claimed: Vec<String> = sqlx::query_scalar(CLAIM)
                .bind(worker)
                .bind(now.unix_seconds())
                .bind(AGENT_QUEUE)
                .bind(first_future_id(now))
                .fetch_all(&mut *tx)
                .await?;
            let Some(job_id) = claimed.into_iter().next() else {
                return Ok(Change::nothing(None));
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
                // A job without a task is obsolete.
                end_job(tx, &job_id, JobEnd::Killed, now).await?;
                return Ok(Change::new(None, Hints { wake_workers: true, ..Hints::default() }));
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
                steps::remove(tx, claim.task_id).await?;
            }
            let updated = EventRef::task(claim.session_id, claim.task_id, task.user_message_id);
            events::append(tx, &claim.user, now, &[updated]).await?;
            let hints = Hints { users: vec![claim.user.clone()], ..Hints::default() };
            Ok(Change::new(Some(claim), hints))
        })
        .await
    }

    /// Reads the conversation for an attempt from one snapshot.
    ///
    /// # Errors
    /// Returns an error if the store fails.
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
}

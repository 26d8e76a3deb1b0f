//! The initial state of a stream: a user's running tasks and their output, which is read in parts.

use super::{
    Store, StoreError, chunks,
    database_driver::Connection,
    step_rows::{self, StepRow},
    steps,
    stripe::Stripe,
};
use crate::{
    chat::{Partial, Step, UserRef},
    id::{MessageId, SessionId, TaskId},
};

/// The maximum number of steps per read. The detail of each step is limited to
/// [`MAX_STEP_DETAIL_BYTES`](crate::chat::MAX_STEP_DETAIL_BYTES).
const STEP_PAGE: i64 = 16;

/// A snapshot of a user's running tasks.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// The running tasks; empty if `has_more` is true. Their output is read with [`Store::read_running`].
    pub running: Vec<RunningTask>,
    /// At most one page of the steps that changed after the reader's revision and whose tasks are not running.
    pub closed_steps: Vec<StepRow>,
    /// The reader's new revision: that of the last of `closed_steps` if `has_more` is true, otherwise the latest
    /// revision of any step.
    pub step_revision: i64,
    /// Whether there may be more closed steps.
    pub has_more: bool,
}

/// A running task, without its output.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RunningTask {
    /// The task.
    #[sqlx(rename = "id")]
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The session.
    #[sqlx(rename = "chat_session_id")]
    pub session_id: SessionId,
    /// The session's agent.
    pub agent_key: String,
}

/// A part of a running attempt's output.
#[derive(Clone, Debug)]
pub struct RunningPart {
    /// The text so far; only in the first part.
    pub partial: Option<Partial>,
    /// At most one page of steps, in order.
    pub steps: Vec<Step>,
    /// Whether there may be more steps.
    pub has_more: bool,
}

/// Reads the state that a stream needs when it starts or after it has missed events.
pub(super) async fn read_state(
    tx: &mut Connection,
    log_id: i64,
    only: Option<SessionId>,
    after_step: Option<i64>,
) -> Result<StreamState, StoreError> {
    let stripe = stripe_of_log(tx, log_id).await?;
    let closed_steps = match after_step {
        Some(revision) => step_rows::read_closed_after(tx, log_id, stripe, only, revision, STEP_PAGE).await?,
        None => Vec::new(),
    };
    if let Some(last) = closed_steps.last().filter(|_| is_full(&closed_steps)) {
        let step_revision = last.step.revision;
        return Ok(StreamState { running: Vec::new(), closed_steps, step_revision, has_more: true });
    }
    let running = running_tasks(tx, log_id, only).await?;
    let step_revision = steps::last_revision(tx, stripe).await?;
    Ok(StreamState { running, closed_steps, step_revision, has_more: false })
}

/// Returns the stripe of a log's owner.
async fn stripe_of_log(tx: &mut Connection, log_id: i64) -> Result<Stripe, StoreError> {
    let owner = sqlx::query_as("SELECT workspace_id, user_id FROM user_log WHERE id = $1").bind(log_id);
    let owner: UserRef = owner.fetch_one(&mut *tx).await?;
    Ok(tx.stripe_of(&owner))
}

/// Returns whether a page of steps is full, so that there may be more.
fn is_full<T>(steps: &[T]) -> bool {
    i64::try_from(steps.len()).is_ok_and(|count| count >= STEP_PAGE)
}

/// Selects a user's running tasks. Starts from all running tasks, whose number is limited by the workers' concurrency,
/// and not from the user's sessions, whose number is unlimited. `CROSS JOIN` enforces this order.
const LIST_RUNNING: &str = "SELECT t.id, t.attempt, t.chat_session_id, s.agent_key FROM agent_task t \
     CROSS JOIN chat_session s CROSS JOIN user_log u \
     WHERE t.status = 'running' AND s.id = t.chat_session_id AND u.id = $1 AND u.workspace_id = s.workspace_id \
     AND u.user_id = s.creator_id ORDER BY t.chat_session_id";
/// Like [`LIST_RUNNING`], for one session.
const FIND_RUNNING: &str = "SELECT t.id, t.attempt, t.chat_session_id, s.agent_key FROM agent_task t \
     JOIN chat_session s ON s.id = t.chat_session_id \
     JOIN user_log u ON u.workspace_id = s.workspace_id AND u.user_id = s.creator_id \
     WHERE u.id = $1 AND t.chat_session_id = $2 AND t.status = 'running'";

/// Lists a user's running tasks. If a session is given, lists only its task.
async fn running_tasks(
    tx: &mut Connection,
    log_id: i64,
    only: Option<SessionId>,
) -> Result<Vec<RunningTask>, StoreError> {
    let tasks = match only {
        None => sqlx::query_as(LIST_RUNNING).bind(log_id),
        Some(session_id) => sqlx::query_as(FIND_RUNNING).bind(log_id).bind(session_id),
    };
    Ok(tasks.fetch_all(tx).await?)
}

/// Returns the ID that a running attempt's answer will have; `None` if the attempt has ended.
async fn answer_of_running(
    connection: &mut Connection,
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

/// Creates a [`Partial`] from the text so far.
pub(super) fn partial(task_id: TaskId, attempt: i64, message_id: MessageId, text: String) -> Partial {
    let next_offset = i64::try_from(text.len()).unwrap_or(i64::MAX);
    Partial { task_id, attempt, message_id, text, next_offset }
}

impl Store {
    /// Reads a part of a running attempt's output. Without `after`, reads the text so far and the first steps.
    /// Otherwise, reads only steps that follow the one with the number `after`. Returns `None` if the attempt has
    /// ended.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn read_running(
        &self,
        task_id: TaskId,
        attempt: i64,
        after: Option<i64>,
    ) -> Result<Option<RunningPart>, StoreError> {
        self.read(async |tx| {
            let Some(message_id) = answer_of_running(tx, task_id, attempt).await? else { return Ok(None) };
            let partial = match after {
                None => {
                    let text = chunks::text_so_far(tx, task_id, attempt).await?;
                    Some(partial(task_id, attempt, message_id, text))
                }
                Some(_) => None,
            };
            let steps = step_rows::list_after(tx, task_id, attempt, after.unwrap_or(0), STEP_PAGE).await?;
            let has_more = is_full(&steps);
            Ok(Some(RunningPart { partial, steps, has_more }))
        })
        .await
    }

    /// Returns a running attempt's text so far; `None` if the attempt has ended.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_partial(&self, task_id: TaskId, attempt: i64) -> Result<Option<Partial>, StoreError> {
        self.read(async |tx| {
            let Some(message_id) = answer_of_running(tx, task_id, attempt).await? else { return Ok(None) };
            let text = chunks::text_so_far(tx, task_id, attempt).await?;
            Ok(Some(partial(task_id, attempt, message_id, text)))
        })
        .await
    }
}

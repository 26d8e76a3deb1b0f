//! Steps, which are an agent's actions before its answer. They are stored only for the latest attempt of a task.
//!
//! Guarantees:
//! - Steps can be written only while their attempt is running.
//! - Every change to a step gets a higher revision than all earlier changes in the stripe of its owner.
//! - The end of an attempt closes all of its steps.
//! - A claim removes the steps of earlier attempts.

use std::sync::LazyLock;

use serde_json::Value;
use sqlx::types::Json;

use super::{Change, Store, StoreError, database_driver::Connection, script::Script, stripe::Stripe};
use crate::{
    chat::{
        DecidedBy, PermissionOutcome, StepDetail, StepKind, StepStatus, UserRef, clean_step_detail, clean_step_title,
        decide_stored, sanitize_agent_text, store_expiry,
    },
    clock::Timestamp,
    event::Hints,
    id::TaskId,
};

/// The maximum length of a tool call ID in bytes.
const MAX_TOOL_CALL_ID_BYTES: usize = 512;

/// The state of a step, as reported by its worker.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// The number of the step within the attempt.
    pub seq: i64,
    /// The agent's ID for the tool call.
    pub tool_call_id: Option<String>,
    /// The agent's ID for the tool call that started the sub-agent to which the step belongs.
    pub parent_tool_call_id: Option<String>,
    /// The title, which is shortened to one line of limited length.
    pub title: String,
    /// The progress of the step.
    pub status: StepStatus,
    /// The number of bytes of the answer's text that preceded the step.
    pub text_offset: i64,
    /// When the step first arrived.
    pub started_at: Timestamp,
    /// When the step ended; `None` while it is open.
    pub ended_at: Option<Timestamp>,
    /// The kind and the details of the step. Details that are too long are truncated.
    pub detail: StepDetail,
}

/// The state of a step, shortened to fit the store's limits.
pub(super) struct CleanStep<'a> {
    state: &'a StepState,
    tool_call_id: Option<String>,
    parent_tool_call_id: Option<String>,
    title: String,
    fields: Value,
}

impl<'a> CleanStep<'a> {
    fn new(state: &'a StepState) -> Self {
        let mut fields = clean_step_detail(&state.detail);
        if state.detail.kind() == StepKind::Permission {
            store_expiry(&mut fields);
        }
        Self {
            state,
            tool_call_id: state.tool_call_id.as_deref().map(clean_tool_call_id),
            parent_tool_call_id: state.parent_tool_call_id.as_deref().map(clean_tool_call_id),
            title: clean_step_title(&state.title),
            fields,
        }
    }
}

fn clean_tool_call_id(id: &str) -> String {
    let id = sanitize_agent_text(id);
    id[..id.floor_char_boundary(MAX_TOOL_CALL_ID_BYTES)].to_owned()
}

/// How an attempt ended, which determines the final status of its open steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepsEnd {
    /// The agent answered: running steps have succeeded.
    Answered,
    /// The attempt ended in another way: running steps have failed.
    Broken,
}

/// Returns the revision of the latest change to a step in a stripe.
pub(super) async fn last_revision(connection: &mut Connection, stripe: Stripe) -> Result<i64, StoreError> {
    let last = sqlx::query_scalar("SELECT last FROM step_revision WHERE stripe = $1").bind(stripe.number());
    Ok(last.fetch_one(connection).await?)
}

/// Shortens states to fit the store's limits. Must be called before a transaction begins, so that the write lock is
/// held only briefly.
pub(super) fn clean(steps: &[StepState]) -> Vec<CleanStep<'_>> {
    steps.iter().map(CleanStep::new).collect()
}

/// Stores the states of the steps of a user's attempt within a transaction.
pub(super) async fn put(
    tx: &mut Connection,
    user: &UserRef,
    task_id: TaskId,
    attempt: i64,
    steps: &[CleanStep<'_>],
) -> Result<(), StoreError> {
    for step in steps {
        PUT.call()
            .bind("task_id", task_id)
            .bind("attempt", attempt)
            .bind("seq", step.state.seq)
            .bind("kind", step.state.detail.kind())
            .bind("tool_call_id", &step.tool_call_id)
            .bind("parent_tool_call_id", &step.parent_tool_call_id)
            .bind("title", &step.title)
            .bind("status", step.state.status)
            .bind("text_offset", step.state.text_offset)
            .bind("started_at", step.state.started_at)
            .bind("ended_at", step.state.ended_at)
            .bind("detail", Json(&step.fields))
            .bind("permission_id", step.state.detail.permission_id())
            .bind("stripe", tx.stripe_of(user).number())
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Assigns the next revision, which is higher than all earlier ones of the stripe.
const NEXT_REVISION: &str = "UPDATE step_revision SET last = last + 1 WHERE stripe = $stripe";

/// Stores the state of a step. A permission request is stored once; afterward, its status changes only when its outcome
/// is stored.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &[
            "task_id",
            "attempt",
            "seq",
            "kind",
            "tool_call_id",
            "parent_tool_call_id",
            "title",
            "status",
            "text_offset",
            "started_at",
            "ended_at",
            "detail",
            "permission_id",
            "stripe",
        ],
        &[
            NEXT_REVISION,
            "INSERT INTO task_step \
             (task_id, attempt, seq, stripe, revision, kind, tool_call_id, parent_tool_call_id, title, status, text_offset, \
             started_at, ended_at, detail, permission_id) \
             SELECT $task_id, $attempt, $seq, stripe, last, $kind, $tool_call_id, $parent_tool_call_id, $title, \
             $status, $text_offset, $started_at, $ended_at, $detail, $permission_id \
             FROM step_revision WHERE stripe = $stripe \
             ON CONFLICT (task_id, attempt, seq) DO UPDATE SET stripe = excluded.stripe, revision = excluded.revision, kind = excluded.kind, \
             tool_call_id = excluded.tool_call_id, parent_tool_call_id = excluded.parent_tool_call_id, \
             title = excluded.title, status = excluded.status, text_offset = excluded.text_offset, \
             ended_at = excluded.ended_at, detail = excluded.detail WHERE task_step.permission_id IS NULL",
        ],
    )
});

/// The primary key of a step.
#[derive(Clone, Copy, sqlx::FromRow)]
pub(super) struct StepKey {
    pub(super) task_id: TaskId,
    pub(super) attempt: i64,
    pub(super) seq: i64,
}

/// Sets the final status of a step of the user that ended at `ended_at`, and its detail if one is given.
pub(super) async fn end(
    tx: &mut Connection,
    user: &UserRef,
    key: StepKey,
    status: StepStatus,
    ended_at: Timestamp,
    detail: Option<&Value>,
) -> Result<(), StoreError> {
    END.call()
        .bind("task_id", key.task_id)
        .bind("attempt", key.attempt)
        .bind("seq", key.seq)
        .bind("status", status)
        .bind("ended_at", ended_at)
        .bind("detail", detail.map(Json))
        .bind("stripe", tx.stripe_of(user).number())
        .execute(tx)
        .await
}

/// Sets the final status of a step, and its detail unless `$detail` is null.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        &["task_id", "attempt", "seq", "status", "ended_at", "detail", "stripe"],
        &[
            NEXT_REVISION,
            "UPDATE task_step SET stripe = $stripe, \
             revision = (SELECT last FROM step_revision WHERE stripe = $stripe), status = $status, \
             ended_at = COALESCE(ended_at, $ended_at), detail = COALESCE($detail, detail) \
             WHERE task_id = $task_id AND attempt = $attempt AND seq = $seq",
        ],
    )
});

/// The columns of a step that are needed to close it. The detail, which may be long, is omitted unless the step is a
/// permission request.
#[derive(sqlx::FromRow)]
struct UnclosedStep {
    seq: i64,
    kind: StepKind,
    tool_call_id: Option<String>,
    status: StepStatus,
    /// The detail of a permission request, which may have been stored by an older version.
    #[sqlx(json(nullable))]
    request: Option<Value>,
}

/// Closes the open steps of a user's attempt. Returns true if a tool call was not rejected or a permission request was
/// allowed. The tool call may then have had effects, so the task must not be retried automatically.
pub(super) async fn close(
    tx: &mut Connection,
    user: &UserRef,
    task_id: TaskId,
    attempt: i64,
    end: StepsEnd,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut steps: Vec<UnclosedStep> = sqlx::query_as(
        "SELECT seq, kind, tool_call_id, status, CASE kind WHEN 'permission' THEN detail END AS request \
         FROM task_step WHERE task_id = $1 ORDER BY attempt, seq",
    )
    .bind(task_id)
    .fetch_all(&mut *tx)
    .await?;
    let allowed: Vec<String> = tool_calls(&steps, StepStatus::Succeeded);
    let mut forbidden = tool_calls(&steps, StepStatus::Pending);
    forbidden.extend(tool_calls(&steps, StepStatus::Rejected));
    for step in &mut steps {
        let is_held = step
            .tool_call_id
            .as_ref()
            .is_some_and(|id| forbidden.iter().any(|call| call == id) && !allowed.iter().any(|call| call == id));
        let Some(status) = final_status(step, is_held, end) else { continue };
        let withdrawn = PermissionOutcome::unanswered(DecidedBy::Withdrawn);
        let detail = step.request.take().map(|detail| with_outcome(detail, &withdrawn)).transpose()?;
        step.status = status;
        self::end(tx, user, StepKey { task_id, attempt, seq: step.seq }, status, now, detail.as_ref()).await?;
    }
    Ok(steps.iter().any(|step| match step.kind {
        StepKind::Tool => step.status != StepStatus::Rejected,
        StepKind::Permission => step.status == StepStatus::Succeeded,
        StepKind::Thought | StepKind::Plan | StepKind::Notice => false,
    }))
}

/// Returns the IDs of the tool calls whose permission requests have this status.
fn tool_calls(steps: &[UnclosedStep], status: StepStatus) -> Vec<String> {
    let permissions = steps.iter().filter(|step| step.kind == StepKind::Permission && step.status == status);
    permissions.filter_map(|step| step.tool_call_id.clone()).collect()
}

/// Returns the final status of a step; `None` if it is already closed. `is_held` indicates a tool call for which
/// permission was requested but not granted.
fn final_status(step: &UnclosedStep, is_held: bool, end: StepsEnd) -> Option<StepStatus> {
    match (step.status, step.kind) {
        (StepStatus::Succeeded | StepStatus::Failed | StepStatus::Rejected, _) => None,
        (_, StepKind::Permission) => Some(StepStatus::Rejected),
        (StepStatus::Pending, StepKind::Tool) if is_held => Some(StepStatus::Rejected),
        (StepStatus::Running, _) if end == StepsEnd::Answered => Some(StepStatus::Succeeded),
        (StepStatus::Pending | StepStatus::Running, _) => Some(StepStatus::Failed),
    }
}

/// Adds the outcome to the detail of a permission request.
pub(super) fn with_outcome(mut detail: Value, outcome: &PermissionOutcome) -> Result<Value, StoreError> {
    decide_stored(&mut detail, outcome).map_err(|_| StoreError::Corrupt("task_step.detail".into()))?;
    Ok(detail)
}

/// Removes a task's steps, but keeps a record of its permission requests.
pub(super) async fn remove(tx: &mut Connection, task_id: TaskId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO past_permission (permission_id, task_id) \
         SELECT permission_id, task_id FROM task_step WHERE task_id = $1 AND permission_id IS NOT NULL \
         ON CONFLICT DO NOTHING",
    )
    .bind(task_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM task_step WHERE task_id = $1").bind(task_id).execute(tx).await?;
    Ok(())
}

impl Store {
    /// Stores the states of a running attempt's new and changed steps.
    ///
    /// # Errors
    /// Returns [`StoreError::LeaseLost`] if the attempt has ended.
    pub async fn write_steps(
        &self,
        user: &UserRef,
        task_id: TaskId,
        attempt: i64,
        steps: &[StepState],
    ) -> Result<Change<()>, StoreError> {
        let steps = clean(steps);
        self.read_and_write_for(user, async |tx| {
            if !is_running(tx, task_id, attempt).await? {
                return Err(StoreError::LeaseLost);
            }
            put(tx, user, task_id, attempt, &steps).await?;
            Ok(Change::new((), Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

/// Returns whether an attempt is still running. Every write for an attempt must check this first.
pub(super) async fn is_running(tx: &mut Connection, task_id: TaskId, attempt: i64) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT 1 FROM agent_task WHERE id = $1 AND attempt = $2 AND status = 'running'")
        .bind(task_id)
        .bind(attempt)
        .fetch_optional(tx)
        .await?;
    Ok(found.is_some())
}

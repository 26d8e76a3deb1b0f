//! Permission requests. Each one is decided exactly once: by the session's owner, by the time limit, by the agent's
//! withdrawal, or by the end of the attempt.

use serde_json::Value;

use super::{
    Change, Store, StoreError,
    database_driver::Connection,
    sessions::owned_session,
    steps::{self, StepKey},
    turns::task_of,
};
use crate::{
    chat::{
        AnswerError, DecidedBy, PermissionAnswer, PermissionDecision, PermissionDetail, PermissionOutcome, StepStatus,
        UserRef,
    },
    clock::Timestamp,
    event::Hints,
    id::{PermissionId, SessionId, TaskId},
};

/// A stored permission request.
#[derive(sqlx::FromRow)]
struct PermissionRow {
    #[sqlx(flatten)]
    step: StepKey,
    /// The stored detail, which may have been written by an older version.
    #[sqlx(json)]
    detail: Value,
}

impl PermissionRow {
    fn parsed(&self) -> Result<PermissionDetail, StoreError> {
        serde_json::from_value(self.detail.clone()).map_err(|_| StoreError::Corrupt("task_step.detail".into()))
    }

    /// Stores the outcome, decided at `now`. The caller must have verified in the same transaction that the request has
    /// no outcome yet.
    async fn decide(
        &self,
        tx: &mut Connection,
        user: &UserRef,
        outcome: &PermissionOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let status = match outcome.decision {
            PermissionDecision::Allow => StepStatus::Succeeded,
            PermissionDecision::Reject => StepStatus::Rejected,
        };
        let detail = steps::with_outcome(self.detail.clone(), outcome)?;
        steps::end(tx, user, self.step, status, now, Some(&detail)).await
    }
}

async fn find(connection: &mut Connection, id: PermissionId) -> Result<Option<PermissionRow>, StoreError> {
    let query = sqlx::query_as("SELECT task_id, attempt, seq, detail FROM task_step WHERE permission_id = $1");
    Ok(query.bind(id).fetch_optional(connection).await?)
}

/// Returns whether a permission request belongs to an earlier attempt of this task.
async fn is_past(connection: &mut Connection, task_id: TaskId, id: PermissionId) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT 1 FROM past_permission WHERE permission_id = $1 AND task_id = $2")
        .bind(id)
        .bind(task_id)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

impl Store {
    /// Answers a permission request.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`], [`StoreError::PermissionAnswered`], [`StoreError::PermissionExpired`],
    /// [`StoreError::TaskEnded`], [`StoreError::PermissionOptionUnknown`], or [`StoreError::PermissionOptionRequired`].
    pub async fn answer_permission(
        &self,
        user: &UserRef,
        session_id: SessionId,
        task_id: TaskId,
        id: PermissionId,
        answer: &PermissionAnswer,
    ) -> Result<Change<()>, StoreError> {
        self.write_for(user, async |tx| {
            owned_session(tx, user, session_id).await?;
            let task = task_of(tx, session_id, task_id).await?;
            let Some(request) = find(tx, id).await?.filter(|found| found.step.task_id == task_id) else {
                return Err(match is_past(tx, task_id, id).await? {
                    true if task.status.has_ended() => StoreError::TaskEnded,
                    true => StoreError::PermissionExpired,
                    false => StoreError::NotFound,
                });
            };
            let detail = request.parsed()?;
            match detail.decided_by {
                Some(DecidedBy::User) => return Err(StoreError::PermissionAnswered),
                Some(_) if task.status.has_ended() => return Err(StoreError::TaskEnded),
                Some(DecidedBy::TimeLimit | DecidedBy::Withdrawn) => return Err(StoreError::PermissionExpired),
                None => {}
            }
            let outcome = detail.answer(answer).map_err(|problem| {
                let offered = detail.options.iter().map(|option| option.option_id.clone()).collect();
                match problem {
                    AnswerError::UnknownOption => StoreError::PermissionOptionUnknown { offered },
                    AnswerError::OptionRequired => StoreError::PermissionOptionRequired { offered },
                }
            })?;
            request.decide(tx, user, &outcome, self.inner.clock.now()).await?;
            Ok(Change::new((), Hints { users: vec![user.clone()], decisions: vec![task_id], ..Hints::default() }))
        })
        .await
    }

    /// Returns whether a permission request belongs to any attempt of this task.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn has_permission(&self, task_id: TaskId, id: PermissionId) -> Result<bool, StoreError> {
        self.read(async |connection| match find(connection, id).await? {
            Some(request) => Ok(request.step.task_id == task_id),
            None => is_past(connection, task_id, id).await,
        })
        .await
    }

    /// Returns the outcome of a permission request; `None` if the request is pending or is not stored.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn find_permission_outcome(&self, id: PermissionId) -> Result<Option<PermissionOutcome>, StoreError> {
        self.read(async |connection| {
            let Some(request) = find(connection, id).await? else { return Ok(None) };
            Ok(request.parsed()?.outcome())
        })
        .await
    }

    /// Rejects a permission request that expired or was withdrawn, unless it has been answered. Returns the outcome in
    /// effect, which may be an earlier answer.
    ///
    /// # Errors
    /// Returns [`StoreError::NotFound`] if the request is not stored.
    pub async fn close_permission(
        &self,
        user: &UserRef,
        id: PermissionId,
        why: DecidedBy,
    ) -> Result<Change<PermissionOutcome>, StoreError> {
        self.write_for(user, async |tx| {
            let request = find(tx, id).await?.ok_or(StoreError::NotFound)?;
            if let Some(outcome) = request.parsed()?.outcome() {
                return Ok(Change::nothing(outcome));
            }
            let outcome = PermissionOutcome::unanswered(why);
            request.decide(tx, user, &outcome, self.inner.clock.now()).await?;
            Ok(Change::new(outcome, Hints { users: vec![user.clone()], ..Hints::default() }))
        })
        .await
    }
}

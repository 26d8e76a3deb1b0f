//! Reads steps, by task and for streams.

use super::{
    StoreError,
    database_driver::Connection,
    rows::{self, StepColumns, step_columns},
    stripe::Stripe,
};
use crate::{
    chat::Step,
    id::{SessionId, TaskId},
};

/// A step with all the information that a stream needs to send it.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct StepRow {
    pub(super) stripe: i64,
    /// The log of the session's owner.
    pub user_log_id: i64,
    /// The session.
    #[sqlx(rename = "chat_session_id")]
    pub session_id: SessionId,
    /// The task.
    pub task_id: TaskId,
    /// The attempt number.
    pub attempt: i64,
    /// The step.
    #[sqlx(flatten, try_from = "StepColumns")]
    pub step: Step,
}

/// Lists the steps of a task in order.
pub(super) async fn list(connection: &mut Connection, task_id: TaskId) -> Result<Vec<Step>, StoreError> {
    let found: Vec<StepColumns> = sqlx::query_as(concat!(
        "SELECT ",
        step_columns!(),
        " FROM task_step s WHERE s.task_id = $1 ORDER BY s.attempt, s.seq"
    ))
    .bind(task_id)
    .fetch_all(connection)
    .await?;
    rows::steps(found)
}

/// Lists at most `limit` steps of an attempt in order, starting after the step with the number `after`.
pub(super) async fn list_after(
    connection: &mut Connection,
    task_id: TaskId,
    attempt: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Step>, StoreError> {
    let found: Vec<StepColumns> = sqlx::query_as(concat!(
        "SELECT ",
        step_columns!(),
        " FROM task_step s WHERE s.task_id = $1 AND s.attempt = $2 AND s.seq > $3 ORDER BY s.seq LIMIT $4 + 0"
    ))
    .bind(task_id)
    .bind(attempt)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows::steps(found)
}

/// Selects the columns of a [`StepRow`]; must be followed by `AND` conditions and `ORDER BY`. `CROSS JOIN` forces
/// SQLite to begin with the steps.
macro_rules! select_step_rows {
    () => {
        concat!(
            "SELECT ",
            $crate::store::rows::step_columns!(),
            ", s.stripe, s.task_id, s.attempt, t.chat_session_id, u.id AS user_log_id FROM task_step s \
             CROSS JOIN agent_task t CROSS JOIN chat_session c CROSS JOIN user_log u \
             WHERE t.id = s.task_id AND t.attempt = s.attempt AND c.id = t.chat_session_id \
             AND u.workspace_id = c.workspace_id AND u.user_id = c.creator_id "
        )
    };
}

pub(super) use select_step_rows;

/// Reads at most `limit` steps that changed after a revision and belong to tasks of the user that are not running. If a
/// session is given, reads only that session's steps. `stripe` is the user's.
pub(super) async fn read_closed_after(
    connection: &mut Connection,
    user_log_id: i64,
    stripe: Stripe,
    only: Option<SessionId>,
    revision: i64,
    limit: i64,
) -> Result<Vec<StepRow>, StoreError> {
    /// Selects a user's closed steps in stripe 0 and in three others. `$2` limits their number.
    const OF_USER: &str = concat!(
        select_step_rows!(),
        "AND s.stripe IN (0, $4, $5, $6) AND s.revision > $1 AND u.id = $3 AND t.status != 'running' \
         ORDER BY s.revision LIMIT $2 + 0"
    );
    /// Like [`OF_USER`], for one session.
    const OF_SESSION: &str = concat!(
        select_step_rows!(),
        "AND s.stripe IN (0, $4, $5, $6) AND s.revision > $1 AND u.id = $3 AND t.status != 'running' AND c.id = $7 \
         ORDER BY s.revision LIMIT $2 + 0"
    );
    // Rows from before there were stripes are in stripe 0. On SQLite, labels have no meaning.
    let labels = if connection.is_server() { [stripe.number(); 3] } else { [1, 2, 3] };
    let sql = if only.is_some() { OF_SESSION } else { OF_USER };
    let query = sqlx::query_as(sql).bind(revision).bind(limit).bind(user_log_id);
    let query = labels.into_iter().fold(query, sqlx::query::QueryAs::bind).bind(only);
    Ok(query.fetch_all(connection).await?)
}

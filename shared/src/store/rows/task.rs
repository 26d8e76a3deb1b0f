//! Task rows.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type, types::Json};

use super::usage;
use crate::{
    chat::{ChangeCounts, ErrorCode, Task, TaskError, TaskStatus},
    clock::Timestamp,
    id::{SessionId, TaskId},
    store::{
        StoreError,
        database_driver::{Connection, Query},
        sqlite,
    },
};

/// The columns of `agent_task t` that make up a [`TaskRow`].
macro_rules! task_columns {
    () => {
        "t.id AS t_id, t.chat_session_id AS t_session_id, t.status AS t_status, t.attempt AS t_attempt, \
         t.failures AS t_failures, t.max_attempts AS t_max_attempts, t.next_attempt_at AS t_next_attempt_at, \
         t.error_code AS t_error_code, t.error_message AS t_error_message, t.input_tokens AS t_input_tokens, \
         t.output_tokens AS t_output_tokens, t.created_at AS t_created_at, t.started_at AS t_started_at, \
         t.finished_at AS t_finished_at, t.changed_files AS t_changed_files, t.added_lines AS t_added_lines, \
         t.deleted_lines AS t_deleted_lines"
    };
}

pub(in crate::store) use task_columns;

/// A row of `agent_task`.
#[derive(FromRow)]
#[expect(clippy::struct_field_names, reason = "named after the columns of the query")]
pub(in crate::store) struct TaskRow {
    t_id: TaskId,
    t_session_id: SessionId,
    t_status: TaskStatus,
    t_attempt: i64,
    t_failures: i64,
    t_max_attempts: i64,
    t_next_attempt_at: Option<Timestamp>,
    t_error_code: Option<ErrorCode>,
    t_error_message: Option<String>,
    t_input_tokens: Option<i64>,
    t_output_tokens: Option<i64>,
    t_created_at: Timestamp,
    t_started_at: Option<Timestamp>,
    t_finished_at: Option<Timestamp>,
    t_changed_files: Option<i64>,
    t_added_lines: Option<i64>,
    t_deleted_lines: Option<i64>,
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        let error = row.t_error_code.zip(row.t_error_message);
        Self {
            id: row.t_id,
            chat_session_id: row.t_session_id,
            status: row.t_status,
            attempt: row.t_attempt,
            failures: row.t_failures,
            max_attempts: row.t_max_attempts,
            next_attempt_at: row.t_next_attempt_at,
            error: error.map(|(code, message)| TaskError::new(code, message)),
            usage: usage(row.t_input_tokens, row.t_output_tokens),
            created_at: row.t_created_at,
            started_at: row.t_started_at,
            finished_at: row.t_finished_at,
            changes: row.t_changed_files.filter(|files| *files > 0).map(|files| ChangeCounts {
                files,
                additions: row.t_added_lines.unwrap_or_default(),
                deletions: row.t_deleted_lines.unwrap_or_default(),
            }),
        }
    }
}

/// The optional task in the result of an outer join.
pub(super) struct JoinedTask(pub(super) Option<Task>);

impl<'r, R> FromRow<'r, R> for JoinedTask
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<TaskId>: Decode<'r, R::Database> + Type<R::Database>,
    TaskRow: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(match row.try_get::<Option<TaskId>, _>("t_id")? {
            Some(_) => Some(TaskRow::from_row(row)?.into()),
            None => None,
        }))
    }
}

/// Returns the current state of a task.
pub(in crate::store) async fn find_task(connection: &mut Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    let row: Option<TaskRow> =
        sqlx::query_as(concat!("SELECT ", task_columns!(), " FROM agent_task t WHERE t.id = $1"))
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(Task::from))
}

/// Selects the current state of each task whose message is part of a transcript, in no particular order. The rows are
/// [`TaskRow`]s.
pub(in crate::store) fn select_tasks_by_id(ids: &[TaskId]) -> Query<'_> {
    sqlx::query(concat!(
        "SELECT ",
        task_columns!(),
        " FROM agent_task t WHERE t.id IN ",
        sqlite::listed!(),
        " AND NOT EXISTS (SELECT 1 FROM inactive_message i WHERE i.id = t.user_message_id)"
    ))
    .bind(Json(ids))
}

//! Rows of the chat tables: the columns that queries select, and the types into which rows are read.

mod message;
mod session;
mod step;
mod task;

pub(super) use message::{
    MessageRow, find_any_message, find_message, message_columns, select_inactive_messages, select_messages,
    select_messages_by_id,
};
pub(super) use session::{find_session, list_sessions_by_id, parse_sessions, select_sessions_by_id};
pub(super) use step::{StepColumns, step_columns, steps};
pub(super) use task::{TaskRow, find_task, select_tasks_by_id, task_columns};

use crate::chat::{Usage, UserRef};

/// A session's owner, from the columns `workspace_id` and `creator_id`.
#[derive(sqlx::FromRow)]
pub(super) struct Owner {
    workspace_id: String,
    creator_id: String,
}

impl From<Owner> for UserRef {
    fn from(owner: Owner) -> Self {
        Self { workspace_id: owner.workspace_id, user_id: owner.creator_id }
    }
}

/// Combines the two usage columns; `None` if either is NULL.
fn usage(input_tokens: Option<i64>, output_tokens: Option<i64>) -> Option<Usage> {
    Some(Usage { input_tokens: input_tokens?, output_tokens: output_tokens? })
}

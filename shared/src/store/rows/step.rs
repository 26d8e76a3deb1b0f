//! Steps as they are stored.

use serde_json::Value;

use crate::chat::{PermissionDetail, Step, StepKind, StepStatus};

/// The columns of `task_step s` that a [`StepColumns`] is read from.
macro_rules! step_columns {
    () => {
        "s.seq, s.revision, s.kind, s.tool_call_id, s.title, s.status, s.detail"
    };
}

pub(in crate::store) use step_columns;

/// What a row of `task_step` says about the step itself.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct StepColumns {
    seq: i64,
    revision: i64,
    kind: StepKind,
    tool_call_id: Option<String>,
    title: String,
    status: StepStatus,
    #[sqlx(json)]
    detail: Value,
}

impl From<StepColumns> for Step {
    fn from(row: StepColumns) -> Self {
        Self {
            seq: row.seq,
            revision: row.revision,
            kind: row.kind,
            tool_call_id: row.tool_call_id,
            title: row.title,
            status: row.status,
            detail: if row.kind == StepKind::Permission { current_permission(row.detail) } else { row.detail },
        }
    }
}

/// Returns a permission's detail in today's shape, whatever version stored it.
fn current_permission(detail: Value) -> Value {
    let current = serde_json::from_value::<PermissionDetail>(detail.clone()).and_then(serde_json::to_value);
    current.unwrap_or(detail)
}

//! Step rows.

use serde_json::Value;

use crate::{
    chat::{Step, StepDetail, StepKind, StepStatus},
    clock::Timestamp,
    store::StoreError,
};

/// The columns of `task_step s` that make up a [`StepColumns`].
macro_rules! step_columns {
    () => {
        "s.seq, s.revision, s.kind, s.tool_call_id, s.parent_tool_call_id, s.title, s.status, s.text_offset, \
         s.started_at, s.ended_at, s.detail"
    };
}

pub(in crate::store) use step_columns;

/// The columns of a row of `task_step` that make up a step.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct StepColumns {
    seq: i64,
    revision: i64,
    kind: StepKind,
    tool_call_id: Option<String>,
    parent_tool_call_id: Option<String>,
    title: String,
    status: StepStatus,
    text_offset: i64,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    #[sqlx(json)]
    detail: Value,
}

impl TryFrom<StepColumns> for Step {
    type Error = serde_json::Error;

    fn try_from(row: StepColumns) -> Result<Self, Self::Error> {
        Ok(Self {
            seq: row.seq,
            revision: row.revision,
            detail: StepDetail::from_fields(row.kind, row.detail)?,
            tool_call_id: row.tool_call_id,
            parent_tool_call_id: row.parent_tool_call_id,
            title: row.title,
            status: row.status,
            text_offset: row.text_offset,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}

/// Converts rows to steps.
pub(in crate::store) fn steps(rows: Vec<StepColumns>) -> Result<Vec<Step>, StoreError> {
    let steps = rows.into_iter().map(Step::try_from).collect::<Result<_, _>>();
    steps.map_err(|error| StoreError::Corrupt(format!("task_step.detail: {error}")))
}

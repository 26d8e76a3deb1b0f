//! Builds step updates.

use banter_shared::chat::{StepDetail, StepStatus};

use crate::agents::{StepUpdate, Update};

/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 1000;

/// Returns an update with a step.
pub(super) fn step(key: &str, id: Option<&str>, title: &str, status: StepStatus, detail: StepDetail) -> Update {
    Update::Step(Box::new(step_update(key, id, title, status, detail)))
}

/// Returns the update for a step. Only the first line of the title is kept. `id` is the tool call's ID, if the step is
/// a tool call.
pub(super) fn step_update(
    key: &str,
    id: Option<&str>,
    title: &str,
    status: StepStatus,
    detail: StepDetail,
) -> StepUpdate {
    let title = title.lines().next().unwrap_or_default().chars().take(MAX_TITLE_CHARS).collect();
    let (key, tool_call_id) = (key.to_owned(), id.map(str::to_owned));
    StepUpdate { key, tool_call_id, parent_tool_call_id: None, title, status, detail }
}

//! Builds step updates.

use banter_shared::chat::{StepDetail, StepStatus};

use crate::agents::{StepUpdate, Update};

/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 1000;

/// Returns the update for a step. Only the first line of the title is kept. `id` is the tool call's ID, if the step is
/// a tool call.
pub(super) fn step(key: &str, id: Option<&str>, title: &str, status: StepStatus, detail: StepDetail) -> Update {
    let title = title.lines().next().unwrap_or_default().chars().take(MAX_TITLE_CHARS).collect();
    Update::Step(StepUpdate { key: key.to_owned(), tool_call_id: id.map(str::to_owned), title, status, detail })
}

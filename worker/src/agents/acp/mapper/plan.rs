//! Converts an agent's plan to a step.

use banter_shared::chat::{
    PlanEntry, PlanEntryPriority, PlanEntryStatus, StepDetail, StepStatus, strip_terminal_codes,
};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::step::step;
use crate::agents::{Update, acp::content::cut};

/// Maximum number of entries in a plan.
const MAX_ENTRIES: usize = 200;
/// Maximum length of a plan entry, in bytes.
const MAX_ENTRY_BYTES: usize = 4096;

/// Returns the step for a plan.
pub(super) fn plan_step(fields: &Map<String, Value>) -> Update {
    let entries: Vec<PlanEntry> = fields
        .get("entries")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(plan_entry)
        .take(MAX_ENTRIES)
        .collect();
    let is_done = entries.iter().all(|entry| entry.status == PlanEntryStatus::Completed);
    let status = if is_done { StepStatus::Succeeded } else { StepStatus::Running };
    step("plan", None, "Plan", status, StepDetail::plan(entries))
}

fn plan_entry(entry: &Value) -> Option<PlanEntry> {
    let content = entry.as_str().or_else(|| entry["content"].as_str())?;
    Some(PlanEntry {
        content: cut(&strip_terminal_codes(content), MAX_ENTRY_BYTES).0.to_owned(),
        status: PlanEntryStatus::deserialize(&entry["status"]).unwrap_or(PlanEntryStatus::Pending),
        priority: PlanEntryPriority::deserialize(&entry["priority"]).unwrap_or(PlanEntryPriority::Medium),
    })
}

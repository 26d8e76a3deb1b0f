//! One line about a step, and about the outcome of a turn.

use super::reader::Entry;
use crate::chat::{FinishReason, Step, StepDetail, StepKind, StepStatus, TaskStatus, clean_line};

/// The maximum length of a summary, in characters.
const MAX_CHARS: usize = 160;

/// Returns the kind of a step and one line about it, such as `Tool` and `Read notes.txt (succeeded)`.
pub fn step_summary(step: &Step) -> (&'static str, String) {
    let label = match step.kind() {
        StepKind::Thought => "Thought",
        StepKind::Tool => "Tool",
        StepKind::Plan => "Plan",
        StepKind::Permission => "Permission",
        StepKind::Notice => "Notice",
    };
    let text = match &step.detail {
        StepDetail::Thought(detail) => detail.text.as_deref().unwrap_or(&step.title).to_owned(),
        StepDetail::Plan(detail) => match &detail.entries {
            Some(entries) => entries.iter().map(|entry| entry.content.as_str()).collect::<Vec<_>>().join("; "),
            None => step.title.clone(),
        },
        StepDetail::Notice(detail) => {
            let more = detail.text.as_deref().filter(|text| !text.is_empty());
            more.map_or_else(|| step.title.clone(), |more| format!("{}: {more}", step.title))
        }
        StepDetail::Tool(_) | StepDetail::Permission(_) => {
            format!("{} ({})", shorten(&step.title), status(step))
        }
    };
    (label, shorten(&text))
}

/// Returns how a tool call ended, or how a permission request was answered.
fn status(step: &Step) -> &'static str {
    match (step.status, step.kind()) {
        (StepStatus::Pending, _) => "pending",
        (StepStatus::Running, _) => "running",
        (StepStatus::Succeeded, StepKind::Permission) => "allowed",
        (StepStatus::Succeeded, _) => "succeeded",
        (StepStatus::Failed, _) => "failed",
        (StepStatus::Rejected, _) => "rejected",
    }
}

/// Returns the text as one line of limited length.
fn shorten(text: &str) -> String {
    let words = clean_line(text);
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Returns one line about a message without a complete answer, or about an incomplete answer; `None` for other
/// messages.
pub fn outcome(entry: &Entry) -> Option<String> {
    if let Some(task) = &entry.message.task {
        return match (task.status, &task.error) {
            (TaskStatus::Failed, Some(error)) => Some(format!("Failed: {}", shorten(&error.message))),
            (TaskStatus::Failed, None) => Some("Failed.".to_owned()),
            (TaskStatus::Queued, _) => Some("Not answered yet.".to_owned()),
            (TaskStatus::Running, _) => Some("The agent was still working when this chat was exported.".to_owned()),
            // The answer states how it ended. Without text, there is no answer.
            (TaskStatus::Cancelled | TaskStatus::Interrupted | TaskStatus::Succeeded, _) => None,
        };
    }
    let text = match entry.message.finish_reason? {
        FinishReason::Stop => return None,
        FinishReason::Length => "The answer reached the agent's length limit.",
        FinishReason::Refusal => "The agent refused to answer.",
        FinishReason::Cancelled => "Stopped.",
        FinishReason::Interrupted => "Interrupted.",
        FinishReason::Error => "The answer is incomplete because of an error.",
        FinishReason::Empty => "The agent finished without an answer.",
    };
    Some(text.to_owned())
}

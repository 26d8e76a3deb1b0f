//! Typing events, which reflect the running tasks.

use std::time::Duration;

use banter_shared::{clock::Timestamp, event::EventData, id::TaskId};

/// Lifetime of a typing event unless it is renewed.
const TYPING_LEASE: Duration = Duration::from_secs(8);

/// Creates the event that shows whether an agent is working on a task.
pub(super) fn typing_event(agent_key: &str, task_id: TaskId, is_typing: bool, now: Timestamp) -> EventData {
    let expires_at = if is_typing { now.plus(TYPING_LEASE) } else { now };
    EventData::Typing { agent_key: agent_key.to_owned(), task_id, is_typing, expires_at }
}

//! Typing events, which reflect the running tasks.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use banter_shared::{clock::Timestamp, event::EventData, id::TaskId};

use super::frame::Frame;

/// Lifetime of a typing event unless it is renewed.
const TYPING_LEASE: Duration = Duration::from_secs(8);

/// Creates the event that shows whether an agent is working on a task.
pub(super) fn typing_event(agent_key: &str, task_id: TaskId, is_typing: bool, now: Timestamp) -> EventData {
    let expires_at = if is_typing { now.plus(TYPING_LEASE) } else { now };
    EventData::Typing { agent_key: agent_key.to_owned(), task_id, is_typing, expires_at }
}

/// The typing events renewed at this tick, which all streams share.
#[derive(Debug, Default)]
pub(super) struct TypingFrames(Mutex<HashMap<TaskId, Frame>>);

impl TypingFrames {
    /// Returns the renewal for a task, which `encode` creates if this is the first stream to need it.
    pub(super) fn get(&self, task_id: TaskId, encode: impl FnOnce() -> Option<Frame>) -> Option<Frame> {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = frames.get(&task_id) {
            return Some(frame.clone());
        }
        let frame = encode()?;
        frames.insert(task_id, frame.clone());
        Some(frame)
    }

    /// Removes the renewals from the last tick.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

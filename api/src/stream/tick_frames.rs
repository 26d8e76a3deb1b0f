//! The frames of recurring events, shared by all streams that send them in the same tick.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use banter_shared::id::TaskId;

use super::frame::Frame;

/// An event that recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RecurringEvent {
    /// A heartbeat.
    Heartbeat,
    /// The renewal of the typing event of a task.
    Typing(TaskId),
}

/// The frames of the current tick.
#[derive(Debug, Default)]
pub(super) struct TickFrames(Mutex<HashMap<RecurringEvent, Frame>>);

impl TickFrames {
    /// Returns the frame of an event. `encode` creates the frame the first time it is needed in a tick.
    pub(super) fn get(&self, event: RecurringEvent, encode: impl FnOnce() -> Option<Frame>) -> Option<Frame> {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = frames.get(&event) {
            return Some(frame.clone());
        }
        let frame = encode()?;
        frames.insert(event, frame.clone());
        Some(frame)
    }

    /// Removes the frames of the previous tick.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::{
        clock::Timestamp,
        event::{Event, EventData},
    };

    use super::*;

    #[test]
    fn encodes_each_event_once_per_tick() {
        let (frames, task_id) = (TickFrames::default(), TaskId::generate());
        let encode = || {
            Frame::encode(None, &Event { at: Timestamp::UNIX_EPOCH, chat_session_id: None, data: EventData::Heartbeat })
        };
        let get = |event| frames.get(event, encode).unwrap().chunk();
        let events = [RecurringEvent::Heartbeat, RecurringEvent::Typing(task_id)];

        let [first, again] = [(); 2].map(|()| events.map(get));
        frames.clear();
        let next = events.map(get);

        let is_shared = |[a, b]: [&bytes::Bytes; 2]| a.as_ptr() == b.as_ptr();
        for index in 0..events.len() {
            assert!(is_shared([&first[index], &again[index]]) && !is_shared([&first[index], &next[index]]));
        }
        assert!(!is_shared([&first[0], &first[1]]));
    }
}

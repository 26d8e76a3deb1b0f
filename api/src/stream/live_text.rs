//! Live text of answers in progress, and the gaps in it.

use std::sync::Arc;

use banter_shared::{chat::Partial, event::EventData, id::TaskId, relay::LiveText};

use super::event_stream::{CloseReason, EventStream};

/// Maximum number of deltas held after a gap.
const MAX_HELD_DELTAS: usize = 256;

impl EventStream {
    /// Forwards a delta. Deltas after a gap are held until all text before them is known.
    pub(super) async fn handle_text(&mut self, text: &Arc<LiveText>) -> Result<(), CloseReason> {
        let Some(running) = self.running.get_mut(&text.task_id) else { return Ok(()) };
        if text.attempt != running.attempt || text.next_offset() <= running.next_offset {
            return Ok(());
        }
        if text.offset > running.next_offset || !running.held.is_empty() {
            // Deltas over the limit are dropped; the resulting gap is also closed from the store.
            if running.held.len() < MAX_HELD_DELTAS {
                running.held.push(Arc::clone(text));
            }
            self.close_gap(text.task_id).await;
            return Ok(());
        }
        self.try_send_text(text);
        Ok(())
    }

    /// Forwards the part of a delta that has not been sent. If the queue is full, that part becomes a gap.
    fn try_send_text(&mut self, text: &LiveText) -> bool {
        let Some(running) = self.running.get(&text.task_id) else { return false };
        let (session_id, offset) = (running.session_id, running.next_offset);
        // A stored chunk may overlap text that was already sent. Sent text ends where a delta ended, so the rest of the
        // chunk begins at a character boundary.
        let sent = usize::try_from(offset - text.offset).unwrap_or(usize::MAX);
        let Some(rest) = text.text.get(sent..) else { return false };
        let delta = EventData::MessageDelta {
            task_id: text.task_id,
            attempt: text.attempt,
            message_id: text.message_id,
            offset,
            next_offset: text.next_offset(),
            text: rest.to_owned(),
        };
        let was_sent = self.try_send(delta, Some(session_id));
        if was_sent && let Some(running) = self.running.get_mut(&text.task_id) {
            running.next_offset = text.next_offset();
        }
        was_sent
    }

    pub(super) fn has_gaps(&self) -> bool {
        self.running.values().any(|running| !running.held.is_empty())
    }

    pub(super) async fn close_gaps(&mut self) {
        let tasks: Vec<TaskId> =
            self.running.iter().filter(|(_, running)| !running.held.is_empty()).map(|(id, _)| *id).collect();
        for task_id in tasks {
            self.close_gap(task_id).await;
        }
    }

    /// If the stored text extends to the held deltas, sends it, and then the part of these deltas that it does not
    /// contain. Otherwise changes nothing; the caller retries later.
    async fn close_gap(&mut self, task_id: TaskId) {
        let Some(running) = self.running.get(&task_id) else { return };
        let Some(first) = running.held.first().map(|text| text.offset) else { return };
        let session_id = running.session_id;
        let partial = match self.hub.store.find_partial(task_id, running.attempt).await {
            Ok(Some(partial)) if partial.next_offset >= first => partial,
            Ok(_) => return,
            Err(error) => return tracing::warn!(%error, "failed to read the partial answer"),
        };
        let next_offset = partial.next_offset;
        if !self.try_send(partial_event(partial), Some(session_id)) {
            return;
        }
        let Some(running) = self.running.get_mut(&task_id) else { return };
        running.next_offset = next_offset;
        for text in std::mem::take(&mut running.held) {
            let next = self.running.get(&task_id).map_or(i64::MAX, |running| running.next_offset);
            if text.next_offset() > next && (text.offset > next || !self.try_send_text(&text)) {
                break;
            }
        }
    }
}

/// Creates the event with the text so far.
pub(super) fn partial_event(partial: Partial) -> EventData {
    let Partial { task_id, attempt, message_id, text, next_offset } = partial;
    EventData::MessagePartial { task_id, attempt, message_id, text, next_offset }
}

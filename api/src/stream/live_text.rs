//! Live text of answers in progress, and how gaps in it are closed.

use std::{collections::VecDeque, sync::Arc};

use banter_shared::{chat::Partial, event::EventData, id::TaskId};

use super::{
    frame::Frame,
    live_update::{TaskProgress, TextPiece},
    missed_text::MissedText,
    progress::Progress,
};

/// Maximum number of deltas held after a gap, per task.
const MAX_HELD_DELTAS: usize = 256;

impl Progress {
    /// Sends a piece of text. After a gap, holds pieces until all text before them has been sent.
    pub(super) fn apply_text(&mut self, piece: &Arc<TextPiece>, out: &mut VecDeque<Frame>) {
        let Some(running) = self.running.get_mut(&piece.text.task_id) else { return };
        if piece.text.attempt != running.attempt || piece.text.next_offset() <= running.next_offset {
            return;
        }
        if piece.text.offset <= running.next_offset && running.send_text(piece, out) {
            running.send_held(out);
        } else if running.held.len() < MAX_HELD_DELTAS {
            // Pieces over the limit are dropped; the resulting gap is also closed from the store.
            running.held.push(Arc::clone(piece));
        }
        self.request_missed_text(piece.text.task_id);
    }

    /// Sends the stored text if it closes a gap, then the held text after it.
    pub(super) fn apply_partial(
        &mut self,
        task_id: TaskId,
        attempt: i64,
        next_offset: i64,
        frame: &Frame,
        out: &mut VecDeque<Frame>,
    ) {
        let Some(running) = self.running.get_mut(&task_id).filter(|running| running.attempt == attempt) else { return };
        if running.held.first().is_some_and(|held| next_offset >= held.text.offset) && next_offset > running.next_offset
        {
            out.push_back(frame.clone());
            running.next_offset = next_offset;
            running.send_held(out);
        }
        self.request_missed_text(task_id);
    }

    /// Requests the stored text if text is held after a gap.
    fn request_missed_text(&self, task_id: TaskId) {
        let Some(running) = self.running.get(&task_id).filter(|running| !running.held.is_empty()) else { return };
        let (user_log_id, session_id, attempt) = (self.user_log_id, running.session_id, running.attempt);
        self.hub.missed_texts.add(MissedText { user_log_id, session_id, task_id, attempt });
    }
}

impl TaskProgress {
    /// Sends the part of a piece that has not been sent yet; the piece must not begin after the end of the text sent so
    /// far. Returns whether the part was sent.
    fn send_text(&mut self, piece: &TextPiece, out: &mut VecDeque<Frame>) -> bool {
        // A stored chunk may overlap text that was already sent. Sent text ends where a delta ended, so the rest of the
        // chunk begins at a character boundary.
        let is_exact = piece.text.offset == self.next_offset;
        let Some(frame) = (if is_exact { Some(piece.frame.clone()) } else { piece.rest(self.next_offset) }) else {
            return false;
        };
        out.push_back(frame);
        self.next_offset = piece.text.next_offset();
        true
    }

    /// Sends the held text up to the next gap.
    fn send_held(&mut self, out: &mut VecDeque<Frame>) {
        if self.held.is_empty() {
            return;
        }
        let mut held = std::mem::take(&mut self.held).into_iter();
        for piece in held.by_ref() {
            let is_old = piece.text.next_offset() <= self.next_offset;
            if !is_old && (piece.text.offset > self.next_offset || !self.send_text(&piece, out)) {
                self.held.push(piece);
                break;
            }
        }
        self.held.extend(held);
    }
}

/// Creates the event that contains the answer's text so far.
pub(super) fn partial_event(partial: Partial) -> EventData {
    let Partial { task_id, attempt, message_id, text, next_offset } = partial;
    EventData::MessagePartial { task_id, attempt, message_id, text, next_offset }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use banter_shared::{
        clock::Timestamp,
        id::{MessageId, SessionId},
        relay::LiveText,
    };

    use super::*;

    /// Creates one piece per word of an answer, in order.
    fn pieces(words: &[&str]) -> Vec<Arc<TextPiece>> {
        let (session_id, task_id, message_id) = (SessionId::generate(), TaskId::generate(), MessageId::generate());
        let mut offset = 0;
        let mut piece = |text: &str| {
            let text = LiveText { session_id, task_id, attempt: 1, message_id, offset, text: text.into() };
            offset = text.next_offset();
            Arc::new(TextPiece::new(Arc::new(text), Timestamp::UNIX_EPOCH).unwrap())
        };
        words.iter().map(|word| piece(word)).collect()
    }

    fn progress() -> TaskProgress {
        TaskProgress {
            session_id: SessionId::generate(),
            agent_key: "demo".into(),
            attempt: 1,
            next_offset: 0,
            held: Vec::new(),
            sent_steps: BTreeMap::new(),
        }
    }

    fn text(frame: &Frame) -> String {
        let frame = String::from_utf8(frame.text().to_vec()).unwrap();
        let data: serde_json::Value = serde_json::from_str(frame.split("data: ").nth(1).unwrap()).unwrap();
        format!("{}:{}", data["offset"], data["text"].as_str().unwrap())
    }

    #[test]
    fn all_streams_share_the_frame_of_a_piece() {
        let (pieces, mut out) = (pieces(&["one"]), VecDeque::new());

        for _ in 0..2 {
            assert!(progress().send_text(&pieces[0], &mut out));
        }

        assert!(out.iter().all(|frame| frame.chunk().as_ptr() == pieces[0].frame.chunk().as_ptr()));
    }

    #[test]
    fn sends_only_the_unsent_rest_of_a_piece() {
        let (pieces, mut out) = (pieces(&["one "]), VecDeque::new());
        let (mut stream, mut elsewhere) = (progress(), progress());
        stream.next_offset = 2;
        elsewhere.next_offset = 9;

        assert!(stream.send_text(&pieces[0], &mut out));
        assert!(!elsewhere.send_text(&pieces[0], &mut out));

        assert_eq!(out.iter().map(text).collect::<Vec<_>>(), ["2:e "]);
        assert_eq!((stream.next_offset, elsewhere.next_offset), (4, 9));
    }

    #[test]
    fn sends_held_pieces_up_to_the_next_gap() {
        let (pieces, mut out, mut stream) = (pieces(&["a", "b", "c", "d", "e"]), VecDeque::new(), progress());
        stream.held = [0, 1, 2, 4].map(|index| Arc::clone(&pieces[index])).into();
        stream.next_offset = 1;

        stream.send_held(&mut out);

        assert_eq!(out.iter().map(text).collect::<Vec<_>>(), ["1:b", "2:c"]);
        assert_eq!(stream.held.len(), 1);
        assert!(stream.send_text(&pieces[3], &mut out));
        stream.send_held(&mut out);
        assert_eq!((stream.held.len(), stream.next_offset), (0, 5));
    }
}

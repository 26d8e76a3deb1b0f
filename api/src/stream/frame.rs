//! Encodes events as SSE frames (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use banter_shared::event::{Cursor, Event};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Initial capacity of a frame, in bytes; sufficient for most events.
const USUAL_BYTES: usize = 1024;
/// Maximum length of a chunk's head: eight hexadecimal digits and a line break.
const HEAD_BYTES: usize = 10;
/// The line break that ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";

/// An encoded event. Clones share the same memory. A frame is one chunk of a chunked body (RFC 9112, section 7.1), so
/// it can be written to a connection as is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    chunk: Bytes,
    /// Length of the chunk's head, in bytes.
    head: usize,
}

impl Frame {
    /// Encodes an event. Only durable events have an ID, from which a client can resume. Returns `None` and logs an
    /// error if the event cannot be encoded, which never happens in practice.
    pub(super) fn encode(id: Option<&Cursor>, event: &Event) -> Option<Self> {
        let mut buffer = BytesMut::with_capacity(USUAL_BYTES);
        buffer.put_bytes(0, HEAD_BYTES);
        if let Some(id) = id {
            buffer.extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        buffer.extend_from_slice(b"event: ");
        buffer.extend_from_slice(event.data.kind().as_bytes());
        buffer.extend_from_slice(b"\ndata: ");
        // Compact JSON contains no line breaks: in strings, they are escaped.
        let mut writer = buffer.writer();
        serde_json::to_writer(&mut writer, event)
            .inspect_err(|error| tracing::error!(%error, "cannot encode an event"))
            .ok()?;
        let mut buffer = writer.into_inner();
        buffer.extend_from_slice(b"\n\n");

        let head = format!("{:x}\r\n", buffer.len() - HEAD_BYTES);
        buffer.extend_from_slice(CHUNK_END);
        buffer.advance(HEAD_BYTES.saturating_sub(head.len()));
        buffer[..head.len()].copy_from_slice(head.as_bytes());
        Some(Self { chunk: buffer.freeze(), head: head.len() })
    }

    /// Returns the frame as a chunk of a chunked body.
    #[must_use]
    pub fn chunk(&self) -> Bytes {
        self.chunk.clone()
    }

    /// Returns the frame as text, for a body that is delimited by the close of the connection.
    #[must_use]
    pub fn text(&self) -> Bytes {
        self.chunk.slice(self.head..self.chunk.len() - CHUNK_END.len())
    }

    /// Returns the size of the chunk in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.chunk.len()
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::{
        clock::Timestamp,
        event::{Epoch, EventData},
        id::{MessageId, TaskId},
    };

    use super::*;

    fn event(data: EventData) -> Event {
        Event { at: Timestamp::UNIX_EPOCH, chat_session_id: None, data }
    }

    #[test]
    fn only_durable_events_have_an_id() {
        let cursor = Cursor { epoch: Epoch::from_stored("abc".into()), seq: 7 };

        let durable = Frame::encode(Some(&cursor), &event(EventData::SessionDeleted)).unwrap();
        let fleeting = Frame::encode(None, &event(EventData::Heartbeat)).unwrap();

        assert_eq!(
            durable.text(),
            "id: abc-7\nevent: session.deleted\ndata: {\"at\":\"1970-01-01T00:00:00.000Z\",\"type\":\"session.deleted\"}\n\n"
        );
        assert!(fleeting.text().starts_with(b"event: heartbeat\n"));
    }

    #[test]
    fn encodes_text_with_line_breaks_on_one_line() {
        let delta = EventData::MessageDelta {
            task_id: TaskId::generate(),
            attempt: 1,
            message_id: MessageId::generate(),
            offset: 0,
            next_offset: 5,
            text: "a\r\nb\n\u{2028}".into(),
        };

        let text = Frame::encode(None, &event(delta)).unwrap().text();

        assert_eq!(std::str::from_utf8(&text).unwrap().matches('\n').count(), 3);
        assert!(!text.contains(&b'\r'));
    }

    #[test]
    fn a_frame_is_a_chunk_that_begins_with_its_size() {
        for size in [1, 200, 5000, 2_000_000] {
            let event = event(EventData::Resync {
                reason: "x".repeat(size),
                cursor: Cursor { epoch: Epoch::from_stored("abc".into()), seq: 7 },
            });

            let frame = Frame::encode(None, &event).unwrap();

            let text = frame.text();
            let expected = [format!("{:x}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat();
            assert_eq!(frame.chunk(), expected);
        }
    }
}

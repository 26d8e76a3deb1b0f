//! Encoding of events as SSE frames (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use banter_shared::event::{Cursor, Event};
use bytes::{BufMut as _, Bytes, BytesMut};

/// Initial capacity of a frame, in bytes; sufficient for most events.
const USUAL_BYTES: usize = 1024;

/// Encodes an event as one frame. Only durable events have an ID, from which a client resumes.
pub(super) fn encode(id: Option<&Cursor>, event: &Event) -> Result<Bytes, serde_json::Error> {
    let mut frame = BytesMut::with_capacity(USUAL_BYTES);
    if let Some(id) = id {
        frame.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    frame.extend_from_slice(b"event: ");
    frame.extend_from_slice(event.data.kind().as_bytes());
    frame.extend_from_slice(b"\ndata: ");
    // Compact JSON contains no line breaks: in strings, they are escaped.
    let mut writer = frame.writer();
    serde_json::to_writer(&mut writer, event)?;
    let mut frame = writer.into_inner();
    frame.extend_from_slice(b"\n\n");
    Ok(frame.freeze())
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

        let durable = encode(Some(&cursor), &event(EventData::SessionDeleted)).unwrap();
        let fleeting = encode(None, &event(EventData::Heartbeat)).unwrap();

        assert_eq!(
            durable,
            "id: abc-7\nevent: session.deleted\ndata: {\"at\":\"1970-01-01T00:00:00.000Z\",\"type\":\"session.deleted\"}\n\n"
        );
        assert!(fleeting.starts_with(b"event: heartbeat\n"));
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

        let frame = encode(None, &event(delta)).unwrap();

        assert_eq!(std::str::from_utf8(&frame).unwrap().matches('\n').count(), 3);
        assert!(!frame.contains(&b'\r'));
    }
}

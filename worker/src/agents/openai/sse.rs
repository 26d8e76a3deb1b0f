//! Splits bytes into server-sent events (WHATWG HTML, section 9.2), for streams that nobody vouches for.
//!
//! Lines may end in LF, CRLF or CR and be cut anywhere. What is buffered is bounded, and bytes that are not UTF-8 become
//! replacement characters. That is why this is not `eventsource-stream`: it buffers a line of any length, ends at the
//! first invalid byte, and drops an event that no blank line follows, where lax servers end their last one so.

/// Longest line, and longest data of one event, in bytes.
pub(super) const MAX_LINE_BYTES: usize = 1024 * 1024;
/// The fields of the format.
const FIELDS: [&str; 4] = ["data", "event", "id", "retry"];

/// One event with data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The `event` field; empty when there was none.
    pub name: String,
    /// The `data` fields, one a line.
    pub data: String,
}

/// Why the bytes are no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SseError {
    /// A line or an event is longer than [`MAX_LINE_BYTES`].
    TooLong,
    /// A line before the first event has no field of the format.
    NotEvents,
}

/// A stream in progress.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    /// The last byte was a CR, so an LF now belongs to it.
    after_cr: bool,
    seen_line: bool,
    seen_event: bool,
    name: String,
    data: Option<String>,
}

impl SseParser {
    /// Takes the next bytes and appends the events that they complete, also those before an error.
    pub fn push(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() > MAX_LINE_BYTES {
                return Err(SseError::TooLong);
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { return Ok(()) };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            events.extend(self.end_line()?);
        }
        Ok(())
    }

    /// The event that the end of the stream left open. It may be cut.
    pub fn finish(mut self) -> Result<Option<Event>, SseError> {
        let is_cut_field = FIELDS.iter().any(|field| field.as_bytes().starts_with(&self.line));
        if !is_cut_field {
            self.end_line()?;
        }
        Ok(self.end_event())
    }

    fn end_line(&mut self) -> Result<Option<Event>, SseError> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let line = if self.seen_line { &line } else { line.trim_start_matches('\u{feff}') };
        self.seen_line = true;
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) if data.len() + value.len() >= MAX_LINE_BYTES => return Err(SseError::TooLong),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.name),
            "" | "id" | "retry" => {}
            _ if self.seen_event || self.data.is_some() => {}
            _ => return Err(SseError::NotEvents),
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let event = self.data.take().map(|data| Event { name, data });
        self.seen_event |= event.is_some();
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    fn parse(parts: &[&[u8]]) -> Result<Vec<Event>, SseError> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for part in parts {
            parser.push(part, &mut events)?;
        }
        events.extend(parser.finish()?);
        Ok(events)
    }

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let stream =
            "\u{feff}: hi\r\ndata: é\r\n\r\ndata:1\rdata:  2\r\revent: error\ndata\n\nid: 7\nretry: 1\n\ndata: last";
        let expected = vec![event("", "é"), event("", "1\n 2"), event("error", ""), event("", "last")];

        assert_eq!(parse(&[stream.as_bytes()]), Ok(expected.clone()));
        for cut in 0..stream.len() {
            let (head, tail) = stream.as_bytes().split_at(cut);
            assert_eq!(parse(&[head, tail]), Ok(expected.clone()), "cut at {cut}");
        }
        let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(parse(&single), Ok(expected));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(parse(&[b"data: a\xff\xc3\n\n"]), Ok(vec![event("", "a\u{fffd}\u{fffd}")]));
    }

    #[test]
    fn unknown_fields_count_only_before_the_first_event() {
        assert_eq!(parse(&[b"hello world\n"]), Err(SseError::NotEvents));
        assert_eq!(parse(&[b"hello"]), Err(SseError::NotEvents));
        assert_eq!(parse(&[b"data: 1\n\nhello: world\ndata: 2\n\n"]), Ok(vec![event("", "1"), event("", "2")]));
    }

    #[test]
    fn a_field_cut_by_the_end_is_no_fault_of_the_format() {
        assert_eq!(parse(&[b"dat"]), Ok(vec![]));
        assert_eq!(parse(&[b"data: 1\neve"]), Ok(vec![event("", "1")]));
    }

    #[test]
    fn a_line_and_an_event_have_a_limit() {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        let chunk = vec![b'x'; 64 * 1024];
        parser.push(b"data: ", &mut events).unwrap();

        let outcome = (0..64).try_for_each(|_| parser.push(&chunk, &mut events));
        assert_eq!(outcome, Err(SseError::TooLong));
        assert!(parser.line.len() <= MAX_LINE_BYTES);

        let line = [b"data: ".as_slice(), &chunk, b"\n"].concat();
        let mut parser = SseParser::default();
        let outcome = (0..64).try_for_each(|_| parser.push(&line, &mut events));
        assert_eq!(outcome, Err(SseError::TooLong));
    }
}

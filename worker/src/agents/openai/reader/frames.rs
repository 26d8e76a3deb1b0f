//! Splits a stream into frames, which are server-sent events (WHATWG HTML, section 9.2) or other lines that servers
//! send between events.
//!
//! The `eventsource-stream` crate is not suitable:
//! - It drops lines that are not fields. Some servers report errors in such lines.
//! - It buffers lines of any length.
//! - It drops an event without a blank line after it. Some servers omit the blank line after the last event.

use serde::de::IgnoredAny;

use super::{
    json,
    lines::{Line, LineSplitter, MAX_LINE_BYTES},
};

/// Maximum length, in bytes, of incomplete data that is examined again when another line arrives.
const EAGER_BYTES: usize = 64 * 1024;
/// The names of an event's fields.
const FIELDS: [&str; 4] = ["data", "event", "id", "retry"];

/// An event, or text that is not part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The `event` field, or an empty string if there is none.
    pub name: String,
    /// The values of the `data` fields, one per line, or the lines of text if this is not an event.
    pub data: String,
    /// Whether this is an event.
    pub is_event: bool,
    /// Whether part of the frame is missing because the frame was too long.
    pub is_cut: bool,
}

/// Splits a stream's text into frames.
#[derive(Debug, Default)]
pub(super) struct FrameSplitter {
    lines: LineSplitter,
    name: String,
    data: Option<String>,
    /// Lines that are not fields but form the start of a JSON document.
    stray: String,
    is_cut: bool,
}

impl FrameSplitter {
    /// Processes the next piece of text and returns the frames that it completes.
    pub fn push(&mut self, text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        for line in self.lines.push(text) {
            self.take_line(&line, &mut frames);
        }
        frames
    }

    /// Returns the remaining frames at the end of the stream. The last one may be incomplete.
    pub fn finish(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let last = self.lines.finish();
        // If the stream ended within a field name, the line contains no data.
        let is_cut_name = FIELDS.iter().any(|field| field.starts_with(&name_of(&last.text)));
        if !is_cut_name {
            self.take_line(&last, &mut frames);
        }
        self.end_stray(&mut frames);
        self.end_event(&mut frames);
        frames
    }

    fn take_line(&mut self, line: &Line, frames: &mut Vec<Frame>) {
        self.is_cut |= line.is_cut;
        let text = line.text.as_str();
        if text.is_empty() {
            return self.end_event(frames);
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name_of(field).as_str() {
            "data" => {
                self.end_stray(frames);
                self.take_data(value, frames);
            }
            "event" => {
                self.end_stray(frames);
                value.trim().clone_into(&mut self.name);
            }
            "id" | "retry" => {}
            "" if text.trim().is_empty() || !reports_error(value) => {}
            "" => frames.push(self.stray_frame(value.to_owned())),
            _ if self.is_in_string() && !starts_with_error(text) => self.append_data(text),
            _ => self.take_stray(text, frames),
        }
    }

    fn take_data(&mut self, value: &str, frames: &mut Vec<Frame>) {
        // Some servers separate events with only a single line break.
        let begins_another = value.starts_with(['{', '[']) && self.data.as_deref().is_some_and(is_complete);
        if begins_another {
            self.end_event(frames);
        }
        self.append_data(value);
        if value.trim() == "[DONE]" {
            self.end_event(frames);
        }
    }

    fn append_data(&mut self, value: &str) {
        match &mut self.data {
            Some(data) if data.len() + value.len() >= MAX_LINE_BYTES => self.is_cut = true,
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
    }

    /// Returns whether the data so far ends inside a JSON string. Some servers do not escape line breaks in strings.
    fn is_in_string(&self) -> bool {
        self.data
            .as_deref()
            .is_some_and(|data| data.len() <= EAGER_BYTES && data.starts_with('{') && json::ends_in_string(data))
    }

    /// Processes a line that is not a field. A JSON document may span several lines.
    fn take_stray(&mut self, text: &str, frames: &mut Vec<Frame>) {
        let is_document = !self.stray.is_empty() || text.trim_start().starts_with(['{', '[']);
        if !is_document || text.trim() == "[DONE]" {
            self.end_event(frames);
            self.end_stray(frames);
            let frame = self.stray_frame(text.to_owned());
            return frames.push(frame);
        }
        if self.stray.len() + text.len() >= MAX_LINE_BYTES {
            self.is_cut = true;
            return;
        }
        self.stray.push_str(text);
        self.stray.push('\n');
        let may_end = text.trim_end().ends_with(['}', ']']);
        if may_end
            && (self.stray.len() == text.len() + 1 || self.stray.len() <= EAGER_BYTES)
            && is_complete(&self.stray)
        {
            self.end_stray(frames);
        }
    }

    fn end_event(&mut self, frames: &mut Vec<Frame>) {
        let name = std::mem::take(&mut self.name);
        let data = self.data.take();
        if data.is_some() || name.eq_ignore_ascii_case("error") {
            let is_cut = std::mem::take(&mut self.is_cut);
            frames.push(Frame { name, data: data.unwrap_or_default(), is_event: true, is_cut });
        }
    }

    fn end_stray(&mut self, frames: &mut Vec<Frame>) {
        if !self.stray.is_empty() {
            let text = std::mem::take(&mut self.stray);
            let frame = self.stray_frame(text.trim_end().to_owned());
            frames.push(frame);
        }
    }

    fn stray_frame(&mut self, data: String) -> Frame {
        Frame { name: String::new(), data, is_event: false, is_cut: std::mem::take(&mut self.is_cut) }
    }
}

/// Returns a field's name in lowercase, without any characters that servers mistakenly add around it.
fn name_of(field: &str) -> String {
    field.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}').to_ascii_lowercase()
}

/// Returns whether a comment reports an error rather than the absence of errors.
fn reports_error(comment: &str) -> bool {
    let words = comment.trim_start().get("error".len()..).filter(|_| starts_with_error(comment));
    let words = words.and_then(|words| words.trim_start().strip_prefix([':', '=']));
    words.is_some_and(|words| {
        let words = words.trim();
        words.contains(char::is_alphabetic)
            && !["none", "null", "false", "ok", "no"].contains(&&*words.to_ascii_lowercase())
    })
}

fn starts_with_error(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"))
}

/// Returns whether the text is a complete JSON value.
fn is_complete(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Frame {
        Frame { name: name.into(), data: data.into(), is_event: true, is_cut: false }
    }

    fn stray(data: &str) -> Frame {
        Frame { is_event: false, ..event("", data) }
    }

    fn frames(parts: &[&str]) -> Vec<Frame> {
        let mut splitter = FrameSplitter::default();
        let mut frames: Vec<Frame> = parts.iter().flat_map(|part| splitter.push(part)).collect();
        frames.extend(splitter.finish());
        frames
    }

    #[test]
    fn yields_the_same_frames_at_any_split() {
        let stream = ": hi\r\ndata: é\r\n\r\ndata:1\rdata:  2\r\revent: error\ndata\n\nid: 7\nretry: 1\n\noops\n\
            error: {\"a\":1}\ndata: {\"b\":\ndata: 2}\ndata: {\"c\":3}\n\n{\n \"d\": 4\n}\n: Error: e\nevent: error\n\n\
            data: [DONE]\ndata: last";
        let expected = vec![
            event("", "é"),
            event("", "1\n 2"),
            event("error", ""),
            stray("oops"),
            stray("error: {\"a\":1}"),
            event("", "{\"b\":\n2}"),
            event("", "{\"c\":3}"),
            stray("{\n \"d\": 4\n}"),
            stray("Error: e"),
            event("error", ""),
            event("", "[DONE]"),
            event("", "last"),
        ];

        assert_eq!(frames(&[stream]), expected);
        for cut in (0..stream.len()).filter(|cut| stream.is_char_boundary(*cut)) {
            assert_eq!(frames(&[&stream[..cut], &stream[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn accepts_fields_with_odd_names() {
        for line in [" data: 1", "Data: 1", "DATA:1", "\u{feff}data: 1", "\u{0}data: 1", "data : 1", "data:1"] {
            assert_eq!(frames(&[line, "\n\n"]), [event("", "1")], "{line}");
        }
    }

    #[test]
    fn joins_a_string_with_raw_line_breaks() {
        assert_eq!(frames(&["data: {\"a\":\"b\nc\"}\n\n"]), [event("", "{\"a\":\"b\nc\"}")]);
        assert_eq!(frames(&["data: {\"a\":\"b\nerror: c\n"]), [event("", "{\"a\":\"b"), stray("error: c")]);
    }

    #[test]
    fn ignores_comments_that_report_no_error() {
        for comment in
            [": error count 0", ": errors=0 queue=3", ":error-budget 99.9%", ": error=0", ": error: none", ":"]
        {
            assert_eq!(frames(&[comment, "\n\n"]), [], "{comment}");
        }
    }

    #[test]
    fn drops_a_field_name_truncated_by_the_end() {
        assert_eq!(frames(&["dat"]), []);
        assert_eq!(frames(&["data: 1\neve"]), [event("", "1")]);
    }

    #[test]
    fn limits_the_length_of_events_and_documents() {
        let line = format!("data: {}\n", "x ".repeat(500_000));
        let mut splitter = FrameSplitter::default();
        for _ in 0..20 {
            assert_eq!(splitter.push(&line), []);
        }
        let frames = splitter.push("\n");
        assert!(frames[0].is_cut && frames[0].data.len() <= MAX_LINE_BYTES);

        let line = format!("\"{}\",\n", "x ".repeat(500_000));
        assert_eq!(splitter.push("[\n"), []);
        for _ in 0..20 {
            assert_eq!(splitter.push(&line), []);
        }
        let frames = splitter.finish();
        assert!(frames[0].is_cut && frames[0].data.len() <= MAX_LINE_BYTES);
    }
}

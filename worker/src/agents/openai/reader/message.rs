//! Converts frames to messages: objects, errors, the end, and unknown ones.
//!
//! Unknown messages are ignored if they are harmless. Anything that reports an error is recognized, in whatever form.

use banter_shared::lenient_json::{self, LoneSurrogates};
use serde_json::Value;

use super::frames::Frame;

/// The content of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// The stream is complete.
    Done,
    /// A JSON object, whose strings may contain marks of lone surrogates.
    Object {
        /// The object.
        value: Value,
        /// Whether it is a document of its own rather than the data of an event.
        is_document: bool,
    },
    /// An error, as an object or a text.
    Error(Value),
    /// Anything else.
    Unknown(String),
    /// A frame that was too long to be read.
    TooLong,
}

/// Returns the messages in a frame. An event with several lines may contain several.
pub(super) fn read(frame: &Frame) -> Vec<Message> {
    let is_error = is_error_name(&frame.name);
    let data = frame.data.trim();
    if data.is_empty() {
        return if is_error { vec![Message::Error(Value::Null)] } else { Vec::new() };
    }
    if let Some(message) = read_text(data, is_error, !frame.is_event) {
        return vec![message];
    }
    if frame.is_cut {
        return vec![Message::TooLong];
    }
    // Some servers separate events by a single line break; others put something between them.
    let lines = data.lines().map(str::trim).filter(|line| !line.is_empty());
    let read =
        lines.map(|line| read_text(line, is_error, !frame.is_event).unwrap_or_else(|| read_words(line, is_error)));
    let messages: Vec<Message> = read.collect();
    let is_known = messages.iter().any(|message| !matches!(message, Message::Unknown(_)));
    if messages.len() > 1 && is_known { messages } else { vec![read_words(data, is_error)] }
}

/// Classifies a text in an unknown form.
fn read_words(text: &str, is_error: bool) -> Message {
    // Truncated JSON may mention errors in the text of an answer.
    let is_object = text.starts_with(['{', '[']);
    let names_error = ["\"error", "'error", "\"detail\""].iter().any(|field| text.contains(field));
    if is_error || (if is_object { names_error } else { says_error(text) }) {
        Message::Error(text.into())
    } else {
        Message::Unknown(text.to_owned())
    }
}

/// Parses a text in one of the known forms.
fn read_text(text: &str, is_error: bool, is_document: bool) -> Option<Message> {
    if is_done(text) {
        return Some(Message::Done);
    }
    if let Some(value) = parse(text) {
        return Some(match value {
            Value::String(words) if is_error || says_error(&words) => Message::Error(words.into()),
            Value::String(words) if is_done(&words) => Message::Done,
            Value::Object(_) | Value::Array(_) if is_error => Message::Error(value),
            Value::Object(_) | Value::Array(_) => Message::Object { value, is_document },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) if is_error => {
                Message::Error(text.into())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Message::Unknown(text.to_owned()),
        });
    }
    // `error: {…}`, `data: error: …`, `Error {…}`
    let words = text.get(..5).filter(|start| start.eq_ignore_ascii_case("error")).map(|_| text[5..].trim_start());
    let words = words.and_then(|words| words.strip_prefix([':', '=']).or(Some(words)))?.trim();
    if words.is_empty() {
        return Some(Message::Error(text.into()));
    }
    // `errors: …` and `error_code 5` are read as they are.
    let is_label = !text[5..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    Some(Message::Error(if is_label { parse(words).unwrap_or_else(|| words.into()) } else { text.into() }))
}

fn is_done(text: &str) -> bool {
    text.trim_matches(|c| matches!(c, '[' | ']' | '"' | ' ')).eq_ignore_ascii_case("done")
}

fn is_error_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("error") || name.contains("exception") || name.contains("fail")
}

/// Returns whether a text reports an error.
pub(super) fn says_error(words: &str) -> bool {
    let words = words.to_lowercase();
    ["error", "exception", "traceback", "failed", "failure", "panic"].iter().any(|word| words.contains(word))
}

fn parse(text: &str) -> Option<Value> {
    lenient_json::parse(text.as_bytes(), LoneSurrogates::Mark).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(name: &str, data: &str, is_event: bool) -> Vec<Message> {
        read(&Frame { name: name.into(), data: data.into(), is_event, is_cut: false })
    }

    #[test]
    fn recognizes_errors_in_any_form() {
        for (name, data, expected) in [
            ("", "error: {\"code\":500}", json!({"code": 500})),
            ("", "Error: slot lost", json!("slot lost")),
            ("", "ERROR slot lost", json!("slot lost")),
            ("", "\"error: slot lost\"", json!("error: slot lost")),
            ("error", "slot lost", json!("slot lost")),
            ("error", "{\"code\":500}", json!({"code": 500})),
            ("error", "", Value::Null),
            ("server_error", "500", json!("500")),
            ("", "Internal Server Error", json!("Internal Server Error")),
            ("", "Traceback (most recent call last):", json!("Traceback (most recent call last):")),
            ("", "{'error': 'slot lost'}", json!("{'error': 'slot lost'}")),
        ] {
            for is_event in [true, false] {
                assert_eq!(messages(name, data, is_event), [Message::Error(expected.clone())], "{name} {data}");
            }
        }
    }

    #[test]
    fn recognizes_the_end_in_any_form() {
        for data in ["[DONE]", " [done] ", "\"[DONE]\"", "DONE"] {
            assert_eq!(messages("", data, true), [Message::Done], "{data}");
        }
    }

    #[test]
    fn splits_an_event_with_several_objects() {
        let object = |value| Message::Object { value, is_document: false };

        assert_eq!(
            messages("", "{\"a\":1}\n{\"b\":2}\n[DONE]", true),
            [object(json!({"a": 1})), object(json!({"b": 2})), Message::Done]
        );
        assert_eq!(messages("", "{\"a\":\n1}", true), [object(json!({"a": 1}))]);
        assert_eq!(
            messages("", "{\"a\":1}\nping\n{\"b\":2}", true),
            [object(json!({"a": 1})), Message::Unknown("ping".into()), object(json!({"b": 2}))]
        );
    }

    #[test]
    fn treats_anything_else_as_unknown() {
        for (name, data) in
            [("ping", "2026-01-31T12:00:00Z"), ("", "hello"), ("", "7"), ("", "{\"a\":\"an error"), ("x", "null")]
        {
            assert_eq!(messages(name, data, true), [Message::Unknown(data.to_owned())], "{name} {data}");
        }
        assert_eq!(messages("ping", "", true), []);
    }
}

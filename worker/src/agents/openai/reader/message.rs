//! Converts frames to messages, such as objects, errors, and the end of the stream.
//!
//! Errors are recognized in many forms.

use serde_json::Value;

use super::{frames::Frame, json, plain_chunk::PlainChunk};

/// A message in a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServerMessage {
    /// The stream is complete.
    Done,
    /// A chunk in the ordinary form.
    Plain(PlainChunk),
    /// Any other JSON object, or an array. Lone surrogates in its strings are marked.
    Object {
        /// The object or array.
        value: Value,
        /// Whether the value is a separate document rather than the data of an event.
        is_document: bool,
    },
    /// An error, as an object or as text.
    Error(Value),
    /// Text outside the answer. If nothing else follows, this text may explain why the answer ended.
    Words(String),
    /// A part of the answer that cannot be read.
    Loss(String),
    /// Anything else.
    Unknown(String),
    /// A frame that is too long to be read.
    TooLong,
}

/// Returns the messages in a frame. There may be several, either on separate lines or on the same line.
pub(super) fn read(frame: &Frame) -> Vec<ServerMessage> {
    match PlainChunk::parse(frame) {
        Some(chunk) => vec![ServerMessage::Plain(chunk)],
        None => read_any(frame),
    }
}

/// Returns the messages in a frame, without the fast path for plain chunks.
pub(super) fn read_any(frame: &Frame) -> Vec<ServerMessage> {
    let is_error = is_error_name(&frame.name);
    let data = frame.data.trim();
    if data.is_empty() {
        return if is_error { vec![ServerMessage::Error(Value::Null)] } else { Vec::new() };
    }
    if let Some(message) = read_text(data, is_error, !frame.is_event) {
        return vec![message];
    }
    if frame.is_cut {
        return vec![ServerMessage::TooLong];
    }
    if is_error {
        // An error message may span several lines.
        let object = json::split(data).into_iter().filter_map(json::parse).find(Value::is_object);
        return vec![ServerMessage::Error(object.unwrap_or_else(|| data.into()))];
    }
    if !is_json(data) && data.split("{\"").next().is_some_and(says_error) {
        return vec![ServerMessage::Error(data.into())];
    }
    let has_words = matches!(frame.name.to_ascii_lowercase().as_str(), "" | "message" | "chunk" | "data" | "delta");
    let messages = read_pieces(data, !frame.is_event).into_iter().map(|message| match message {
        // Text in an event with another name, such as a ping, is not about the answer.
        ServerMessage::Words(words) if !has_words => ServerMessage::Unknown(words),
        message => message,
    });
    messages.collect()
}

/// Parses text that may contain several messages in a row.
fn read_pieces(text: &str, is_document: bool) -> Vec<ServerMessage> {
    let read = |text: &str| read_text(text, false, is_document).unwrap_or_else(|| read_words(text));
    let pieces: Vec<ServerMessage> = json::split(text).into_iter().map(read).collect();
    if pieces.iter().all(is_known) {
        return pieces;
    }
    // Some servers separate events with only a single line break; others add text between events.
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let messages: Vec<ServerMessage> = lines
        .flat_map(|line| match read_text(line, false, is_document) {
            Some(message) => vec![message],
            None => json::split(line).into_iter().map(read).collect(),
        })
        .collect();
    if messages.len() > 1 && messages.iter().any(is_known) { messages } else { vec![read(text)] }
}

fn is_known(message: &ServerMessage) -> bool {
    match message {
        ServerMessage::Done
        | ServerMessage::Plain(_)
        | ServerMessage::Object { .. }
        | ServerMessage::Error(_)
        | ServerMessage::TooLong => true,
        ServerMessage::Words(_) | ServerMessage::Loss(_) | ServerMessage::Unknown(_) => false,
    }
}

/// Classifies text that is not in a known form.
fn read_words(text: &str) -> ServerMessage {
    // In truncated JSON, the word "error" may be part of the answer's text.
    if !is_json(text) {
        let is_cut_end = "[done]".starts_with(&text.to_ascii_lowercase());
        return if says_error(text) {
            ServerMessage::Error(text.into())
        } else if !is_cut_end && text.chars().any(char::is_alphanumeric) {
            ServerMessage::Words(text.to_owned())
        } else {
            ServerMessage::Unknown(text.to_owned())
        };
    }
    let names = |names: &[&str]| names.iter().any(|name| text.contains(name));
    if names(&["\"error", "'error", "\"detail\""]) && !names(&["choices"]) {
        ServerMessage::Error(text.into())
    } else if names(&["\"delta\"", "'delta'", "\"content\"", "'content'", "\"text\"", "'text'"]) {
        ServerMessage::Loss(text.to_owned())
    } else {
        ServerMessage::Unknown(text.to_owned())
    }
}

/// Returns whether the text looks like the start of a JSON object or array. `[ERROR] …` does not.
fn is_json(text: &str) -> bool {
    let items = ['{', '[', ']', '"', '\'', '-'];
    text.starts_with('{')
        || text.strip_prefix('[').is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.is_empty() || rest.starts_with(items) || rest.starts_with(|c: char| c.is_ascii_digit())
        })
}

/// Parses text that is in one of the known forms. Returns `None` for any other text.
fn read_text(text: &str, is_error: bool, is_document: bool) -> Option<ServerMessage> {
    if is_done(text) {
        return Some(ServerMessage::Done);
    }
    if let Some(value) = json::parse(text) {
        return Some(match value {
            Value::String(words) if is_error || says_error(&words) => ServerMessage::Error(words.into()),
            Value::String(words) if is_done(&words) => ServerMessage::Done,
            Value::Object(_) | Value::Array(_) if is_error => ServerMessage::Error(value),
            Value::Object(_) | Value::Array(_) => ServerMessage::Object { value, is_document },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) if is_error => {
                ServerMessage::Error(text.into())
            }
            Value::String(words) => ServerMessage::Words(words),
            Value::Null | Value::Bool(_) | Value::Number(_) => ServerMessage::Unknown(text.to_owned()),
        });
    }
    // This accepts `error: {…}`, `data: error: …`, `Error {…}`, and `[ERROR] …`.
    let text = text.strip_prefix('[').filter(|_| !is_json(text)).unwrap_or(text);
    let words = text.get(..5).filter(|start| start.eq_ignore_ascii_case("error")).map(|_| text[5..].trim_start());
    let words = words.and_then(|words| words.strip_prefix([':', '=', ']']).or(Some(words)))?;
    let words = words.trim_start_matches(':').trim();
    if words.is_empty() {
        return Some(ServerMessage::Error(text.into()));
    }
    // `errors: …` and `error_code 5` are kept unchanged.
    let is_label = !text[5..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    Some(ServerMessage::Error(if is_label { json::parse(words).unwrap_or_else(|| words.into()) } else { text.into() }))
}

fn is_done(text: &str) -> bool {
    text.trim_matches(|c| matches!(c, '[' | ']' | '"' | ' ')).eq_ignore_ascii_case("done")
}

fn is_error_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("error") || name.contains("exception") || name.contains("fail")
}

/// Returns whether the text appears to report an error.
pub(super) fn says_error(words: &str) -> bool {
    let words = words.to_lowercase();
    let words = ["no error", "without error", "0 error"].iter().fold(words, |words, none| words.replace(none, ""));
    ["error", "exception", "traceback", "failed", "failure", "panic"].iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(name: &str, data: &str, is_event: bool) -> Vec<ServerMessage> {
        read(&Frame { name: name.into(), data: data.into(), is_event, is_cut: false })
    }

    #[test]
    fn recognizes_errors_in_any_form() {
        for (name, data, expected) in [
            ("", "error: {\"code\":500}", json!({"code": 500})),
            ("", "Error: slot lost", json!("slot lost")),
            ("", "ERROR slot lost", json!("slot lost")),
            ("", "[ERROR] slot lost", json!("slot lost")),
            ("", "[error]: slot lost", json!("slot lost")),
            ("", "\"error: slot lost\"", json!("error: slot lost")),
            ("error", "slot lost", json!("slot lost")),
            ("error", "{\"code\":500}", json!({"code": 500})),
            ("error", "", Value::Null),
            ("server_error", "500", json!("500")),
            ("error", "slot\nlost", json!("slot\nlost")),
            ("error", "oops\n{\"code\":500}", json!({"code": 500})),
            ("", "Internal Server Error", json!("Internal Server Error")),
            ("", "Traceback (most recent call last):", json!("Traceback (most recent call last):")),
            ("", "{'error': 'slot lost'}", json!("{'error': 'slot lost'}")),
        ] {
            for is_event in [true, false] {
                assert_eq!(messages(name, data, is_event), [ServerMessage::Error(expected.clone())], "{name} {data}");
            }
        }
    }

    #[test]
    fn recognizes_the_end_in_any_form() {
        for data in ["[DONE]", " [done] ", "\"[DONE]\"", "DONE"] {
            assert_eq!(messages("", data, true), [ServerMessage::Done], "{data}");
        }
    }

    #[test]
    fn splits_an_event_with_several_objects() {
        let object = |value| ServerMessage::Object { value, is_document: false };

        assert_eq!(
            messages("", "{\"a\":1}\n{\"b\":2}\n[DONE]", true),
            [object(json!({"a": 1})), object(json!({"b": 2})), ServerMessage::Done]
        );
        assert_eq!(messages("", "{\"a\":\n1}", true), [object(json!({"a": 1}))]);
        assert_eq!(
            messages("", "{\"a\":1}\nping\n{\"b\":2}", true),
            [object(json!({"a": 1})), ServerMessage::Words("ping".into()), object(json!({"b": 2}))]
        );
        assert_eq!(
            messages("", "{\"a\":1}data: {\"b\":2,}[DONE]", true),
            [object(json!({"a": 1})), object(json!({"b": 2})), ServerMessage::Done]
        );
    }

    #[test]
    fn treats_anything_else_as_unknown() {
        for (name, data) in [
            ("ping", "2026-01-31T12:00:00Z"),
            ("", "7"),
            ("", "{\"a\":\"an error"),
            ("x", "null"),
            ("", "[DON"),
            ("", "--"),
        ] {
            assert_eq!(messages(name, data, true), [ServerMessage::Unknown(data.to_owned())], "{name} {data}");
        }
        assert_eq!(messages("ping", "", true), []);
    }

    #[test]
    fn distinguishes_words_from_lost_output() {
        for words in ["hello", "upstream request timeout", "<html>", "[info] queued"] {
            assert_eq!(messages("", words, true), [ServerMessage::Words(words.into())], "{words}");
        }
        for lost in ["{\"choices\":[{\"delta\":{\"content\":\"a", "{'content': 'a', 'error': None, 'choices': []}"] {
            assert_eq!(messages("", lost, true), [ServerMessage::Loss(lost.into())], "{lost}");
        }
    }
}

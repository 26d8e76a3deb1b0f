//! Extracts and quotes a server's error message.

use std::borrow::Cow;

use banter_shared::{
    chat::strip_terminal_codes,
    lenient_json::{self, LoneSurrogates, replace_marks},
};
use serde_json::Value;

use super::{masks, page};

/// Maximum length of a quoted message, in characters.
const MAX_QUOTE_CHARS: usize = 300;
/// Maximum nesting depth at which to look for an error message.
const MAX_DEPTH: usize = 8;
/// Fields that may contain the error message, best first.
const FIELDS: [&str; 21] = [
    "message",
    "error_message",
    "error_msg",
    "errorMessage",
    "err_msg",
    "msg",
    "status_msg",
    "detail",
    "details",
    "description",
    "error_description",
    "reason",
    "title",
    "error",
    "errors",
    "err",
    "exception",
    "fault",
    "base_resp",
    "faultstring",
    "text",
];

/// Decodes an error response's body.
pub(super) fn text_of(body: &[u8]) -> Cow<'_, str> {
    lenient_json::decode(body)
}

/// Replaces the marks for lone surrogates.
pub(super) fn clean(text: &str) -> String {
    replace_marks(text).into_owned()
}

/// Parses JSON leniently, replacing lone surrogates.
pub(super) fn parse(text: &str) -> Option<Value> {
    lenient_json::parse(text.as_bytes(), LoneSurrogates::Replace).ok()
}

/// Returns the error text from a body that is not JSON. For a web page or an XML document, this is its headline.
pub(super) fn in_page(text: &str) -> String {
    let text = text.trim();
    if text.starts_with('<') { page::headline(text) } else { text.to_owned() }
}

/// Returns the message from an error object, or an empty string if there is none.
pub(super) fn in_error(error: &Value) -> String {
    find(error, 0).map(|found| replace_marks(&found).into_owned()).unwrap_or_default()
}

fn find(value: &Value, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::String(text) => inner(text, depth).or_else(|| Some(text.trim().to_owned())).filter(|it| !it.is_empty()),
        // In FastAPI's errors, `detail` is a list of problems.
        Value::Array(items) => {
            let found: Vec<String> = items.iter().take(5).filter_map(|item| find(item, depth + 1)).collect();
            (!found.is_empty()).then(|| found.join("; "))
        }
        Value::Object(fields) => {
            let field = |name: &str| {
                let same = || fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
                fields.get(name).or_else(same)
            };
            let nested = ["error", "errors", "exception", "fault", "base_resp", "response"];
            // Some gateways pass on the upstream server's error in `metadata.raw`.
            let upstream = fields.get("metadata").and_then(|metadata| find(metadata.get("raw")?, depth + 1));
            // In `{"error": {"message": …}, "message": …}`, the inner message is more specific.
            let inner = upstream.or_else(|| {
                nested
                    .iter()
                    .find_map(|name| field(name).filter(|it| !it.is_string()).and_then(|it| find(it, depth + 1)))
            });
            // Some servers use the type of error as the field name: `{"modelStreamErrorException": {"message": …}}`.
            let other = || {
                let is_error = |name: &str| {
                    let name = name.to_ascii_lowercase();
                    name.ends_with("error") || name.ends_with("exception")
                };
                fields.iter().filter(|(name, _)| is_error(name)).find_map(|(_, it)| find(it, depth + 1))
            };
            inner
                .or_else(|| fields.get("msg").and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned))
                .or_else(|| FIELDS.iter().find_map(|name| field(name).and_then(|it| find(it, depth + 1))))
                .or_else(other)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Returns the message from a string that itself contains JSON, as sent by some gateways.
fn inner(text: &str, depth: usize) -> Option<String> {
    let start = text.find('{')?;
    let value: Value = serde_json::from_str(text[start..].trim_end()).ok()?;
    find(&value, depth + 1)
}

/// Appends the server's message to a sentence, on a single line and with keys masked.
pub(super) fn with_quote(sentence: String, message: &str, key: Option<&str>) -> String {
    let quote = one_line(&masks::without_keys(message, key), MAX_QUOTE_CHARS);
    if quote.is_empty() { sentence } else { format!("{sentence} The server says: {quote}") }
}

/// Returns the start of the text, as a single line.
pub(in super::super) fn one_line(text: &str, max_chars: usize) -> String {
    let text = strip_terminal_codes(text);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    let kept: String = line.chars().take(max_chars).collect();
    let more = if kept.len() < line.len() { "…" } else { "" };
    format!("{kept}{more}")
}

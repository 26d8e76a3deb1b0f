//! Lenient parsing of an agent's JSON-RPC messages.
//!
//! A line usually contains one message. It contains several if the agent sends a batch or omits the newline between
//! messages, and none if the line is other output. A message may follow other output on the same line. A message that
//! cannot be parsed is identified by its ID, if one can be found. A request from the agent is then answered with an
//! error, and a request to the agent fails, so that neither side waits forever.

mod outline;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use banter_shared::lenient_json::{LoneSurrogates, decode, repair, replace_marks};
use regex::Regex;
use serde::Serialize;
use serde_json::{Deserializer, Map, Value};

use super::{bounded_json::BoundedJson, lines::Line};
use crate::agents::pattern::pattern;
use outline::{Outline, id_at_end};

/// JSON-RPC 2.0 error codes (<https://www.jsonrpc.org/specification#error_object>).
pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
pub(super) const INTERNAL_ERROR: i64 = -32603;
/// The error code for an agent that requires authentication
/// (<https://agentclientprotocol.com/protocol/authentication>).
pub(super) const AUTH_REQUIRED: i64 = -32000;

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RpcError {
    pub code: i64,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    pub fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned(), data: None }
    }

    /// Parses a response's `error` field, which may have any shape.
    fn parse(error: Value) -> Self {
        let Value::Object(mut fields) = error else {
            let message = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            return Self { code: INTERNAL_ERROR, message, data: None };
        };
        let code = fields.get("code").and_then(integer).unwrap_or(INTERNAL_ERROR);
        let message = fields.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let data = fields.remove("data").filter(|data| !data.is_null());
        // If there is no message, another field may contain it.
        let data = if message.is_empty() { data.or(Some(Value::Object(fields))) } else { data };
        Self { code, message, data }
    }
}

/// A message from an agent.
#[derive(Debug, PartialEq)]
pub(super) enum RpcMessage {
    /// A request from the agent, which requires a response.
    Request { id: Value, method: String, parameters: Value },
    /// A notification.
    Notification { method: String, parameters: Value },
    /// A response to one of the client's requests.
    Response { id: Value, result: Result<Value, RpcError> },
    /// A request that cannot be parsed.
    MalformedRequest { id: Value, error: RpcError },
    /// A response that cannot be parsed, and the reason.
    MalformedResponse { id: Value, reason: String },
    /// A `session/update` that cannot be parsed.
    MalformedUpdate,
    /// A message or line of any other kind.
    Unknown,
}

/// Returns the messages in a line. Lone surrogates in the text of chunks stay marked so that a `SurrogateJoiner` can
/// join them.
pub(super) fn parse(line: &Line<'_>) -> Vec<RpcMessage> {
    match line {
        Line::Complete(line) => parse_line(line),
        Line::TooLong { head, tail } => vec![recover(&decode(head), &decode(tail), "is too long")],
    }
}

fn parse_line(line: &[u8]) -> Vec<RpcMessage> {
    let text = decode(line);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        let rest = &text[start..];
        let (mut values, length) = objects(rest);
        let is_damaged = values.is_empty() && length == 0;
        if is_damaged {
            values = objects(&repair(rest, LoneSurrogates::Mark)).0;
            values.iter_mut().for_each(unmark);
        }
        if is_damaged && values.is_empty() {
            found.push(recover(rest, "", "is not valid JSON"));
        }
        // After other output, only objects that are clearly messages count.
        found.extend(values.into_iter().filter(|value| start == 0 || is_message(value)).map(message));
        if is_damaged {
            break;
        }
        at = start + length;
    }
    if found.is_empty() {
        found.push(if is_printed_update(text) { RpcMessage::MalformedUpdate } else { RpcMessage::Unknown });
    }
    found
}

/// Returns the position at which the next message may start: at the start of the line, or after earlier messages or
/// other output.
fn next_start(text: &str, at: usize) -> Option<usize> {
    static FIRST: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^(?:\[\s*\{|\{\s*["}])"#));
    static LATER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?:\[\s*)?\{\s*"(?:jsonrpc|id|method|params|result|error)"\s*:"#));
    if at == 0 && FIRST.is_match(text) {
        return Some(0);
    }
    LATER.find_at(text, at).map(|found| found.start())
}

/// Returns whether an object that follows other output is a message.
fn is_message(value: &Value) -> bool {
    let has = |field: &str| value.get(field).is_some();
    has("jsonrpc") || value["method"].is_string() || has("id") && (has("result") || has("error"))
}

/// Returns whether a line that is not JSON appears to be an update, such as one printed as a Python dictionary.
fn is_printed_update(text: &str) -> bool {
    text.contains('{') && text.contains("session/update") && text.contains("sessionUpdate")
}

/// Returns the objects at the start of the text, including those in lists, and the length of the part that contains
/// them.
fn objects(text: &str) -> (Vec<Value>, usize) {
    let mut found = Vec::new();
    let mut values = Deserializer::from_str(text).into_iter::<BoundedJson>();
    let mut length = 0;
    while let Some(Ok(BoundedJson(value))) = values.next() {
        match value {
            Value::Array(batch) => found.extend(batch.into_iter().filter(Value::is_object)),
            Value::Object(_) => found.push(value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => break,
        }
        length = values.byte_offset();
    }
    (found, length)
}

/// Replaces the markers for lone surrogates. Markers in the text of a chunk are kept, because the other half of the
/// pair may arrive in the next chunk.
fn unmark(value: &mut Value) {
    let chunk = value.pointer_mut("/params/update/content/text").map(Value::take);
    replace_all(value);
    if let Some(slot) = value.pointer_mut("/params/update/content/text") {
        *slot = chunk.unwrap_or_default();
    }
}

fn replace_all(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(replaced) = replace_marks(text) {
                *text = replaced;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(replace_all),
        Value::Object(fields) => {
            let taken = std::mem::take(fields);
            *fields = taken
                .into_iter()
                .map(|(name, mut field)| {
                    replace_all(&mut field);
                    (replace_marks(&name).into_owned(), field)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn message(value: Value) -> RpcMessage {
    let Value::Object(mut fields) = value else { return RpcMessage::Unknown };
    let id = fields.remove("id");
    let parameters = |fields: &mut Map<String, Value>| fields.remove("params").unwrap_or_default();
    match (id, fields.remove("method").filter(|method| !method.is_null())) {
        (Some(id), Some(Value::String(method))) => {
            RpcMessage::Request { id, method, parameters: parameters(&mut fields) }
        }
        (None, Some(Value::String(method))) => RpcMessage::Notification { method, parameters: parameters(&mut fields) },
        (Some(id), Some(_)) => {
            RpcMessage::MalformedRequest { id, error: RpcError::new(INVALID_REQUEST, "`method` must be a string.") }
        }
        (Some(id), None) => {
            let error = fields.remove("error").filter(|error| !error.is_null());
            let result = error
                .map_or_else(|| Ok(fields.remove("result").unwrap_or_default()), |error| Err(RpcError::parse(error)));
            RpcMessage::Response { id, result }
        }
        // An error without an ID may belong to the only pending request. A log line may also have an `error` field, but
        // it has no `jsonrpc` field.
        (None, None) => match fields.remove("error").filter(|error| !error.is_null()) {
            Some(error) if fields.contains_key("jsonrpc") => {
                RpcMessage::Response { id: Value::Null, result: Err(RpcError::parse(error)) }
            }
            Some(_) | None => RpcMessage::Unknown,
        },
        (None, Some(_)) => RpcMessage::Unknown,
    }
}

/// Identifies a message that cannot be parsed, based on its top-level fields.
fn recover(head: &str, tail: &str, problem: &str) -> RpcMessage {
    let Outline { id, has_method } = Outline::of(head);
    let Some(id) = id.or_else(|| id_at_end(tail)) else {
        let is_update = has_method && head.contains("session/update");
        return if is_update { RpcMessage::MalformedUpdate } else { RpcMessage::Unknown };
    };
    if has_method {
        RpcMessage::MalformedRequest { id, error: RpcError::new(PARSE_ERROR, &format!("The message {problem}.")) }
    } else {
        RpcMessage::MalformedResponse { id, reason: problem.to_owned() }
    }
}

/// Parses an integer, represented as a number or a string.
pub(super) fn integer(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are cast")]
    let whole = |float: f64| (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

//! Errors for body fields, with messages phrased to follow the field name.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ApiError;

/// Creates the error for the field that serde's path or message identifies.
pub(super) fn field_error(path: String, message: &str) -> ApiError {
    let by_name = named_field(message).filter(|_| path == "." || message.starts_with("unknown field"));
    ApiError::invalid(by_name.map_or(path, str::to_owned), explain(message))
}

/// Returns the message for an enum field whose value is not a string. Uses serde's unknown-variant message, which lists
/// the allowed values.
pub(super) fn enum_message<T: DeserializeOwned>(text: &str, path: &str) -> String {
    let fallback = || "has an invalid value".to_owned();
    let Ok(mut body) = serde_json::from_str::<Value>(text) else { return fallback() };
    let Some(field) = body.pointer_mut(&format!("/{}", path.replace('.', "/"))) else { return fallback() };
    *field = Value::String(String::new());
    T::deserialize(body).err().map_or_else(fallback, |error| error.to_string())
}

/// Returns the field that serde's message names as missing, unknown, or duplicate. In these cases, the path may not
/// identify the field.
fn named_field(message: &str) -> Option<&str> {
    let rest = ["missing", "unknown", "duplicate"]
        .iter()
        .find_map(|kind| message.strip_prefix(kind)?.strip_prefix(" field `"))?;
    rest.split_once('`').map(|(field, _)| field)
}

/// Rephrases serde's message to follow the field name.
fn explain(message: &str) -> String {
    // Remove the position that the text parser appends.
    let message = message.split(" at line ").next().unwrap_or(message);
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let with_expected =
        |what: &str| expected.map_or_else(|| what.to_owned(), |list| format!("{what}; expected {list}"));
    if message.starts_with("missing field") {
        "is required".into()
    } else if message.starts_with("duplicate field") {
        "appears more than once".into()
    } else if message.starts_with("unknown field") {
        with_expected("is not a known field")
    } else if message.starts_with("unknown variant") {
        with_expected("has an invalid value")
    } else if let (Some(expected), Some(rest)) =
        (expected, message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: ")))
    {
        let found = rest.rsplit_once(", expected ").map_or(rest, |(found, _)| found);
        if let (Some((min, max)), Some(number)) = (integer_range(expected), found.strip_prefix("integer ")) {
            return format!("must be a whole number from {min} to {max}, not {number}");
        }
        format!("must be {}, not {}", kind(expected), value(found))
    } else {
        format!("is invalid: {message}")
    }
}

/// Returns a readable name for an expected type.
fn kind(expected: &str) -> &str {
    if integer_range(expected).is_some() { "a whole number" } else { expected }
}

/// Returns the minimum and maximum values of the integer type with this name, or `None` for any other name.
fn integer_range(name: &str) -> Option<(i64, u64)> {
    Some(match name {
        "i8" => (i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        "i16" => (i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        "i32" => (i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        "i64" => (i64::MIN, i64::MAX.unsigned_abs()),
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX),
        _ => return None,
    })
}

/// Returns a readable phrase for an unexpected value.
fn value(found: &str) -> String {
    match found {
        "null" => found.to_owned(),
        "sequence" => "an array".to_owned(),
        "map" => "an object".to_owned(),
        other => other
            .strip_prefix("floating point ")
            .map_or_else(|| format!("the {other}"), |number| format!("the number {number}")),
    }
}

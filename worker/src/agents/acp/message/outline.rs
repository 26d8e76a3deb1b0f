//! The top-level fields of a message that cannot be parsed.

use serde_json::{Deserializer, Value};

/// A message's ID, and whether the message has a method.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) id: Option<Value>,
    pub(super) has_method: bool,
}

impl Outline {
    /// Finds the ID and the method among an object's top-level fields, even if other values are invalid.
    pub(super) fn of(text: &str) -> Self {
        let (mut found, mut depth, mut at) = (Self::default(), 0_usize, 0);
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let Some(end) = string_end(bytes, at) else { return found };
                    let rest = text[end + 1..].trim_start().strip_prefix(':');
                    if let (1, Some(rest)) = (depth, rest) {
                        match &text[at + 1..end] {
                            "id" => found.id = found.id.or_else(|| id_at_start(rest)),
                            "method" => found.has_method = true,
                            _ => {}
                        }
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }
}

/// Returns the index of the closing quote of the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn id_at_start(text: &str) -> Option<Value> {
    let value = Deserializer::from_str(text.trim_start()).into_iter::<Value>().next()?.ok()?;
    (value.is_number() || value.is_string()).then_some(value)
}

/// Returns the ID if it is the last field of an object.
pub(super) fn id_at_end(tail: &str) -> Option<Value> {
    let at = tail.rfind("\"id\"")?;
    let rest = tail[at + 4..].trim_start().strip_prefix(':')?;
    let id = id_at_start(rest)?;
    let after = rest.trim_start().strip_prefix(&id.to_string())?;
    (after.trim() == "}").then_some(id)
}

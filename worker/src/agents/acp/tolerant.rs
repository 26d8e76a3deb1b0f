//! Reads a message of the protocol as far as it can be read.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Parses an object; if that fails, parses it without the fields that are in the way. Returns `None` if one of the
/// `required` fields is missing or invalid.
pub(super) fn parse<T: DeserializeOwned>(value: Value, required: &[&str]) -> Option<T> {
    if let Ok(parsed) = T::deserialize(&value) {
        return Some(parsed);
    }
    let Value::Object(fields) = value else { return None };
    let (mut kept, optional): (Map<String, Value>, Map<String, Value>) =
        fields.into_iter().partition(|(name, _)| required.contains(&name.as_str()));
    let read = |fields: &Map<String, Value>| T::deserialize(Value::Object(fields.clone())).ok();
    let mut parsed = read(&kept)?;
    for (name, field) in optional {
        kept.insert(name.clone(), field);
        match read(&kept) {
            Some(more) => parsed = more,
            None => drop(kept.remove(&name)),
        }
    }
    Some(parsed)
}

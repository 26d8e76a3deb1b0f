//! A JSON value of bounded size, which limits the memory used by a message from an agent.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Maximum length, in bytes, of a string. This is longer than the longest possible answer.
const MAX_STRING_BYTES: usize = 1024 * 1024 + 64;
/// The names of the fields in which the protocol transmits files as base64
/// (<https://agentclientprotocol.com/protocol/content>).
const FILE_FIELDS: [&str; 2] = ["data", "blob"];
/// Total length, in bytes, of the files in a message. Files do not count toward [`MAX_TOTAL_BYTES`], and are omitted
/// rather than truncated.
const MAX_FILE_BYTES: usize = 40 * 1024 * 1024;
/// Maximum length of a field name, in bytes.
const MAX_NAME_BYTES: usize = 1024;
/// Maximum number of values in a message. Any further values are omitted.
const MAX_VALUES: usize = 100_000;
/// Maximum number of items in a list.
const MAX_ITEMS: usize = 10_000;
/// Total length, in bytes, of a message's strings and field names, after which each further string or name is truncated
/// to [`SHORT_BYTES`].
const MAX_TOTAL_BYTES: usize = 8 * 1024 * 1024;
/// Strings up to this length, in bytes, are never truncated, because they may be status values.
const SHORT_BYTES: usize = 64;

/// A value whose strings, lists, and objects are truncated if they exceed the limits.
#[derive(Debug)]
pub(super) struct BoundedJson(pub Value);

impl<'de> Deserialize<'de> for BoundedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let allowance = Allowance {
            values: Cell::new(MAX_VALUES),
            bytes: Cell::new(MAX_TOTAL_BYTES),
            file_bytes: Cell::new(MAX_FILE_BYTES),
        };
        Seed { allowance: &allowance, is_file: false }.deserialize(deserializer).map(Self)
    }
}

/// The numbers of values and string bytes that the rest of a message may contain.
struct Allowance {
    values: Cell<usize>,
    bytes: Cell<usize>,
    file_bytes: Cell<usize>,
}

impl Allowance {
    /// Takes one value from the allowance. Returns `false` if none was left.
    fn take(&self) -> bool {
        let left = self.values.get();
        self.values.set(left.saturating_sub(1));
        left > 0
    }

    /// Returns the text of a file, or an empty text if too little is left of the allowance.
    fn file(&self, text: &str) -> String {
        let left = self.file_bytes.get().checked_sub(text.len());
        self.file_bytes.set(left.unwrap_or_default());
        left.map(|_| text.to_owned()).unwrap_or_default()
    }

    fn cut(&self, text: &str, max: usize) -> String {
        let left = self.bytes.get();
        let kept = &text[..text.floor_char_boundary(max.min(left.max(SHORT_BYTES)))];
        self.bytes.set(left.saturating_sub(kept.len()));
        kept.to_owned()
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    allowance: &'a Allowance,
    /// Whether a string is the content of a file.
    is_file: bool,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let is_file = self.is_file && text.len() > SHORT_BYTES;
        Ok(if is_file { self.allowance.file(text) } else { self.allowance.cut(text, MAX_STRING_BYTES) }.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX_ITEMS && self.allowance.take() {
            match items.next_element_seed(Self { is_file: false, ..self })? {
                Some(item) => kept.push(item),
                None => return Ok(kept.into()),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(kept.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while self.allowance.take() {
            match fields.next_key::<String>()? {
                Some(name) => {
                    let is_file = FILE_FIELDS.contains(&name.as_str());
                    let field = fields.next_value_seed(Self { is_file, ..self })?;
                    kept.insert(self.allowance.cut(&name, MAX_NAME_BYTES), field);
                }
                None => return Ok(kept.into()),
            }
        }
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(kept.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Value {
        serde_json::from_str::<BoundedJson>(text).unwrap().0
    }

    #[test]
    fn keeps_a_value_within_the_limits() {
        let value = json!({"a": [1, -2, 2.5, true, null, "é"], "b": {"c": []}, "d": u64::MAX});

        assert_eq!(parse(&value.to_string()), value);
    }

    #[test]
    fn truncates_long_parts_and_reads_the_rest() {
        let long = "é".repeat(MAX_STRING_BYTES);
        let value = parse(&json!({"a": long, "b": vec![0; MAX_VALUES], "status": "completed"}).to_string());

        assert!(value["a"].as_str().is_some_and(|text| text.len() == MAX_STRING_BYTES && long.starts_with(text)));
        assert_eq!(value["b"].as_array().unwrap().len(), MAX_ITEMS);
        assert_eq!(value["status"], "completed");
        let many = parse(&json!(vec![&long; 30]).to_string());
        let bytes: usize = many.as_array().unwrap().iter().map(|text| text.as_str().unwrap().len()).sum();
        assert!((MAX_TOTAL_BYTES - 1..MAX_TOTAL_BYTES + 30 * SHORT_BYTES).contains(&bytes), "{bytes}");
        let file = "A".repeat(MAX_FILE_BYTES / 2 + 1);
        let files = parse(&json!([{"data": file}, {"blob": file}, {"data": "x"}]).to_string());
        assert_eq!(files, json!([{"data": file}, {"blob": ""}, {"data": "x"}]));
        let nested = parse(&json!(vec![vec![0; 2000]; 2000]).to_string());
        let values: usize = nested.as_array().unwrap().iter().map(|list| list.as_array().unwrap().len()).sum();
        assert!(values <= MAX_VALUES, "{values}");
    }
}

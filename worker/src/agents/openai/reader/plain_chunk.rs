//! A fast path for the chunks that make up most of a stream: those whose only content is a piece of text.
//!
//! The structs in this module define the ordinary form of such a chunk. A frame in this form is deserialized into the
//! structs rather than a `Value`. Any other frame, such as one with an unknown field, takes the general path.
//!
//! A plain chunk must have the same effect as on the general path. Add a field to the structs only if `parse` processes
//! the field, or if the general path ignores every value that the field's type accepts.

#[cfg(test)]
mod tests;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{chunk::Chunk, frames::Frame, parts::Part};

/// The value of `object` in every chunk in the ordinary form.
const OBJECT: &str = "chat.completion.chunk";

/// A chunk with a piece of text, which may be empty, for the choice with the index 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlainChunk {
    text: String,
}

impl PlainChunk {
    /// Parses a frame. Returns `None` if the frame is not an event in the ordinary form.
    pub fn parse(frame: &Frame) -> Option<Self> {
        if !frame.is_event || frame.is_cut || !frame.name.is_empty() {
            return None;
        }
        let Object(PlainObject { object, choices: [Object(choice)], .. }) = serde_json::from_str(&frame.data).ok()?;
        let Object(Delta { content, .. }) = choice.delta;
        (object == OBJECT && choice.index == 0).then_some(Self { text: content })
    }

    /// Returns what the chunk contributes to the answer. For `wanted`, see [`super::chunk::read`].
    pub fn to_chunk(&self, wanted: Option<u64>) -> Chunk {
        let index = wanted.unwrap_or(0);
        let text = Some(&self.text).filter(|text| !text.is_empty());
        let (wanted, other) = if index == 0 { (text, None) } else { (None, text) };
        Chunk {
            parts: wanted.map(|text| Part::Text(text.clone())).into_iter().collect(),
            is_completion: true,
            index,
            has_others: other.is_some(),
            ..Chunk::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "fields that are not listed are rejected")]
struct PlainObject<'a> {
    id: Option<&'a str>,
    object: &'a str,
    created: Option<u64>,
    model: Option<&'a str>,
    provider: Option<&'a str>,
    service_tier: Option<&'a str>,
    system_fingerprint: Option<&'a str>,
    obfuscation: Option<&'a str>,
    #[serde(borrow)]
    choices: [Object<Choice<'a>>; 1],
    #[serde(default)]
    usage: Null,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "fields that are not listed are rejected")]
struct Choice<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    delta: Object<Delta<'a>>,
    #[serde(default)]
    finish_reason: Null,
    #[serde(default)]
    native_finish_reason: Null,
    #[serde(default)]
    stop_reason: Null,
    #[serde(default)]
    matched_stop: Null,
    #[serde(default)]
    logprobs: Null,
    #[serde(default)]
    token_ids: Null,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "fields that are not listed are rejected")]
struct Delta<'a> {
    role: Option<&'a str>,
    content: String,
    #[serde(default)]
    reasoning_content: Null,
    #[serde(default)]
    reasoning: Null,
    #[serde(default)]
    refusal: Null,
    #[serde(default)]
    tool_calls: Null,
    #[serde(default)]
    function_call: Null,
}

/// The type of a field that must be `null`. With `#[serde(default)]`, the field may also be missing.
type Null = ();

/// A value that is deserialized only from a JSON object. A derived implementation would also accept a list of the
/// fields' values.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

//! Extracts text, thoughts, refusals, images, and tool calls from a message, wherever servers put them.

use serde_json::Value;

use super::images::{Image, ImageContent, image_of};

/// Maximum depth of nested content.
const MAX_DEPTH: usize = 6;

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text of the answer.
    Text(String),
    /// A thought from the model.
    Thought(String),
    /// A thought in a list of details, which often repeats another field.
    ThoughtDetail(String),
    /// Text in which the model refuses to answer.
    Refusal(String),
    /// An image or another file.
    Image(Image),
    /// A tool call or a piece of one.
    ToolCall(ToolCall),
}

/// A tool call by the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolCall {
    /// The position of the call, if stated. All pieces of a call have the same position.
    pub index: Option<u64>,
    /// The ID, or an empty string if it is not stated.
    pub id: String,
    /// The name of the tool or a piece of it.
    pub name: String,
}

impl ToolCall {
    fn named(name: &str) -> Part {
        Part::ToolCall(Self { index: None, id: String::new(), name: name.to_owned() })
    }
}

/// Returns the parts of a message or delta. Thoughts from separate fields come first.
pub(super) fn of_message(message: &Value) -> Vec<Part> {
    if let Value::String(text) = message {
        return if text.is_empty() { Vec::new() } else { vec![Part::Text(text.clone())] };
    }
    let mut parts: Vec<Part> = thoughts_of(message).into_iter().collect();
    let is_thought = message["extra_content"]["google"]["thought"] == true || message["thought"] == true;
    match message.get("content") {
        Some(content) => content_of(content, is_thought, 0, &mut parts),
        None => content_of(&message["text"], is_thought, 0, &mut parts),
    }
    if let Some(items) = message["parts"].as_array() {
        for item in items {
            part_of(item, is_thought, 0, &mut parts);
        }
    }
    if let Some(refusal) = message["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
        parts.push(Part::Refusal(refusal.to_owned()));
    }
    audio_of(&message["audio"], &mut parts);
    for field in ["images", "image", "image_url", "files"] {
        match &message[field] {
            Value::Array(items) => items.iter().for_each(|item| parts.extend(image_of(item).map(Part::Image))),
            item => parts.extend(image_of(item).map(Part::Image)),
        }
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let names = [&call["function"]["name"], &call["custom"]["name"], &call["name"]];
        if let Some(name) = names.into_iter().filter_map(Value::as_str).find(|name| !name.is_empty()) {
            let id = call["id"].as_str().unwrap_or_default().to_owned();
            parts.push(Part::ToolCall(ToolCall { index: call["index"].as_u64(), id, name: name.to_owned() }));
        }
    }
    if let Some(name) = message["function_call"]["name"].as_str().filter(|name| !name.is_empty()) {
        parts.push(ToolCall::named(name));
    }
    parts
}

/// Extracts audio and its transcript. The transcript is omitted if the message already contains text.
fn audio_of(audio: &Value, parts: &mut Vec<Part>) {
    let Value::Object(fields) = audio else { return parts.extend(image_of(audio).map(Part::Image)) };
    let transcript = fields.get("transcript").and_then(Value::as_str).unwrap_or_default();
    if !parts.iter().any(|part| matches!(part, Part::Text(_))) {
        push_text(transcript, false, parts);
    }
    if ["data", "url"].iter().any(|name| fields.get(*name).and_then(Value::as_str).is_some_and(|data| !data.is_empty()))
    {
        // Audio arrives in pieces.
        parts.push(Part::Image(Image { media_type: "audio/".to_owned(), content: ImageContent::Unreadable }));
    }
}

/// Extracts thoughts. Servers that use several fields send the same thought in each of them, so only one field is read.
pub(super) fn thoughts_of(message: &Value) -> Option<Part> {
    let text_in =
        |fields: &[&str]| fields.iter().map(|field| text_of(&message[*field], 0)).find(|text| !text.is_empty());
    text_in(&["reasoning_content", "reasoning", "thinking", "reasoning_text", "thought", "thoughts"])
        .map(Part::Thought)
        .or_else(|| text_in(&["reasoning_details", "thinking_blocks"]).map(Part::ThoughtDetail))
}

/// Extracts the parts of content, which is a string, a list of parts, or an object.
fn content_of(content: &Value, is_thought: bool, depth: usize, parts: &mut Vec<Part>) {
    match content {
        Value::String(text) => push_text(text, is_thought, parts),
        Value::Array(items) => items.iter().for_each(|item| part_of(item, is_thought, depth, parts)),
        Value::Object(_) => part_of(content, is_thought, depth, parts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn part_of(part: &Value, is_thought: bool, depth: usize, parts: &mut Vec<Part>) {
    if depth > MAX_DEPTH {
        return;
    }
    if let Value::String(text) = part {
        return push_text(text, is_thought, parts);
    }
    let kind = part["type"].as_str().unwrap_or_default().to_ascii_lowercase();
    let is_thought =
        is_thought || part["thought"] == true || ["think", "reason", "thought"].iter().any(|word| kind.contains(word));
    if let Some(name) = [&part["name"], &part["functionCall"]["name"], &part["function_call"]["name"]]
        .into_iter()
        .filter_map(Value::as_str)
        .find(|_| kind.contains("tool") || kind.contains("function") || part["functionCall"].is_object())
    {
        return parts.push(ToolCall::named(name));
    }
    if let Some(refusal) = part["refusal"].as_str() {
        return parts.push(Part::Refusal(refusal.to_owned()));
    }
    if is_thought {
        let text = text_of(part, 0);
        if !text.is_empty() {
            parts.push(Part::Thought(text));
        }
        return;
    }
    if let Some(image) = image_of(part) {
        return parts.push(Part::Image(image));
    }
    for field in ["text", "content", "parts"] {
        if !part[field].is_null() {
            return content_of(&part[field], is_thought, depth + 1, parts);
        }
    }
    // `{"text": {"value": …}}`
    if let Some(text) = part["value"].as_str() {
        push_text(text, is_thought, parts);
    }
}

fn push_text(text: &str, is_thought: bool, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(if is_thought { Part::Thought(text.to_owned()) } else { Part::Text(text.to_owned()) });
    }
}

/// Returns the text in a value, at any depth up to [`MAX_DEPTH`].
fn text_of(value: &Value, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return String::new();
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| text_of(item, depth + 1)).collect(),
        Value::Object(fields) => {
            let places = ["text", "thinking", "summary", "reasoning", "reasoning_text", "content", "value"];
            let texts = places.iter().filter_map(|place| fields.get(*place)).map(|value| text_of(value, depth + 1));
            texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    fn thought(text: &str) -> Part {
        Part::Thought(text.into())
    }

    fn png(content: ImageContent) -> Part {
        Part::Image(Image { media_type: "image/png".into(), content })
    }

    fn zeros(count: usize) -> ImageContent {
        ImageContent::Bytes(vec![0; count].into())
    }

    #[test]
    fn finds_parts_in_every_shape() {
        let cases = [
            (json!({"content": "hi"}), vec![text("hi")]),
            (json!({"text": "hi"}), vec![text("hi")]),
            (
                json!({"content": [{"type": "text", "text": "h"}, {"type": "output_text", "text": "i"}, "!"]}),
                vec![text("h"), text("i"), text("!")],
            ),
            (json!({"content": {"parts": [{"text": "hi"}]}}), vec![text("hi")]),
            (json!({"content": [{"type": "text", "text": {"value": "hi"}}]}), vec![text("hi")]),
            (json!({"content": null, "refusal": "No."}), vec![Part::Refusal("No.".into())]),
            (json!({"reasoning_content": "hm"}), vec![thought("hm")]),
            (json!({"content": "", "reasoning_content": "hm", "reasoning": "hm"}), vec![thought("hm")]),
            (
                json!({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
                vec![thought("hm")],
            ),
            (
                json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "h"}, {"type": "reasoning.encrypted", "data": "x"}, {"type": "reasoning.text", "text": "m"}]}),
                vec![Part::ThoughtDetail("hm".into())],
            ),
            (
                json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
                vec![thought("hm")],
            ),
            (
                json!({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]}),
                vec![thought("hm"), text("hi")],
            ),
            (json!({"content": [{"type": "reasoning", "summary": [{"text": "hm"}]}]}), vec![thought("hm")]),
            (
                json!({"content": {"parts": [{"text": "hm", "thought": true}, {"text": "hi"}]}}),
                vec![thought("hm"), text("hi")],
            ),
            (json!({"thinking": "hm", "content": "hi"}), vec![thought("hm"), text("hi")]),
            (json!({"content": "hm", "extra_content": {"google": {"thought": true}}}), vec![thought("hm")]),
            (
                json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "get_weather", "arguments": ""}}]}),
                vec![Part::ToolCall(ToolCall { index: Some(0), id: "c1".into(), name: "get_weather".into() })],
            ),
            (json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), vec![]),
            (json!({"tool_calls": [{"type": "custom", "custom": {"name": "f"}}]}), vec![ToolCall::named("f")]),
            (json!("hi"), vec![text("hi")]),
            (
                json!({"content": null, "audio": {"id": "a", "transcript": "hi", "data": "AAAA"}}),
                vec![text("hi"), Part::Image(Image { media_type: "audio/".into(), content: ImageContent::Unreadable })],
            ),
            (json!({"function_call": {"name": "f"}}), vec![ToolCall::named("f")]),
            (json!({"content": [{"type": "tool_use", "name": "f", "input": {}}]}), vec![ToolCall::named("f")]),
            (json!({"content": [{"functionCall": {"name": "f"}}]}), vec![ToolCall::named("f")]),
            (
                json!({"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}),
                vec![png(zeros(3))],
            ),
            (
                json!({"content": "hi", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA;omitted=8"}}]}),
                vec![text("hi"), png(ImageContent::TooLarge(9))],
            ),
            (json!({"content": [{"inline_data": {"mime_type": "image/png", "data": "AAA="}}]}), vec![png(zeros(2))]),
            (
                json!({"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}),
                vec![png(zeros(3))],
            ),
            (
                json!({"images": ["https://example.org/a.png"]}),
                vec![Part::Image(Image {
                    media_type: String::new(),
                    content: ImageContent::Link("https://example.org/a.png".into()),
                })],
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(of_message(&message), expected, "{message}");
        }
    }
}

//! Tool output that agents stream in fields that the protocol does not define.
//!
//! Unless the client opts out, the Codex adapter sends a tool's output only in the `_meta.terminal_output_delta` field
//! of its updates.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Maximum length, in bytes, of the output that is kept for a tool call. This is one byte more than is displayed, so
/// that longer output counts as truncated.
const MAX_BYTES: usize = 64 * 1024 + 1;
/// Maximum number of tool calls in a turn whose output is kept.
const MAX_TOOLS: usize = 2000;

/// The output received so far for each tool call ID.
#[derive(Default)]
pub(super) struct TerminalOutputs {
    outputs: HashMap<String, String>,
}

impl TerminalOutputs {
    /// If an update contains a piece of output, sets the update's `content` field to all the output received so far.
    pub fn show(&mut self, update: &mut Value) {
        let told = update.pointer("/_meta/terminal_output_delta/data").and_then(Value::as_str);
        let (Some(id), Some(piece)) = (update.get("toolCallId").and_then(Value::as_str), told) else { return };
        if self.outputs.len() >= MAX_TOOLS && !self.outputs.contains_key(id) {
            return;
        }
        let output = self.outputs.entry(id.to_owned()).or_default();
        let room = MAX_BYTES.saturating_sub(output.len());
        output.push_str(&piece[..piece.floor_char_boundary(room)]);
        let content = json!([{"type": "content", "content": {"type": "text", "text": output}}]);
        if let Some(fields) = update.as_object_mut() {
            fields.insert("content".to_owned(), content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(id: &str, data: &str) -> Value {
        json!({"toolCallId": id, "_meta": {"terminal_output_delta": {"data": data, "terminal_id": id}}})
    }

    fn shown(terminals: &mut TerminalOutputs, mut update: Value) -> Option<String> {
        terminals.show(&mut update);
        update.pointer("/content/0/content/text").and_then(Value::as_str).map(str::to_owned)
    }

    #[test]
    fn joins_the_pieces_of_each_tool() {
        let mut terminals = TerminalOutputs::default();

        assert_eq!(shown(&mut terminals, piece("a", "one ")).as_deref(), Some("one "));
        assert_eq!(shown(&mut terminals, piece("b", "other")).as_deref(), Some("other"));
        assert_eq!(shown(&mut terminals, piece("a", "two")).as_deref(), Some("one two"));
        assert_eq!(shown(&mut terminals, json!({"toolCallId": "a", "status": "completed"})), None);
    }

    #[test]
    fn limits_the_length_of_an_output() {
        let mut terminals = TerminalOutputs::default();
        for _ in 0..10 {
            shown(&mut terminals, piece("a", &"é".repeat(10_000)));
        }

        let kept = shown(&mut terminals, piece("a", "more")).unwrap();

        assert!(kept.len() > 64 * 1024 && kept.len() <= MAX_BYTES, "{}", kept.len());
    }

    #[test]
    fn leaves_other_updates_unchanged() {
        for update in [
            json!({"toolCallId": "a", "content": [1]}),
            json!({"_meta": {"terminal_output_delta": {"data": "x"}}}),
            json!({"toolCallId": "a", "_meta": {"terminal_output_delta": {"data": 5}}}),
            json!([]),
            Value::Null,
        ] {
            let mut seen = update.clone();
            TerminalOutputs::default().show(&mut seen);
            assert_eq!(seen, update);
        }
    }
}

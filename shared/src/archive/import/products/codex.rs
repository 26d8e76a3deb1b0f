//! Codex: the log of a session, `~/.codex/sessions/…/rollout-….jsonl`.
//!
//! Each line has a `type` and a `payload`; in old logs, the lines are the payloads. Messages, tool calls, and reasoning
//! are `response_item`s in order. The messages that Codex itself sends to the model are omitted.

use serde_json::Value;

use super::fields::{
    About, add_output, agent_key, as_text, damaged_line, file_from_base64, first_text, list, text, thought, time,
    tool_call, unsupported,
};
use crate::{
    archive::import::{
        conversation::ImportedConversation,
        tree::{Node, NodeKind},
    },
    clock::Timestamp,
};

/// The beginnings of user messages that Codex sends.
const CONTEXT: [&str; 5] =
    ["<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<turn_aborted>", "<permissions"];

/// Returns whether a line belongs to such a log.
pub(super) fn is_line(line: &Value) -> bool {
    let has_payload = line["payload"].is_object()
        && matches!(text(line, "type"), "session_meta" | "response_item" | "event_msg" | "turn_context" | "compacted");
    // The first line of an old log.
    has_payload || (line["id"].is_string() && line["timestamp"].is_string() && line.get("instructions").is_some())
}

pub(super) fn convert(lines: &[Value]) -> Result<ImportedConversation, String> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut id = String::new();
    let mut model = String::new();
    for line in lines {
        if line.is_null() {
            answer(&mut nodes, None, &model).add_text(&damaged_line());
            continue;
        }
        let (kind, payload) = match text(line, "type") {
            kind @ ("session_meta" | "response_item" | "event_msg" | "turn_context" | "compacted") => {
                (kind, &line["payload"])
            }
            _ if line.get("instructions").is_some() => ("session_meta", line),
            _ => ("response_item", line),
        };
        let at = time(&line["timestamp"]);
        match kind {
            "session_meta" if id.is_empty() => first_text(payload, &["id", "session_id"]).clone_into(&mut id),
            "turn_context" if payload["model"].is_string() => text(payload, "model").clone_into(&mut model),
            "response_item" => read_item(&mut nodes, payload, at, &model),
            // Events repeat the items.
            _ => {}
        }
    }
    About {
        product: "codex",
        id: &id,
        title: "",
        created_at: lines.iter().find_map(|line| time(&line["timestamp"])),
        updated_at: lines.iter().rev().find_map(|line| time(&line["timestamp"])),
        is_archived: false,
        is_pinned: false,
        current: None,
    }
    .with(&nodes)
}

/// Adds an item. Everything between two user messages is one answer.
fn read_item(nodes: &mut Vec<Node>, item: &Value, at: Option<Timestamp>, model: &str) {
    match text(item, "type") {
        "message" => read_message(nodes, item, at, model),
        "reasoning" => {
            let parts: Vec<&str> = list(item, "summary")
                .iter()
                .chain(list(item, "content"))
                .map(|part| text(part, "text"))
                .filter(|text| !text.is_empty())
                .collect();
            if !parts.is_empty() {
                answer(nodes, at, model).add_step(thought(&parts.join("\n\n"), at));
            }
        }
        "function_call" | "custom_tool_call" | "local_shell_call" | "web_search_call" | "tool_search_call" => {
            let kind = text(item, "type");
            let name =
                Some(text(item, "name")).filter(|name| !name.is_empty()).unwrap_or(kind.trim_end_matches("_call"));
            let input =
                ["arguments", "input", "action"].iter().map(|field| &item[*field]).find(|value| !value.is_null());
            let input = input.map_or(Value::Null, |input| {
                input.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| input.clone())
            });
            let step = tool_call(first_text(item, &["call_id", "id"]), name, input, at);
            answer(nodes, at, model).add_step(step);
        }
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
            let (id, output) = (text(item, "call_id"), output_of(&item["output"]));
            let node = answer(nodes, at, model);
            if !add_output(&mut node.steps, id, &output, false, at) {
                node.add_step(tool_call("output", "", Value::Null, at));
                add_output(&mut node.steps, "output", &output, false, at);
            }
        }
        // Lines of old logs that describe the state of the session, and what only the program reads.
        "" | "ghost_snapshot" | "compaction" | "compaction_summary" => {}
        kind => answer(nodes, at, model).add_text(&unsupported(kind)),
    }
}

fn read_message(nodes: &mut Vec<Node>, item: &Value, at: Option<Timestamp>, model: &str) {
    let role = text(item, "role");
    if !matches!(role, "user" | "assistant") {
        return;
    }
    let mut read = Node::new("", None, NodeKind::Answer);
    for part in list(item, "content") {
        match text(part, "type") {
            "input_text" | "output_text" | "text" | "refusal" => {
                read.add_text(first_text(part, &["text", "refusal"]));
            }
            "input_image" => read.files.push(file_from_base64("", "", text(part, "image_url"))),
            kind => read.add_text(&unsupported(kind)),
        }
    }
    if role == "user" {
        if CONTEXT.iter().any(|context| read.text.trim_start().starts_with(context)) {
            return;
        }
        let question = next_node(nodes, NodeKind::Question, at);
        question.text = read.text;
        question.files = read.files;
    } else {
        let node = answer(nodes, at, model);
        node.add_text(&read.text);
        node.files.extend(read.files);
    }
}

/// Returns the answer in progress.
fn answer<'a>(nodes: &'a mut Vec<Node>, at: Option<Timestamp>, model: &str) -> &'a mut Node {
    if nodes.last().is_none_or(|node| node.kind != NodeKind::Answer) {
        next_node(nodes, NodeKind::Answer, at);
    }
    let last = nodes.len() - 1;
    let node = &mut nodes[last];
    node.created_at = at.or(node.created_at);
    node.agent_key = agent_key(model).or(node.agent_key.take());
    node
}

fn next_node(nodes: &mut Vec<Node>, kind: NodeKind, at: Option<Timestamp>) -> &mut Node {
    let parent = nodes.last().map(|node| node.id.clone());
    let mut node = Node::new(nodes.len().to_string(), parent, kind);
    node.created_at = at;
    nodes.push(node);
    let last = nodes.len() - 1;
    &mut nodes[last]
}

/// Returns the output of a tool, which may be JSON with a field `output`.
fn output_of(output: &Value) -> String {
    let parsed = output.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let object = parsed.as_ref().unwrap_or(output);
    let inner = first_text(object, &["output", "content"]);
    if inner.is_empty() { as_text(output) } else { inner.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::StepDetail;

    fn item(payload: impl Into<Value>) -> Value {
        let payload = payload.into();
        json!({"timestamp": "2025-09-01T08:00:01.000Z", "type": "response_item", "payload": payload})
    }

    #[test]
    fn converts_messages_tools_and_reasoning() {
        let lines = vec![
            json!({"timestamp": "2025-09-01T08:00:00.000Z", "type": "session_meta", "payload": {"id": "r-1", "cwd": "/tmp"}}),
            item(
                json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<environment_context>…"}]}),
            ),
            json!({"type": "turn_context", "payload": {"model": "gpt-5-codex"}}),
            item(
                json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List the files"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAEC"}]}),
            ),
            item(
                json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "**Listing**"}], "encrypted_content": "x"}),
            ),
            item(
                json!({"type": "function_call", "name": "shell", "call_id": "c", "arguments": "{\"command\":[\"ls\"]}"}),
            ),
            item(
                json!({"type": "function_call_output", "call_id": "c", "output": "{\"output\":\"a.txt\",\"metadata\":{}}"}),
            ),
            item(
                json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One file."}]}),
            ),
            item(json!({"type": "hologram"})),
        ];
        assert!(lines.iter().all(is_line));
        let found = convert(&lines).unwrap();

        let [turn] = found.turns.as_slice() else { panic!() };
        assert_eq!((turn.question.text.as_str(), turn.question.files.len()), ("List the files", 1));
        let answer = turn.answer.as_ref().unwrap();
        assert_eq!(answer.text, "One file.\n\n*(unsupported content: hologram)*");
        assert_eq!(answer.agent_key.as_deref(), Some("gpt-5-codex"));
        let [thought, tool] = turn.task.steps.as_slice() else { panic!() };
        assert_eq!(thought.title, "Listing");
        let StepDetail::Tool(detail) = &tool.detail else { panic!() };
        assert_eq!(detail.output, Some("a.txt".into()));
    }

    #[test]
    fn converts_an_old_log() {
        let lines = vec![
            json!({"id": "old", "timestamp": "2025-05-01T08:00:00.000Z", "instructions": null}),
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
            json!({"record_type": "state"}),
            json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}),
        ];
        assert!(is_line(&lines[0]));
        let found = convert(&lines).unwrap();
        assert_eq!((found.source.as_str(), found.turns.len()), ("codex:old", 1));
    }
}

//! Claude Code: the log of a session, `~/.claude/projects/FOLDER/ID.jsonl`.
//!
//! Lines of type `user` and `assistant` are messages, which form a tree by `parentUuid`. Results of tools are user
//! messages. The work of sub-agents (`isSidechain`) is omitted; its result is that of the tool that started it.

use std::collections::HashMap;

use serde_json::Value;

use super::fields::{
    About, add_output, agent_key, as_text, file_from_base64, first_text, text, thought, time, tool_call, unsupported,
};
use crate::archive::import::{
    conversation::ImportedConversation,
    tree::{Node, NodeKind},
};

/// Returns whether a line belongs to such a log.
pub(super) fn is_line(line: &Value) -> bool {
    let is_message = matches!(text(line, "type"), "user" | "assistant" | "system") && line["sessionId"].is_string();
    is_message || (text(line, "type") == "summary" && line["leafUuid"].is_string())
}

pub(super) fn convert(lines: &[Value]) -> Result<ImportedConversation, String> {
    let mut nodes: Vec<Node> = Vec::new();
    // The node with each open tool call.
    let mut calls: HashMap<String, usize> = HashMap::new();
    let (mut id, mut title) = (String::new(), String::new());
    for line in lines {
        let kind = text(line, "type");
        if id.is_empty() {
            text(line, "sessionId").clone_into(&mut id);
        }
        if kind == "summary" {
            first_text(line, &["summary"]).clone_into(&mut title);
        }
        let is_message = matches!(kind, "user" | "assistant" | "system");
        if line["uuid"].as_str().is_none() || !is_message {
            continue;
        }
        let parent = first_text(line, &["parentUuid", "logicalParentUuid"]);
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        let is_hidden = line["isSidechain"] == true || line["isMeta"] == true || kind == "system";
        let node_kind = match kind {
            _ if is_hidden => NodeKind::Hidden,
            "user" => NodeKind::Question,
            _ => NodeKind::Answer,
        };
        let mut node = Node::new(text(line, "uuid"), parent, node_kind);
        node.created_at = time(&line["timestamp"]);
        if !is_hidden {
            read_message(&mut node, &line["message"], &mut nodes, &mut calls);
        }
        nodes.push(node);
    }
    let current = nodes.iter().rfind(|node| node.kind != NodeKind::Hidden).map(|node| node.id.clone());
    About {
        product: "claude-code",
        id: &id,
        title: &title,
        created_at: nodes.iter().find_map(|node| node.created_at),
        updated_at: nodes.iter().rev().find_map(|node| node.created_at),
        is_archived: false,
        is_pinned: false,
        current: current.as_deref(),
    }
    .with(&nodes)
}

fn read_message(node: &mut Node, message: &Value, earlier: &mut [Node], calls: &mut HashMap<String, usize>) {
    let own = earlier.len();
    node.agent_key = agent_key(text(message, "model")).filter(|_| node.kind == NodeKind::Answer);
    let Some(blocks) = message["content"].as_array() else {
        node.add_text(&without_tags(text(message, "content")));
        if node.kind == NodeKind::Question && node.text.is_empty() {
            node.kind = NodeKind::Hidden;
        }
        return;
    };
    let mut has_result = false;
    for block in blocks {
        let at = node.created_at;
        match text(block, "type") {
            "text" => node.add_text(&without_tags(text(block, "text"))),
            "thinking" => node.add_step(thought(text(block, "thinking"), at)),
            "redacted_thinking" => node.add_step(thought(&unsupported("redacted thinking"), at)),
            "tool_use" => {
                calls.insert(text(block, "id").to_owned(), own);
                node.add_step(tool_call(text(block, "id"), text(block, "name"), block["input"].clone(), at));
            }
            "tool_result" => {
                has_result = true;
                let (id, output) = (text(block, "tool_use_id"), as_text(&block["content"]));
                let is_error = block["is_error"] == true;
                let caller = calls.get(id).and_then(|index| earlier.get_mut(*index));
                let is_added = caller.is_some_and(|caller| add_output(&mut caller.steps, id, &output, is_error, at));
                if !is_added {
                    node.add_step(tool_call("result", "", Value::Null, at));
                    add_output(&mut node.steps, "result", &output, is_error, at);
                }
            }
            "image" | "document" => {
                let source = &block["source"];
                node.files.push(file_from_base64("", text(source, "media_type"), text(source, "data")));
            }
            kind => node.add_text(&unsupported(kind)),
        }
    }
    // A message with results only continues the turn.
    if node.kind == NodeKind::Question && node.text.is_empty() && node.files.is_empty() {
        node.kind = if has_result && !node.steps.is_empty() { NodeKind::Answer } else { NodeKind::Hidden };
    }
}

/// Removes what the program adds to messages: reminders, and the markup of commands.
fn without_tags(message: &str) -> String {
    let mut rest = message.to_owned();
    for tag in ["system-reminder", "local-command-caveat"] {
        while let Some((before, inside)) = rest.split_once(&format!("<{tag}>")) {
            let Some((_, after)) = inside.split_once(&format!("</{tag}>")) else { break };
            rest = format!("{before}{after}");
        }
    }
    if let Some(name) = between(&rest, "<command-name>", "</command-name>") {
        let arguments = between(&rest, "<command-args>", "</command-args>").unwrap_or_default();
        return format!("{} {}", name.trim(), arguments.trim()).trim().to_owned();
    }
    rest.trim().to_owned()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?.1.split_once(end).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::StepDetail;

    fn line(kind: &str, id: &str, parent: Option<&str>, content: impl Into<Value>) -> Value {
        let content = content.into();
        json!({"type": kind, "uuid": id, "parentUuid": parent, "sessionId": "s-1", "timestamp": "2025-06-01T08:00:00.000Z",
            "message": {"role": kind, "model": "claude-sonnet-4", "content": content}})
    }

    #[test]
    fn joins_the_messages_of_a_turn_and_the_results_of_its_tools() {
        let lines = vec![
            json!({"type": "summary", "summary": "Fix the build", "leafUuid": "x"}),
            json!({"type": "user", "uuid": "meta", "sessionId": "s-1", "isMeta": true, "message": {"content": "caveat"}}),
            line("user", "q", Some("meta"), json!("Run the tests<system-reminder>no</system-reminder>")),
            line("assistant", "a", Some("q"), json!([{"type": "thinking", "thinking": "First"}])),
            line(
                "assistant",
                "b",
                Some("a"),
                json!([{"type": "text", "text": "Running."},
                {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "make test"}}]),
            ),
            line("user", "r", Some("b"), json!([{"type": "tool_result", "tool_use_id": "t", "content": "ok"}])),
            line("assistant", "c", Some("r"), json!([{"type": "text", "text": "They pass."}, {"type": "hologram"}])),
            line(
                "user",
                "k",
                Some("c"),
                json!("<command-name>/compact</command-name><command-args>now</command-args>"),
            ),
        ];
        assert!(lines.iter().all(is_line));
        let found = convert(&lines).unwrap();

        assert_eq!((found.source.as_str(), found.title.as_str()), ("claude-code:s-1", "Fix the build"));
        let [first, second] = found.turns.as_slice() else { panic!("{:?}", found.turns) };
        assert_eq!(first.question.text, "Run the tests");
        assert_eq!(second.question.text, "/compact now");
        assert_eq!(first.answer.as_ref().unwrap().text, "Running.\n\nThey pass.\n\n*(unsupported content: hologram)*");
        let [_, tool] = first.task.steps.as_slice() else { panic!() };
        let StepDetail::Tool(detail) = &tool.detail else { panic!() };
        assert_eq!((tool.text_offset, detail.output.clone()), (8, Some("ok".into())));
    }
}

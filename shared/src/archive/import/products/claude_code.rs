//! Claude Code: the log of a session, `~/.claude/projects/FOLDER/ID.jsonl`.
//!
//! Lines of type `user` and `assistant` are messages, which form a tree by `parentUuid`. Results of tools are user
//! messages. The work of sub-agents (`isSidechain`) is omitted; its result is that of the tool that started it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::fields::{
    About, add_output, agent_key, damaged_line, file_from_base64, first_text, result_text, text, thought, time,
    tool_call, unsupported,
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
    let mut known: HashSet<&str> = HashSet::new();
    for line in lines {
        if line.is_null() {
            let mut damaged = Node::new(format!("damaged-{}", nodes.len()), last_shown(&nodes), NodeKind::Answer);
            damaged.add_text(&damaged_line());
            nodes.push(damaged);
            continue;
        }
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
        // The line of the parent may be damaged.
        let parent = match parent {
            "" => None,
            parent if known.contains(parent) => Some(parent.to_owned()),
            _ => last_shown(&nodes),
        };
        known.insert(text(line, "uuid"));
        let is_hidden =
            ["isSidechain", "isMeta", "isCompactSummary"].iter().any(|field| line[*field] == true) || kind == "system";
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
    let current = last_shown(&nodes);
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

/// Returns the ID of the last node that is shown.
fn last_shown(nodes: &[Node]) -> Option<String> {
    nodes.iter().rfind(|node| node.kind != NodeKind::Hidden).map(|node| node.id.clone())
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
    let mut result_files = Vec::new();
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
                let mut files = Vec::new();
                let (id, output) = (text(block, "tool_use_id"), result_text(&block["content"], &mut files));
                let is_error = block["is_error"] == true;
                let caller = calls.get(id).and_then(|index| earlier.get_mut(*index));
                let is_added = caller.is_some_and(|caller| {
                    let is_added = add_output(&mut caller.steps, id, &output, is_error, at);
                    if is_added {
                        caller.files.append(&mut files);
                    }
                    is_added
                });
                if !is_added {
                    result_files.append(&mut files);
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
    // The program adds this text when the user stops an answer.
    if node.kind == NodeKind::Question && node.text.starts_with("[Request interrupted by user") {
        node.text = "*(interrupted by the user)*".into();
        node.kind = NodeKind::Answer;
    }
    // A message with results only continues the turn.
    if node.kind == NodeKind::Question && node.text.is_empty() && node.files.is_empty() {
        node.kind = if has_result && !node.steps.is_empty() { NodeKind::Answer } else { NodeKind::Hidden };
    }
    node.files.append(&mut result_files);
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

    #[test]
    fn a_damaged_line_breaks_no_branch() {
        let lines = vec![
            line("user", "q1", None, "One"),
            line("assistant", "a1", Some("q1"), json!([{"type": "text", "text": "First."}])),
            Value::Null,
            line("assistant", "a2", Some("lost"), json!([{"type": "text", "text": "Second."}])),
            line("user", "q3", Some("a2"), "Three"),
        ];
        let found = convert(&lines).unwrap();
        let [first, second] = found.turns.as_slice() else { panic!("{:?}", found.turns) };
        assert_eq!(first.answer.as_ref().unwrap().text, "First.\n\n*(a line of the log is damaged)*\n\nSecond.");
        assert_eq!((second.parent, second.question.text.as_str()), (Some(0), "Three"));
    }

    #[test]
    fn results_may_contain_images_and_summaries_are_hidden() {
        let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAEC"}});
        let mut summary = line("user", "s", None, "This session is being continued");
        summary["isCompactSummary"] = true.into();
        let lines = vec![
            summary,
            line("user", "q", Some("s"), "Take a screenshot"),
            line(
                "assistant",
                "a",
                Some("q"),
                json!([{"type": "tool_use", "id": "t", "name": "Screenshot", "input": {}}]),
            ),
            line(
                "user",
                "r",
                Some("a"),
                json!([{"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "text", "text": "taken"}, image]}]),
            ),
            line("user", "i", Some("r"), json!([{"type": "text", "text": "[Request interrupted by user]"}])),
        ];
        let found = convert(&lines).unwrap();
        let [turn] = found.turns.as_slice() else { panic!("{:?}", found.turns) };
        let answer = turn.answer.as_ref().unwrap();
        assert_eq!((answer.files.len(), answer.text.as_str()), (1, "*(interrupted by the user)*"));
        let StepDetail::Tool(detail) = &turn.task.steps[0].detail else { panic!() };
        assert_eq!(detail.output, Some("taken".into()));
    }
}

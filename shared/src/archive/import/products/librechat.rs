//! LibreChat: its export of a conversation as JSON.
//!
//! The messages form a tree, either by `children` (`recursive`) or by `parentMessageId`.

use serde_json::Value;

use super::fields::{
    About, agent_key, as_text, file_from_entries, first_text, list, text, thought, time, tool_call, unsupported,
};
use crate::archive::import::{
    conversation::ImportedConversation,
    entries::Entries,
    products::fields::add_output,
    tree::{Node, NodeKind},
};

pub(super) fn convert(conversation: &Value, entries: &Entries) -> Result<ImportedConversation, String> {
    let mut nodes = Vec::new();
    let roots = list(conversation, "messages").iter().chain(list(conversation, "messagesTree"));
    // The order of the messages, without recursion.
    let mut stack: Vec<(&Value, Option<String>)> = roots.map(|message| (message, None)).collect();
    stack.reverse();
    while let Some((message, parent)) = stack.pop() {
        let parent = message["parentMessageId"].as_str().map(str::to_owned).or(parent);
        let node = read_message(nodes.len(), parent, message, entries);
        let id = node.id.clone();
        nodes.push(node);
        stack.extend(list(message, "children").iter().rev().map(|child| (child, Some(id.clone()))));
    }
    let latest = nodes.iter().max_by_key(|node| node.created_at).map(|node| node.id.clone());
    About {
        product: "librechat",
        id: text(conversation, "conversationId"),
        title: text(conversation, "title"),
        created_at: nodes.iter().filter_map(|node| node.created_at).min(),
        updated_at: nodes.iter().filter_map(|node| node.created_at).max(),
        is_archived: conversation["isArchived"] == true,
        is_pinned: false,
        current: latest.as_deref(),
    }
    .with(&nodes)
}

fn read_message(number: usize, parent: Option<String>, message: &Value, entries: &Entries) -> Node {
    let id =
        Some(text(message, "messageId")).filter(|id| !id.is_empty()).map_or_else(|| number.to_string(), str::to_owned);
    let is_user = message["isCreatedByUser"] == true || text(message, "sender").eq_ignore_ascii_case("user");
    let mut node = Node::new(id, parent, if is_user { NodeKind::Question } else { NodeKind::Answer });
    node.created_at = time(&message["createdAt"]);
    if !is_user {
        node.agent_key = agent_key(text(message, "model"));
    }
    match message["content"].as_array() {
        Some(parts) if !parts.is_empty() => parts.iter().for_each(|part| read_part(&mut node, part)),
        _ => node.add_text(text(message, "text")),
    }
    for file in list(message, "files").iter().chain(list(message, "attachments")) {
        node.files.push(file_from_entries(text(file, "filename"), text(file, "file_id"), entries));
    }
    if message["unfinished"] == true && node.text.is_empty() {
        node.add_text("*(unfinished)*");
    }
    node
}

fn read_part(node: &mut Node, part: &Value) {
    let shown =
        |field: &str| if part[field].is_object() { as_text(&part[field]["value"]) } else { as_text(&part[field]) };
    match text(part, "type") {
        "text" => node.add_text(&shown("text")),
        "think" => node.add_step(thought(&shown("think"), None)),
        "error" => node.add_text(&format!("*({})*", shown("error"))),
        "tool_call" => {
            let call = &part["tool_call"];
            let (id, name) = (text(call, "id"), first_text(call, &["name"]));
            let (name, input, output) = if name.is_empty() {
                let function = &call["function"];
                (text(function, "name"), function["arguments"].clone(), as_text(&function["output"]))
            } else {
                (name, call["args"].clone(), as_text(&call["output"]))
            };
            let id = if id.is_empty() { "call" } else { id };
            node.add_step(tool_call(id, name, input, None));
            if !output.is_empty() {
                add_output(&mut node.steps, id, &output, false, None);
            }
        }
        kind => node.add_text(&unsupported(kind)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn converts_children_and_parts() {
        let found = convert(
            &json!({"conversationId": "l-1", "title": "Weather", "recursive": true, "messages": [
                {"messageId": "q", "parentMessageId": "00000000-0000-0000-0000-000000000000", "isCreatedByUser": true,
                 "text": "Rain?", "createdAt": "2025-01-01T00:00:00.000Z", "children": [
                    {"messageId": "a", "sender": "GPT", "model": "gpt-4o", "createdAt": "2025-01-01T00:00:01.000Z", "content": [
                        {"type": "think", "think": "Clouds"},
                        {"type": "tool_call", "tool_call": {"id": "c", "name": "forecast", "args": "{}", "output": "wet"}},
                        {"type": "text", "text": {"value": "Yes."}},
                        {"type": "agent_update"}]},
                    {"messageId": "b", "sender": "GPT", "text": "No.", "createdAt": "2025-01-01T00:00:02.000Z"}]}]}),
            &Entries::default(),
        )
        .unwrap();
        assert_eq!((found.turns.len(), found.current), (2, Some(1)));
        assert_eq!(found.turns[0].answer.as_ref().unwrap().text, "Yes.\n\n*(unsupported content: agent_update)*");
        assert_eq!(found.turns[0].task.steps.len(), 2);
        assert_eq!(found.turns[1].question.text, "Rain?");
    }

    #[test]
    fn converts_a_flat_list_and_a_very_deep_tree() {
        let message = |id: i32, is_user: bool| json!({"messageId": id.to_string(), "parentMessageId": (id - 1).to_string(), "isCreatedByUser": is_user, "text": "x"});
        let flat: Vec<Value> = (1..=6).map(|id| message(id, id % 2 == 1)).collect();
        let found = convert(&json!({"conversationId": "l", "messages": flat}), &Entries::default()).unwrap();
        assert_eq!(found.turns.len(), 3);
    }
}

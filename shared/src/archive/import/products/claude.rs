//! Claude: `conversations.json` of its data export, an array of conversations.
//!
//! `chat_messages` are in order of creation. Newer exports name the parent of each message.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::{
    About, add_output, file_from_entries, first_text, list, result_text, text, text_file, thought, time, tool_call,
    unsupported,
};
use crate::archive::import::{
    conversation::{ImportedConversation, ImportedFile},
    entries::Entries,
    tree::{Node, NodeKind},
};

/// The parent of the first message.
const ROOT: &str = "00000000-0000-4000-8000-000000000000";

pub(super) fn convert(conversation: &Value, entries: &Entries) -> Result<ImportedConversation, String> {
    let mut nodes: Vec<Node> = Vec::new();
    for (index, message) in list(conversation, "chat_messages").iter().enumerate() {
        let id =
            Some(text(message, "uuid")).filter(|id| !id.is_empty()).map_or_else(|| index.to_string(), str::to_owned);
        let parent = match message["parent_message_uuid"].as_str() {
            Some(parent) => Some(parent.to_owned()).filter(|parent| parent != ROOT),
            None => nodes.last().map(|node| node.id.clone()),
        };
        nodes.push(read_message(id, parent, message, entries));
    }
    let last = nodes.last().map(|node| node.id.clone());
    About {
        product: "claude",
        id: text(conversation, "uuid"),
        title: text(conversation, "name"),
        created_at: time(&conversation["created_at"]),
        updated_at: time(&conversation["updated_at"]),
        is_archived: false,
        is_pinned: conversation["is_starred"] == true,
        current: conversation["current_leaf_message_uuid"].as_str().or(last.as_deref()),
    }
    .with(&nodes)
}

fn read_message(id: String, parent: Option<String>, message: &Value, entries: &Entries) -> Node {
    let kind = if text(message, "sender") == "human" { NodeKind::Question } else { NodeKind::Answer };
    let mut node = Node::new(id, parent, kind);
    node.created_at = time(&message["created_at"]);
    let blocks = list(message, "content");
    for block in blocks {
        read_block(&mut node, block);
    }
    if node.text.is_empty() && !blocks.iter().any(|block| text(block, "type") == "text") {
        node.add_text(text(message, "text"));
    }
    for attachment in list(message, "attachments") {
        let content = text(attachment, "extracted_content");
        let name = text(attachment, "file_name");
        node.files.push(if content.is_empty() { missing(name) } else { text_file(name, content) });
    }
    let mut known: HashSet<(&str, &str)> = HashSet::new();
    for file in list(message, "files").iter().chain(list(message, "files_v2")) {
        let (id, name) = (first_text(file, &["file_uuid", "uuid"]), text(file, "file_name"));
        // Both lists can contain the same file. Different files can have the same name.
        if known.insert(if id.is_empty() { ("", name) } else { (id, "") }) {
            node.files.push(file_from_entries(name, id, entries));
        }
    }
    node
}

fn missing(name: &str) -> ImportedFile {
    ImportedFile::Missing { name: name.to_owned() }
}

fn read_block(node: &mut Node, block: &Value) {
    let at = time(&block["start_timestamp"]);
    match text(block, "type") {
        "text" => node.add_text(text(block, "text")),
        "thinking" => node.add_step(thought(text(block, "thinking"), at)),
        "tool_use" => {
            let step = tool_call(text(block, "id"), text(block, "name"), block["input"].clone(), at);
            node.add_step(step);
        }
        "tool_result" => {
            let (id, output) = (text(block, "tool_use_id"), result_text(&block["content"], &mut node.files));
            let is_error = block["is_error"] == true;
            if !add_output(&mut node.steps, id, &output, is_error, at) {
                let call_id = if id.is_empty() { "result" } else { id };
                node.add_step(tool_call(call_id, text(block, "name"), Value::Null, at));
                add_output(&mut node.steps, call_id, &output, is_error, at);
            }
        }
        // It has no content.
        "token_budget" => {}
        kind => {
            node.add_text(first_text(block, &["text", "content"]));
            node.add_text(&unsupported(kind));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{StepDetail, StepStatus};

    #[test]
    fn converts_messages_with_thoughts_tools_and_files() {
        let conversation = json!({
            "uuid": "u-1", "name": "Notes", "created_at": "2024-05-01T10:00:00.123456Z", "updated_at": "2024-05-01T11:00:00Z",
            "chat_messages": [
                {"uuid": "m1", "sender": "human", "text": "Read this", "created_at": "2024-05-01T10:00:00Z",
                 "content": [{"type": "text", "text": "Read this"}],
                 "attachments": [{"file_name": "a.txt", "extracted_content": "alpha"}],
                 "files": [{"file_name": "b.png", "file_uuid": "f-9"}]},
                {"uuid": "m2", "sender": "assistant", "text": "", "content": [
                    {"type": "thinking", "thinking": "Hm.\nOk."},
                    {"type": "text", "text": "First"},
                    {"type": "tool_use", "id": "t1", "name": "web_search", "input": {"query": "x"}},
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}], "is_error": true},
                    {"type": "text", "text": "Done"},
                    {"type": "voice_note", "title": "?"}]},
            ]
        });
        let found = convert(&conversation, &Entries::from(["files/f-9.png"])).unwrap();

        let [turn] = found.turns.as_slice() else { panic!() };
        assert!(matches!(&turn.question.files[0], ImportedFile::Content { content, .. } if content == "alpha"));
        assert!(matches!(&turn.question.files[1], ImportedFile::Entry { name, .. } if name == "b.png"));
        assert_eq!(turn.answer.as_ref().unwrap().text, "First\n\nDone\n\n*(unsupported content: voice_note)*");
        let [thought, tool] = turn.task.steps.as_slice() else { panic!() };
        assert_eq!((thought.title.as_str(), thought.text_offset, tool.text_offset), ("Hm.", 0, 5));
        assert_eq!(tool.status, StepStatus::Failed);
        let StepDetail::Tool(detail) = &tool.detail else { panic!() };
        assert_eq!(detail.output, Some("found".into()));
    }

    #[test]
    fn different_files_can_have_the_same_name() {
        let file = |id: &str| json!({"file_name": "image.png", "file_uuid": id});
        let conversation = json!({"uuid": "u", "chat_messages": [
            {"uuid": "q", "sender": "human", "text": "x", "files": [file("f1"), file("f2")], "files_v2": [file("f2")]}]});
        let found = convert(&conversation, &Entries::default()).unwrap();
        assert_eq!(found.turns[0].question.files.len(), 2);
    }

    #[test]
    fn parents_make_branches() {
        let message = |id: &str, parent: &str, sender: &str| json!({"uuid": id, "parent_message_uuid": parent, "sender": sender, "text": id});
        let conversation = json!({"uuid": "u", "current_leaf_message_uuid": "a1", "chat_messages": [
            message("q1", ROOT, "human"), message("a1", "q1", "assistant"), message("q2", ROOT, "human"),
        ]});
        let found = convert(&conversation, &Entries::default()).unwrap();
        assert_eq!((found.turns.len(), found.current), (2, Some(0)));
        assert_eq!(found.turns[1].parent, None);
    }
}

//! ChatGPT: `conversations.json` of its data export, an array of conversations.
//!
//! `mapping` contains the messages as a tree, and `current_node` is the end of the current branch. Files are entries of
//! the zip file whose names begin with their IDs.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::fields::{
    About, add_output, agent_key, as_text, file_from_entries, first_text, list, text, thought, time, tool_call,
    unsupported,
};
use crate::archive::import::{
    conversation::{ImportedConversation, ImportedFile, ImportedStep},
    entries::Entries,
    tree::{Node, NodeKind},
};

pub(super) fn convert(conversation: &Value, entries: &Entries) -> Result<ImportedConversation, String> {
    let mapping = conversation["mapping"].as_object().ok_or("`mapping` must be an object")?;
    // The order of a node's children is that of their versions.
    let mut places: HashMap<&str, usize> = HashMap::new();
    for value in mapping.values() {
        places.extend(list(value, "children").iter().filter_map(Value::as_str).enumerate().map(|(at, id)| (id, at)));
    }
    let mut nodes = Vec::with_capacity(mapping.len());
    for (id, value) in mapping {
        let parent = value["parent"].as_str().map(str::to_owned);
        let mut node = read_message(id, parent, &value["message"], entries);
        node.created_at = time(&value["message"]["create_time"]);
        let place = places.get(id.as_str()).copied().unwrap_or(usize::MAX);
        nodes.push(((place, node.created_at.is_none(), node.created_at), node));
    }
    nodes.sort_by_key(|(place, _)| *place);
    let nodes: Vec<Node> = nodes.into_iter().map(|(_, node)| node).collect();
    About {
        product: "chatgpt",
        id: first_text(conversation, &["conversation_id", "id"]),
        title: text(conversation, "title"),
        created_at: time(&conversation["create_time"]),
        updated_at: time(&conversation["update_time"]),
        is_archived: conversation["is_archived"] == true,
        is_pinned: conversation["is_starred"] == true,
        current: conversation["current_node"].as_str(),
    }
    .with(&nodes)
}

fn read_message(id: &str, parent: Option<String>, message: &Value, entries: &Entries) -> Node {
    let role = text(&message["author"], "role");
    let content = &message["content"];
    let kind = text(content, "content_type");
    let is_hidden = message["metadata"]["is_visually_hidden_from_conversation"] == true;
    // The user's own instructions are not part of the conversation.
    let is_context = matches!(kind, "user_editable_context" | "model_editable_context");
    let node_kind = match role {
        _ if message.is_null() || is_hidden || is_context => NodeKind::Hidden,
        "user" => NodeKind::Question,
        "system" => NodeKind::Hidden,
        _ => NodeKind::Answer,
    };
    let mut node = Node::new(id, parent, node_kind);
    if node_kind == NodeKind::Hidden {
        return node;
    }
    node.agent_key = agent_key(text(&message["metadata"], "model_slug"));
    if role == "tool" {
        read_tool(&mut node, message, entries);
        return node;
    }
    let recipient = text(message, "recipient");
    if !recipient.is_empty() && recipient != "all" {
        let input = first_text(content, &["text", "content"]);
        let input = if input.is_empty() { as_text(&content["parts"]) } else { input.to_owned() };
        node.add_step(call(id, recipient, input));
        return node;
    }
    let attachments = list(&message["metadata"], "attachments");
    let mut files = Files { entries, attachments, shown: HashSet::new() };
    read_content(&mut node, content, &mut files);
    for file in attachments {
        let id = text(file, "id");
        if id.is_empty() || !files.shown.contains(id) {
            node.files.push(files.find(id, text(file, "name")));
        }
    }
    node
}

/// The files of a message.
struct Files<'a> {
    /// The names of the entries of the zip file.
    entries: &'a Entries,
    /// The attachments that the message lists.
    attachments: &'a [Value],
    /// The IDs of the files that are part of the message's content.
    shown: HashSet<String>,
}

impl Files<'_> {
    /// Returns a file, which counts as shown. An empty name becomes that of the attachment with the ID.
    fn find(&mut self, id: &str, name: &str) -> ImportedFile {
        self.shown.insert(id.to_owned());
        let listed = self.attachments.iter().find(|file| !id.is_empty() && text(file, "id") == id);
        let name = if name.is_empty() { listed.map_or("", |file| text(file, "name")) } else { name };
        file_from_entries(name, id, self.entries)
    }
}

fn call(id: &str, name: &str, input: String) -> ImportedStep {
    tool_call(id, name, Value::from(input), None)
}

/// Reads the result of a tool.
fn read_tool(node: &mut Node, message: &Value, entries: &Entries) {
    let content = &message["content"];
    let name = text(&message["author"], "name");
    let mut shown = Node::new("", None, NodeKind::Answer);
    read_content(&mut shown, content, &mut Files { entries, attachments: &[], shown: HashSet::new() });
    // Images that a tool creates are part of the answer.
    node.files = shown.files;
    if !shown.text.is_empty() {
        node.add_step(call(&node.id.clone(), name, String::new()));
        let id = node.id.clone();
        add_output(&mut node.steps, &id, &shown.text, text(message, "status") == "failed", None);
    }
    node.steps.extend(shown.steps);
}

fn read_content(node: &mut Node, content: &Value, files: &mut Files<'_>) {
    match text(content, "content_type") {
        "text" | "multimodal_text" => list(content, "parts").iter().for_each(|part| read_part(node, part, files)),
        "code" => {
            let language =
                Some(text(content, "language")).filter(|language| *language != "unknown").unwrap_or_default();
            node.add_text(&format!("```{language}\n{}\n```", text(content, "text")));
        }
        "tether_quote" => {
            node.add_text(text(content, "text"));
            let (title, url) = (text(content, "title"), text(content, "url"));
            if !url.is_empty() {
                node.add_text(&format!("[{}]({url})", if title.is_empty() { url } else { title }));
            }
        }
        "execution_output" | "system_error" => node.add_text(text(content, "text")),
        "tether_browsing_display" => node.add_text(first_text(content, &["result", "summary"])),
        "thoughts" => {
            for one in list(content, "thoughts") {
                let (summary, full) = (text(one, "summary"), text(one, "content"));
                let both = if full.is_empty() { summary.to_owned() } else { format!("**{summary}**\n\n{full}") };
                node.add_step(thought(&both, None));
            }
        }
        "reasoning_recap" => node.add_step(thought(text(content, "content"), None)),
        kind => {
            let shown = first_text(content, &["text", "content", "result"]);
            node.add_text(shown);
            node.add_text(&unsupported(kind));
        }
    }
}

/// Reads a part of a message: text, or an object for a file.
fn read_part(node: &mut Node, part: &Value, files: &mut Files<'_>) {
    if let Some(part) = part.as_str() {
        node.add_text(part);
        return;
    }
    match text(part, "content_type") {
        "image_asset_pointer" | "audio_asset_pointer" | "video_container_asset_pointer" => {
            node.files.push(files.find(id_of(text(part, "asset_pointer")), ""));
        }
        "real_time_user_audio_video_asset_pointer" => {
            let pointer = &part["audio_asset_pointer"];
            node.files.push(files.find(id_of(text(pointer, "asset_pointer")), ""));
        }
        "audio_transcription" => node.add_text(text(part, "text")),
        kind => {
            node.add_text(text(part, "text"));
            node.add_text(&unsupported(kind));
        }
    }
}

/// Returns the ID in a pointer such as `file-service://file-ID` or `sediment://file_ID`.
fn id_of(pointer: &str) -> &str {
    pointer.split_once("://").map_or(pointer, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(role: &str, at: f64, content: impl Into<Value>) -> Value {
        let content = content.into();
        json!({"author": {"role": role}, "create_time": at, "content": content, "recipient": "all",
            "metadata": {"model_slug": if role == "assistant" { "gpt-4o" } else { "" }}})
    }

    fn says(text: &str) -> Value {
        json!({"content_type": "text", "parts": [text]})
    }

    fn sample() -> Value {
        json!({
            "conversation_id": "c-1", "title": "Trip", "create_time": 1_700_000_000.5, "update_time": 1_700_000_900.0,
            "current_node": "a3", "is_archived": true,
            "mapping": {
                "root": {"message": null, "parent": null},
                "sys": {"message": message("system", 0.0, says("")), "parent": "root"},
                "q1": {"message": message("user", 1_700_000_001.0, json!({"content_type": "multimodal_text", "parts": [
                    {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_abc"}, "Where is this?"]})),
                    "parent": "sys"},
                "a1": {"message": message("assistant", 1_700_000_002.0, says("In Rome.")), "parent": "q1"},
                "q2": {"message": message("user", 1_700_000_003.0, says("And now?")), "parent": "a1"},
                "a2": {"message": message("assistant", 1_700_000_004.0, says("Still Rome.")), "parent": "q2"},
                "think": {"message": message("assistant", 1_700_000_005.0, json!({"content_type": "thoughts",
                    "thoughts": [{"summary": "Looking", "content": "At the map"}]})), "parent": "q2"},
                "code": {"message": {"author": {"role": "assistant"}, "create_time": 1_700_000_006.0, "recipient": "python",
                    "content": {"content_type": "code", "text": "print(1)"}}, "parent": "think"},
                "out": {"message": {"author": {"role": "tool", "name": "python"}, "create_time": 1_700_000_007.0,
                    "content": {"content_type": "execution_output", "text": "1"}}, "parent": "code"},
                "a3": {"message": message("assistant", 1_700_000_008.0, json!({"content_type": "new_kind", "text": "Moved."})),
                    "parent": "out"},
            }
        })
    }

    #[test]
    fn converts_branches_files_steps_and_unknown_content() {
        let entries = Entries::from(["conversations.json", "user-x/file_abc-photo.png"]);
        let found = convert(&sample(), &entries).unwrap();

        assert_eq!((found.source.as_str(), found.turns.len(), found.current), ("chatgpt:c-1", 3, Some(2)));
        assert_eq!(found.created_at.unwrap().to_string(), "2023-11-14T22:13:20.500Z");
        let [first, second, third] = found.turns.as_slice() else { panic!() };
        assert_eq!(first.question.text, "Where is this?");
        let ImportedFile::Entry { name, entry, .. } = &first.question.files[0] else { panic!() };
        assert_eq!((name.as_str(), entry.as_str()), ("photo.png", "user-x/file_abc-photo.png"));
        assert_eq!(first.answer.as_ref().unwrap().agent_key.as_deref(), Some("gpt-4o"));
        assert_eq!((second.parent, third.parent), (Some(0), Some(0)));
        assert_eq!(third.question.text, "And now?");
        let answer = third.answer.as_ref().unwrap();
        assert_eq!(answer.text, "Moved.\n\n*(unsupported content: new_kind)*");
        let titles: Vec<&str> = third.task.steps.iter().map(|step| step.title.as_str()).collect();
        assert_eq!(titles, ["Looking", "python", "python"]);
    }

    #[test]
    fn reports_a_file_that_is_not_part_of_the_export() {
        let found = convert(&sample(), &Entries::default()).unwrap();
        assert!(matches!(found.turns[0].question.files[0], ImportedFile::Missing { .. }));
    }

    #[test]
    fn keeps_the_order_of_versions_and_every_attachment() {
        let mut conversation = sample();
        let q2 = &mut conversation["mapping"]["q2"];
        q2["children"] = json!(["think", "a2"]);
        q2["message"]["metadata"]["attachments"] =
            json!([{"name": "a.txt"}, {"name": "b.txt"}, {"id": "file_c", "name": "c.txt"}]);
        let found = convert(&conversation, &Entries::default()).unwrap();

        assert_eq!(found.turns[1].answer.as_ref().unwrap().text, "Moved.\n\n*(unsupported content: new_kind)*");
        assert_eq!(found.turns[2].answer.as_ref().unwrap().text, "Still Rome.");
        let names: Vec<&str> = found.turns[1]
            .question
            .files
            .iter()
            .map(|file| match file {
                ImportedFile::Missing { name } => name.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["a.txt", "b.txt", "c.txt"]);
    }

    #[test]
    fn names_a_missing_file_once() {
        let mut conversation = sample();
        conversation["mapping"]["q1"]["message"]["metadata"]["attachments"] =
            json!([{"id": "file_abc", "name": "photo.png"}]);
        let found = convert(&conversation, &Entries::default()).unwrap();
        let [ImportedFile::Missing { name }] = found.turns[0].question.files.as_slice() else { panic!() };
        assert_eq!(name, "photo.png");
    }

    #[test]
    fn rejects_a_conversation_without_an_id() {
        assert!(convert(&json!({"mapping": {}}), &Entries::default()).is_err());
    }
}

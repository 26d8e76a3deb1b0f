//! Open WebUI: its export of chats, an array of objects with a `chat`.
//!
//! `history.messages` contains the messages as a tree, and `history.currentId` is the end of the current branch. Old
//! chats have only the list `messages`.

use serde_json::Value;

use super::fields::{
    About, agent_key, file_from_base64, first_text, list, text, text_file, thought, time, unsupported,
};
use crate::archive::import::{
    conversation::{ImportedConversation, ImportedFile},
    tree::{Node, NodeKind},
};

pub(super) fn convert(conversation: &Value) -> Result<ImportedConversation, String> {
    let chat = &conversation["chat"];
    let history = &chat["history"];
    let mut nodes: Vec<Node> = Vec::new();
    if let Some(messages) = history["messages"].as_object().filter(|messages| !messages.is_empty()) {
        let mut ordered: Vec<(&String, &Value)> = messages.iter().collect();
        ordered.sort_by_key(|(_, message)| time(&message["timestamp"]));
        for (id, message) in ordered {
            nodes.push(read_message(id.clone(), message["parentId"].as_str().map(str::to_owned), message));
        }
    } else {
        for (index, message) in list(chat, "messages").iter().enumerate() {
            let parent = nodes.last().map(|node| node.id.clone());
            nodes.push(read_message(index.to_string(), parent, message));
        }
    }
    let last = nodes.last().map(|node| node.id.clone());
    About {
        product: "open-webui",
        id: first_text(conversation, &["id"]),
        title: Some(text(conversation, "title"))
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| text(chat, "title")),
        created_at: time(&conversation["created_at"]).or_else(|| time(&chat["timestamp"])),
        updated_at: time(&conversation["updated_at"]),
        is_archived: conversation["archived"] == true,
        is_pinned: conversation["pinned"] == true,
        current: history["currentId"].as_str().or(last.as_deref()),
    }
    .with(&nodes)
}

fn read_message(id: String, parent: Option<String>, message: &Value) -> Node {
    let kind = match text(message, "role") {
        "user" => NodeKind::Question,
        "system" => NodeKind::Hidden,
        _ => NodeKind::Answer,
    };
    let mut node = Node::new(id, parent, kind);
    node.created_at = time(&message["timestamp"]);
    if kind == NodeKind::Hidden {
        return node;
    }
    if kind == NodeKind::Answer {
        node.agent_key = agent_key(text(message, "model"));
        let error = &message["error"];
        let reason = if error.is_object() { text(error, "content") } else { error.as_str().unwrap_or_default() };
        add_answer(&mut node, text(message, "content"));
        if !reason.is_empty() {
            node.add_text(&format!("*({reason})*"));
        }
    } else if let Some(content) = message["content"].as_str() {
        node.add_text(content);
    } else {
        for part in list(message, "content") {
            read_part(&mut node, part);
        }
    }
    node.files.extend(list(message, "files").iter().map(read_file));
    list(message, "images").iter().filter_map(Value::as_str).for_each(|image| {
        node.files.push(file_from_base64("", "image/png", image));
    });
    node
}

/// Adds an answer, whose reasoning is in `<details type="reasoning">` elements.
fn add_answer(node: &mut Node, content: &str) {
    const BEGIN: &str = "<details type=\"reasoning\"";
    const END: &str = "</details>";
    let mut rest = content;
    while let Some((before, inside)) = rest.split_once(BEGIN) {
        let Some((element, after)) = inside.split_once(END) else { break };
        node.add_text(before.trim());
        let body = element.split_once('>').map_or(element, |(_, body)| body);
        let body = body.split_once("</summary>").map_or(body, |(_, body)| body);
        let lines: Vec<&str> = body
            .trim()
            .lines()
            .map(|line| line.strip_prefix("&gt; ").or(line.strip_prefix("> ")).unwrap_or(line))
            .collect();
        node.add_step(thought(&lines.join("\n"), None));
        rest = after;
    }
    node.add_text(rest.trim());
}

/// Reads a part of a message in OpenAI's format.
fn read_part(node: &mut Node, part: &Value) {
    match text(part, "type") {
        "text" => node.add_text(text(part, "text")),
        "image_url" => node.files.push(file_from_base64("", "", text(&part["image_url"], "url"))),
        kind => node.add_text(&unsupported(kind)),
    }
}

fn read_file(file: &Value) -> ImportedFile {
    let url = text(file, "url");
    if url.starts_with("data:") {
        return file_from_base64(text(file, "name"), "", url);
    }
    let name = first_text(file, &["name"]);
    let name = if name.is_empty() { text(&file["file"], "filename") } else { name };
    let content = text(&file["file"]["data"], "content");
    if content.is_empty() { ImportedFile::Missing { name: name.to_owned() } } else { text_file(name, content) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn converts_a_tree_with_reasoning_and_files() {
        let found = convert(&json!({
            "id": "w-1", "title": "", "archived": false, "pinned": true, "created_at": 1_700_000_000, "updated_at": 1_700_000_100,
            "chat": {"title": "Numbers", "history": {"currentId": "a2", "messages": {
                "q": {"id": "q", "parentId": null, "role": "user", "content": "2 + 2?", "timestamp": 1_700_000_001,
                      "files": [{"type": "file", "name": "n.txt", "file": {"data": {"content": "two"}}},
                                {"type": "image", "url": "data:image/png;base64,AAEC"},
                                {"type": "collection", "name": "Manuals"}]},
                "a1": {"id": "a1", "parentId": "q", "role": "assistant", "content": "4", "model": "llama3.2:3b",
                       "timestamp": 1_700_000_002},
                "a2": {"id": "a2", "parentId": "q", "role": "assistant", "timestamp": 1_700_000_003, "content":
                       "<details type=\"reasoning\" done=\"true\">\n<summary>Thought</summary>\n&gt; Two\n&gt; twos\n</details>\nFour"},
            }}}
        }))
        .unwrap();

        assert_eq!((found.title.as_str(), found.current), ("Numbers", Some(1)));
        assert!(found.pinned_at.is_some());
        let [one, two] = found.turns.as_slice() else { panic!() };
        assert_eq!(one.answer.as_ref().unwrap().agent_key.as_deref(), Some("llama3-2-3b"));
        assert_eq!(two.answer.as_ref().unwrap().text, "Four");
        assert_eq!(two.task.steps[0].title, "Two");
        let [text, image, missing] = one.question.files.as_slice() else { panic!() };
        assert!(matches!(text, ImportedFile::Content { content, .. } if content == "two"));
        assert!(matches!(image, ImportedFile::Content { content, .. } if **content == [0, 1, 2]));
        assert!(matches!(missing, ImportedFile::Missing { name } if name == "Manuals"));
    }

    #[test]
    fn converts_an_old_list() {
        let found = convert(&json!({"id": "w", "chat": {"messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "video"}]},
            {"role": "assistant", "content": "Hello", "error": {"content": "cut off"}},
        ]}}))
        .unwrap();
        assert_eq!(found.turns.len(), 1);
        assert_eq!(found.turns[0].question.text, "Hi\n\n*(unsupported content: video)*");
        assert_eq!(found.turns[0].answer.as_ref().unwrap().text, "Hello\n\n*(cut off)*");
    }
}

//! Converts content from an agent to text and files.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde_json::{Map, Value};

use crate::agents::{AgentFile, FileContent, base64_content};

/// Returns the text of a content block, a list of blocks, or a bare string. For a block of an unknown type, this is the
/// first nonempty text in `text`, `content`, or `value`.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().map(text_of).collect(),
        Value::Object(_) => block_text(content),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

fn block_text(block: &Value) -> String {
    let text = |field: &str| block[field].as_str().unwrap_or_default();
    match block["type"].as_str() {
        Some("resource_link") => format!("[{}]({})", text("name"), text("uri")),
        Some("resource") => block["resource"]["text"].as_str().unwrap_or_default().to_owned(),
        Some("image") => "*(image)*".to_owned(),
        Some("audio") => "*(audio)*".to_owned(),
        // Some agents use the text's format as the block type, or nest the text in another object.
        Some(_) | None => {
            let texts = ["text", "content", "value"].into_iter().map(|field| text_of(&block[field]));
            texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
        }
    }
}

/// Returns the text in a chunk. Some agents put the text next to `content` rather than inside it.
pub(super) fn chunk_text(fields: &Map<String, Value>) -> String {
    let texts = ["content", "text", "delta", "message"].into_iter().filter_map(|field| fields.get(field)).map(text_of);
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Removes the files from the content of a chunk, and returns them.
pub(super) fn take_files(fields: &mut Map<String, Value>, work_folder: &Path) -> Vec<AgentFile> {
    let mut files = Vec::new();
    let mut is_file = |block: &Value| match file_of(block, work_folder) {
        Some(file) => {
            files.push(file);
            true
        }
        None => false,
    };
    match fields.get_mut("content") {
        Some(Value::Array(blocks)) => blocks.retain(|block| !is_file(block)),
        Some(block) if is_file(block) => *block = Value::Null,
        Some(_) | None => {}
    }
    files
}

/// Returns the images and other files that a tool has returned. Links to files are not included: most of them refer to
/// what the tool has read.
pub(super) fn tool_files(fields: &Map<String, Value>) -> Vec<AgentFile> {
    let items = fields.get("content").map_or(&[][..], list_of);
    let contents = items.iter().filter(|item| item["type"] == "content").map(|item| &item["content"]);
    contents.flat_map(list_of).filter_map(inline_file).collect()
}

/// Returns the values of a list, or the value itself.
fn list_of(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        value => std::slice::from_ref(value),
    }
}

/// Returns the file in a content block, if it contains one or refers to one in the work folder.
fn file_of(block: &Value, work_folder: &Path) -> Option<AgentFile> {
    if block["type"] != "resource_link" {
        return inline_file(block);
    }
    let path = path_within(work_folder, block["uri"].as_str()?)?;
    let name = block["name"].as_str().filter(|name| Path::new(name).extension().is_some());
    let name = name.map(str::to_owned).or_else(|| Some(path.file_name()?.to_string_lossy().into_owned()));
    let media_type = block["mimeType"].as_str().map(str::to_owned);
    Some(AgentFile { name, media_type, content: FileContent::Path(path) })
}

/// Returns the file whose content is in a content block. Texts in resources are part of the answer's text.
fn inline_file(block: &Value) -> Option<AgentFile> {
    let (place, data) = match block["type"].as_str()? {
        "image" | "audio" => (block, &block["data"]),
        "resource" => (&block["resource"], &block["resource"]["blob"]),
        _ => return None,
    };
    let content = base64_content::decode(data.as_str()?)?;
    let name = place["uri"].as_str().and_then(name_in);
    let media_type = place["mimeType"].as_str().map(str::to_owned);
    Some(AgentFile { name, media_type, content: FileContent::Bytes(content) })
}

/// Returns the file name at the end of a URI, which may be a path.
fn name_in(uri: &str) -> Option<String> {
    let path = Url::parse(uri).ok().and_then(|url| url.to_file_path().ok());
    let path = path.unwrap_or_else(|| PathBuf::from(uri.split(['?', '#']).next().unwrap_or_default()));
    Some(path.file_name()?.to_string_lossy().into_owned()).filter(|name| !name.starts_with("data:"))
}

/// Returns the path of a regular file in the work folder to which a URI refers. Symbolic links are followed, and must
/// not lead out of the folder.
fn path_within(work_folder: &Path, uri: &str) -> Option<PathBuf> {
    let path = match Url::parse(uri) {
        Ok(url) => url.to_file_path().ok()?,
        Err(_) => work_folder.join(uri),
    };
    let (path, folder) = (path.canonicalize().ok()?, work_folder.canonicalize().ok()?);
    (path.starts_with(folder) && path.is_file()).then_some(path)
}

/// Returns whether the content of a chunk is a thought.
pub(super) fn is_thought(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("content").and_then(|content| content["type"].as_str()).unwrap_or_default();
    ["think", "thought", "reasoning"].iter().any(|part| kind.contains(part))
}

/// Returns whether a chunk contains a block of an unknown type without a `text` field.
pub(super) fn has_other_content(fields: &Map<String, Value>) -> bool {
    let is_other = |block: &Value| match block["type"].as_str() {
        Some("text" | "resource" | "resource_link" | "image" | "audio") | None => false,
        Some(_) => block.as_object().is_some_and(|fields| !fields.contains_key("text")),
    };
    match fields.get("content") {
        Some(Value::Array(blocks)) => blocks.iter().any(is_other),
        Some(content) => is_other(content),
        None => false,
    }
}

/// Text of limited length.
pub(super) struct CappedText {
    text: String,
    max: usize,
    is_cut: bool,
}

impl CappedText {
    /// Creates an empty text that can hold at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { text: String::new(), max, is_cut: false }
    }

    /// Appends as much of the text as fits. After text has been cut off, appends nothing more.
    pub fn push(&mut self, text: &str) {
        if self.is_cut {
            return;
        }
        let (kept, is_cut) = cut(text, self.max - self.text.len());
        self.is_cut = is_cut;
        self.text.push_str(kept);
    }

    /// Returns the text and whether it was truncated.
    pub fn into_parts(self) -> (String, bool) {
        (self.text, self.is_cut)
    }
}

/// Returns the text from a tool's content list and whether it was truncated, or `None` if no item can be displayed as
/// text. Diffs are skipped; see [`file_diffs`](super::diff::file_diffs).
pub(super) fn tool_text(items: &[Value], max: usize) -> Option<(String, bool)> {
    let mut shown = CappedText::new(max);
    let mut is_first = true;
    for item in items {
        if is_diff(item) {
            continue;
        }
        let text = text_of(item);
        if item["type"] != "content" && text.is_empty() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            shown.push("\n");
        }
        shown.push(&text);
    }
    (!is_first).then(|| shown.into_parts())
}

/// Returns whether an item of a tool's content list is a diff.
pub(super) fn is_diff(item: &Value) -> bool {
    item["type"] == "diff"
}

/// Truncates text to at most `most_bytes` bytes. Returns the part that is kept and whether anything was cut off.
pub(super) fn cut(text: &str, most_bytes: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(most_bytes);
    (&text[..end], end < text.len())
}

//! Reads fields of other products' objects, and creates what they have in common.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

pub(super) use crate::archive::import::keys::agent_key;
use crate::{
    archive::import::{
        conversation::{ImportedConversation, ImportedFile, ImportedStep},
        entries::{Entries, base_of},
        tree::{Node, build_turns},
    },
    chat::{SessionStatus, StepDetail, StepStatus, ToolDetail, ToolKind},
    clock::Timestamp,
};

/// The maximum length of the ID of a conversation, in bytes.
const MAX_ID_BYTES: usize = 200;
/// Numbers above this one are milliseconds since 1970, and others are seconds.
const MAX_SECONDS: f64 = 1e11;

/// Returns a field with text; empty if it is absent.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// Returns the elements of a field; none if it is not an array.
pub(super) fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object[field].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the text of the first of these fields that has any.
pub(super) fn first_text<'a>(object: &'a Value, fields: &[&str]) -> &'a str {
    fields.iter().map(|field| text(object, field)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Returns a time, which may be a text, or a number of seconds or milliseconds since 1970.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    if let Some(text) = value.as_str() {
        return text.parse().ok();
    }
    let number = value.as_f64().filter(|number| *number > 0.0)?;
    let millis = if number > MAX_SECONDS { number } else { number * 1000.0 };
    #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates, and the range is checked")]
    Timestamp::from_unix_millis(millis.round() as i64)
}

/// Returns the text that is shown instead of content that cannot be imported.
pub(super) fn unsupported(kind: &str) -> String {
    format!("*(unsupported content: {})*", if kind.is_empty() { "unknown" } else { kind })
}

/// Returns the text that is shown instead of a line that cannot be read.
pub(super) fn damaged_line() -> String {
    "*(a line of the log is damaged)*".into()
}

/// Returns a value as text: strings as they are, and others as JSON.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) if parts.iter().all(|part| part["text"].is_string()) => {
            parts.iter().map(|part| text(part, "text")).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// Returns the file in a data URL, or in base64 with its media type.
pub(super) fn file_from_base64(name: &str, media_type: &str, data: &str) -> ImportedFile {
    let (media_type, data) = match data.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
        Some((media_type, data)) => (media_type, data),
        None => (media_type, data),
    };
    match BASE64_STANDARD.decode(data.trim()) {
        Ok(content) if !content.is_empty() => ImportedFile::Content {
            name: name.to_owned(),
            media_type: (!media_type.is_empty()).then(|| media_type.to_owned()),
            content: content.into(),
        },
        _ => ImportedFile::Missing { name: name.to_owned() },
    }
}

/// Returns the text of a tool's result, and adds its images to `files`.
pub(super) fn result_text(content: &Value, files: &mut Vec<ImportedFile>) -> String {
    let Some(parts) = content.as_array() else { return as_text(content) };
    let mut result = String::new();
    for part in parts {
        match text(part, "type") {
            "image" | "document" if part["source"]["data"].is_string() => {
                let source = &part["source"];
                files.push(file_from_base64("", text(source, "media_type"), text(source, "data")));
            }
            _ if part["text"].is_string() => push_line(&mut result, text(part, "text")),
            _ => push_line(&mut result, &as_text(part)),
        }
    }
    result
}

fn push_line(target: &mut String, line: &str) {
    if !target.is_empty() {
        target.push('\n');
    }
    target.push_str(line);
}

/// Returns a text file.
pub(super) fn text_file(name: &str, text: &str) -> ImportedFile {
    ImportedFile::Content {
        name: name.to_owned(),
        media_type: Some("text/plain".into()),
        content: text.as_bytes().to_vec().into(),
    }
}

/// Returns the file with an ID, whose entry has the ID in its name.
pub(super) fn file_from_entries(name: &str, id: &str, entries: &Entries) -> ImportedFile {
    match entries.find(id) {
        Some(entry) => {
            let base = base_of(entry);
            // Exports add the name to the ID.
            let own = base.strip_prefix(id).unwrap_or(base).trim_start_matches(['-', '_']);
            let name = [name, own, base].into_iter().find(|name| !name.is_empty() && !name.starts_with('.'));
            ImportedFile::Entry {
                name: name.unwrap_or_default().to_owned(),
                entry: entry.to_owned(),
                media_type: None,
                created_at: None,
            }
        }
        None => ImportedFile::Missing { name: name.to_owned() },
    }
}

/// Creates a step.
fn step(title: &str, detail: StepDetail, at: Option<Timestamp>) -> ImportedStep {
    ImportedStep {
        seq: None,
        detail,
        tool_call_id: None,
        parent_tool_call_id: None,
        title: title.to_owned(),
        status: StepStatus::Succeeded,
        text_offset: 0,
        started_at: at,
        ended_at: at,
    }
}

/// Creates a thought.
pub(super) fn thought(text: &str, at: Option<Timestamp>) -> ImportedStep {
    let title = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("Thought").trim();
    step(title.trim_matches('*'), StepDetail::thought(text), at)
}

/// Creates a tool call without its output.
pub(super) fn tool_call(id: &str, name: &str, input: Value, at: Option<Timestamp>) -> ImportedStep {
    let detail = ToolDetail { tool_kind: Some(kind_of(name)), input: Some(input), ..ToolDetail::default() };
    let call = step(if name.is_empty() { "Tool" } else { name }, StepDetail::Tool(detail), at);
    ImportedStep { tool_call_id: (!id.is_empty()).then(|| id.to_owned()), ..call }
}

/// Adds the output to the tool call with an ID. Returns false if there is no such call.
pub(super) fn add_output(
    steps: &mut [ImportedStep],
    id: &str,
    output: &str,
    is_error: bool,
    at: Option<Timestamp>,
) -> bool {
    let mut calls = steps.iter_mut().rev();
    let Some(call) = calls.find(|step| !id.is_empty() && step.tool_call_id.as_deref() == Some(id)) else {
        return false;
    };
    if let StepDetail::Tool(detail) = &mut call.detail {
        detail.output = Some(output.into());
    }
    call.status = if is_error { StepStatus::Failed } else { StepStatus::Succeeded };
    call.ended_at = at.or(call.ended_at);
    true
}

/// Guesses the kind of a tool from its name.
fn kind_of(name: &str) -> ToolKind {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["bash", "shell", "exec", "python", "run", "terminal", "code_interpreter"]) {
        ToolKind::Execute
    } else if has(&["write", "edit", "patch", "canmore"]) {
        ToolKind::Edit
    } else if has(&["search", "grep", "glob", "browser", "web"]) {
        ToolKind::Search
    } else if has(&["read", "view", "file_search"]) {
        ToolKind::Read
    } else if has(&["fetch"]) {
        ToolKind::Fetch
    } else {
        ToolKind::Other
    }
}

/// What a product says about a conversation.
pub(super) struct About<'a> {
    /// The key of the product.
    pub(super) product: &'a str,
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) is_archived: bool,
    pub(super) is_pinned: bool,
    /// The ID of the last message of the current branch.
    pub(super) current: Option<&'a str>,
}

impl About<'_> {
    /// Creates the conversation from its messages.
    ///
    /// # Errors
    /// Fails if the conversation has no ID or a very long one, or if its branches repeat too much.
    pub(super) fn with(self, nodes: &[Node]) -> Result<ImportedConversation, String> {
        if self.id.is_empty() {
            return Err("it has no ID".into());
        }
        if self.id.len() > MAX_ID_BYTES {
            return Err(format!("its ID is longer than {MAX_ID_BYTES} bytes"));
        }
        let (turns, current) = build_turns(nodes, self.current)?;
        Ok(ImportedConversation {
            source: format!("{}:{}", self.product, self.id),
            session_id: None,
            title: self.title.to_owned(),
            agent_key: self.product.to_owned(),
            status: if self.is_archived { SessionStatus::Archived } else { SessionStatus::Active },
            pinned_at: self.updated_at.or(self.created_at).filter(|_| self.is_pinned),
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_activity_at: self.updated_at,
            last_read_seq: None,
            forked_from: None,
            turns,
            current,
        })
    }
}

//! From the agent's updates to ours.
//!
//! Lenient, since agents differ: kinds that are not known are ignored, a tool call may come twice, late, or without a
//! status, and a field that makes no sense counts as missing. A tool whose status was never told runs, unless it waits for
//! a permission; one that was not allowed is `rejected`, whatever failure is told of it.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt::Write as _};

use agent_client_protocol::v1::schema::{
    ContentBlock, EmbeddedResourceResource, PlanEntry, PlanEntryStatus, SessionUpdate, ToolCall, ToolCallContent,
    ToolCallStatus, ToolCallUpdate,
};
use banter_shared::chat::{StepKind, StepStatus};
use serde_json::{Value, json};

use super::terminal::Terminals;
use crate::agents::{StepUpdate, Update};

/// Longest answer, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Most that is told of a tool's input, of its output, and of a thought, in bytes.
const MAX_DETAIL_BYTES: usize = 64 * 1024;
/// Longest title, in characters.
const MAX_TITLE_CHARS: usize = 200;
/// Tools of one turn that are told of.
const MAX_TOOLS: usize = 2000;
/// Stands for the title of a tool that has none.
pub(super) const NAMELESS: &str = "Tool";

/// What a turn has shown so far.
#[derive(Default)]
pub(super) struct Mapper {
    tools: HashMap<String, Tool>,
    terminals: Terminals,
    thought: Option<Thought>,
    thoughts: usize,
    notices: usize,
    text_bytes: usize,
    /// The message that the last text belonged to.
    message_id: Option<String>,
    ends_in_space: bool,
    /// Something else came after the last text.
    was_interrupted: bool,
}

struct Tool {
    call: ToolCall,
    /// What the agent says of its status; none: nothing, or nothing that still holds.
    told: Option<ToolCallStatus>,
    permission: Permission,
}

/// How far a tool's permission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permission {
    NotAskedFor,
    Waiting,
    Given,
    Refused,
}

impl Tool {
    fn new(call: ToolCall) -> Self {
        Self { call, told: None, permission: Permission::NotAskedFor }
    }

    fn status(&self) -> StepStatus {
        match (self.told, self.permission) {
            // Also without a permission: what has happened is not hidden.
            (Some(ToolCallStatus::Completed), _) => StepStatus::Succeeded,
            (_, Permission::Refused) => StepStatus::Rejected,
            (Some(ToolCallStatus::Failed), _) => StepStatus::Failed,
            (Some(ToolCallStatus::Pending), _) | (None, Permission::Waiting) => StepStatus::Pending,
            _ => StepStatus::Running,
        }
    }
}

struct Thought {
    text: String,
    is_told: bool,
}

/// Whether the turn may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    GoesOn,
    /// The answer has become too long.
    TooLong,
}

impl Mapper {
    /// Takes in one update; what is to be told is added to `out`.
    pub fn update(&mut self, mut update: Value, out: &mut Vec<Update>) -> Flow {
        announcement_as_update(&mut update);
        self.terminals.show(&mut update);
        let kind = update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default().to_owned();
        let parsed = serde_json::from_value::<SessionUpdate>(update)
            .inspect_err(|error| tracing::debug!(kind, %error, "an update that is not understood"));
        let Ok(update) = parsed else { return Flow::GoesOn };
        match update {
            SessionUpdate::AgentMessageChunk(chunk) => {
                let message_id = chunk.message_id.map(|id| id.0.to_string());
                return self.text(&text_of(&chunk.content), message_id, out);
            }
            SessionUpdate::AgentThoughtChunk(chunk) => self.think(&text_of(&chunk.content)),
            SessionUpdate::ToolCallUpdate(update) => {
                let id = update.tool_call_id.0.to_string();
                self.upsert(update);
                self.tell_tool(&id, out);
            }
            SessionUpdate::Plan(plan) => {
                self.interrupt(out);
                let entries = json!(
                    plan.entries
                        .iter()
                        .map(|entry| json!({
                            "content": entry.content, "status": entry.status, "priority": entry.priority,
                        }))
                        .collect::<Vec<_>>()
                );
                out.push(step(
                    "plan",
                    StepKind::Plan,
                    None,
                    "Plan",
                    plan_status(&plan.entries),
                    json!({"entries": entries}),
                ));
            }
            SessionUpdate::Notice(notice) => {
                self.interrupt(out);
                self.notices += 1;
                let detail = json!({"text": notice.description.unwrap_or_default(), "severity": notice.severity});
                let key = format!("notice:{}", self.notices);
                out.push(step(&key, StepKind::Notice, None, &notice.title, StepStatus::Succeeded, detail));
            }
            // Commands, modes and the like are nothing to show; neither is what a later version may add.
            _ => {}
        }
        Flow::GoesOn
    }

    /// A request to be allowed something shows its tool, which may not have been seen before. The tool's id and a title.
    pub fn permission(&mut self, call: ToolCallUpdate, out: &mut Vec<Update>) -> (String, String) {
        let id = call.tool_call_id.0.to_string();
        let title = call.fields.title.clone();
        self.upsert(call);
        self.settle(&id, Permission::Waiting, out);
        let known = self.tools.get(&id).map(|tool| title_of(&tool.call));
        (id, known.or(title).unwrap_or_else(|| NAMELESS.to_owned()))
    }

    /// The tool was allowed.
    pub fn allow(&mut self, id: &str, out: &mut Vec<Update>) {
        self.settle(id, Permission::Given, out);
    }

    /// The tool was not allowed.
    pub fn reject(&mut self, id: &str, out: &mut Vec<Update>) {
        self.settle(id, Permission::Refused, out);
    }

    fn settle(&mut self, id: &str, permission: Permission, out: &mut Vec<Update>) {
        if let Some(tool) = self.tools.get_mut(id) {
            tool.permission = permission;
            // It was pending because it waited.
            if permission == Permission::Given && tool.told == Some(ToolCallStatus::Pending) {
                tool.told = None;
            }
            self.tell_tool(id, out);
        }
    }

    /// Tells what has been thought since it was told last.
    pub fn flush(&mut self, out: &mut Vec<Update>) {
        if let Some(thought) = self.thought.as_mut().filter(|thought| !thought.is_told) {
            thought.is_told = true;
            out.push(thought_step(self.thoughts, &thought.text, StepStatus::Running));
        }
    }

    /// Whether there is something to flush.
    pub fn has_something_to_flush(&self) -> bool {
        self.thought.as_ref().is_some_and(|thought| !thought.is_told)
    }

    /// The turn is over: what seems to be under way still is not, and what still waits to be allowed never will be.
    pub fn finish(&mut self, went_well: bool, out: &mut Vec<Update>) {
        self.end_thought(out);
        let status = if went_well { ToolCallStatus::Completed } else { ToolCallStatus::Failed };
        let mut open: Vec<String> =
            self.tools.iter().filter(|(_, tool)| tool.status().is_open()).map(|(id, _)| id.clone()).collect();
        open.sort_unstable();
        for id in open {
            if let Some(tool) = self.tools.get_mut(&id) {
                match tool.permission {
                    Permission::Waiting => tool.permission = Permission::Refused,
                    Permission::NotAskedFor | Permission::Given | Permission::Refused => tool.told = Some(status),
                }
            }
            self.tell_tool(&id, out);
        }
    }

    fn text(&mut self, text: &str, message_id: Option<String>, out: &mut Vec<Update>) -> Flow {
        if text.is_empty() {
            return Flow::GoesOn;
        }
        self.end_thought(out);
        let is_new = message_id.is_some() && self.message_id.is_some() && message_id != self.message_id;
        // What an agent says before and after a tool are sentences of their own.
        let needs_break = self.text_bytes > 0 && !self.ends_in_space && (self.was_interrupted || is_new);
        let text = if needs_break { format!("\n\n{text}") } else { text.to_owned() };
        self.message_id = message_id.or_else(|| self.message_id.take());
        self.was_interrupted = false;
        self.ends_in_space = text.ends_with(char::is_whitespace);
        let room = MAX_ANSWER_BYTES - self.text_bytes;
        let (kept, is_cut) = cut(&text, room);
        self.text_bytes += kept.len();
        out.push(Update::Text(kept.to_owned()));
        if is_cut { Flow::TooLong } else { Flow::GoesOn }
    }

    fn think(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.thought.is_none() {
            self.thoughts += 1;
        }
        let thought = self.thought.get_or_insert_with(|| Thought { text: String::new(), is_told: false });
        let room = MAX_DETAIL_BYTES - thought.text.len();
        let kept = cut(text, room).0;
        thought.is_told &= kept.is_empty();
        thought.text.push_str(kept);
    }

    fn end_thought(&mut self, out: &mut Vec<Update>) {
        if let Some(thought) = self.thought.take() {
            out.push(thought_step(self.thoughts, &thought.text, StepStatus::Succeeded));
        }
    }

    /// Something comes that is no text.
    fn interrupt(&mut self, out: &mut Vec<Update>) {
        self.end_thought(out);
        self.was_interrupted = true;
    }

    fn upsert(&mut self, update: ToolCallUpdate) {
        let ToolCallUpdate { tool_call_id, mut fields, .. } = update;
        fields.title = fields.title.filter(|title| !title.trim().is_empty());
        let id = tool_call_id.0.to_string();
        if !self.tools.contains_key(&id) && self.tools.len() >= MAX_TOOLS {
            return;
        }
        let tool = self.tools.entry(id).or_insert_with(|| Tool::new(ToolCall::new(tool_call_id, "")));
        tool.told = fields.status.or(tool.told);
        tool.call.update(fields);
    }

    fn tell_tool(&mut self, id: &str, out: &mut Vec<Update>) {
        self.interrupt(out);
        let Some(tool) = self.tools.get(id) else { return };
        let (input, input_cut) = input_of(&tool.call);
        let (output, output_cut) = output_of(&tool.call);
        let locations: Vec<Value> = tool
            .call
            .locations
            .iter()
            .take(100)
            .map(|location| json!({"path": location.path, "line": location.line}))
            .collect();
        let detail = json!({
            "tool_kind": tool.call.kind, "input": input, "output": output, "locations": locations,
            "is_truncated": input_cut || output_cut,
        });
        out.push(step(&format!("tool:{id}"), StepKind::Tool, Some(id), &title_of(&tool.call), tool.status(), detail));
    }
}

/// Lets a tool call that is announced count as an update of it: it may be known already, and what it leaves out then stays.
fn announcement_as_update(update: &mut Value) {
    if update.get("sessionUpdate").and_then(Value::as_str) != Some("tool_call") {
        return;
    }
    if let Some(fields) = update.as_object_mut() {
        fields.insert("sessionUpdate".to_owned(), "tool_call_update".into());
        fields.retain(|_, field| field.as_array().is_none_or(|items| !items.is_empty()));
    }
}

fn step(key: &str, kind: StepKind, id: Option<&str>, title: &str, status: StepStatus, detail: Value) -> Update {
    let title = title.lines().next().unwrap_or_default().chars().take(MAX_TITLE_CHARS).collect();
    Update::Step(StepUpdate { key: key.to_owned(), kind, tool_call_id: id.map(str::to_owned), title, status, detail })
}

fn thought_step(number: usize, text: &str, status: StepStatus) -> Update {
    step(&format!("thought:{number}"), StepKind::Thought, None, "Thought", status, json!({"text": text}))
}

fn plan_status(entries: &[PlanEntry]) -> StepStatus {
    if entries.iter().all(|entry| entry.status == PlanEntryStatus::Completed) {
        StepStatus::Succeeded
    } else {
        StepStatus::Running
    }
}

fn title_of(call: &ToolCall) -> String {
    let title = call.title.trim();
    match (&call.name, title.is_empty()) {
        (_, false) => title.to_owned(),
        (Some(name), true) => name.clone(),
        (None, true) => NAMELESS.to_owned(),
    }
}

/// What the tool was called with, and whether that was cut.
fn input_of(call: &ToolCall) -> (Value, bool) {
    match &call.raw_input {
        Some(input) if input.to_string().len() > MAX_DETAIL_BYTES => {
            (json!(cut(&input.to_string(), MAX_DETAIL_BYTES).0), true)
        }
        Some(input) => (input.clone(), false),
        None => (Value::Null, false),
    }
}

/// What came out, as text, and whether that was cut.
fn output_of(call: &ToolCall) -> (Value, bool) {
    let shown: Vec<String> = call
        .content
        .iter()
        .filter_map(|content| match content {
            ToolCallContent::Content(content) => Some(text_of(&content.content)),
            ToolCallContent::Diff(diff) => {
                Some(diff_text(&diff.path.to_string_lossy(), diff.old_text.as_deref(), &diff.new_text))
            }
            _ => None,
        })
        .collect();
    let text = match (&call.raw_output, shown.is_empty()) {
        (_, false) => shown.join("\n"),
        (Some(Value::String(text)), true) => text.clone(),
        (Some(output), true) => {
            output.get("output").and_then(Value::as_str).map_or_else(|| output.to_string(), str::to_owned)
        }
        (None, true) => return (Value::Null, false),
    };
    let (kept, is_cut) = cut(&text, MAX_DETAIL_BYTES);
    (json!(kept), is_cut)
}

fn diff_text(path: &str, old: Option<&str>, new: &str) -> String {
    let lines = |sign: char, text: &str| {
        text.lines().fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "{sign}{line}");
            all
        })
    };
    format!("{path}\n{}{}", lines('-', old.unwrap_or_default()), lines('+', new))
}

/// What of a block can be shown as text.
fn text_of(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        ContentBlock::Resource(resource) => match &resource.resource {
            EmbeddedResourceResource::TextResourceContents(text) => text.text.clone(),
            _ => String::new(),
        },
        ContentBlock::Image(_) => "*(an image, which cannot be shown here)*".to_owned(),
        ContentBlock::Audio(_) => "*(a recording, which cannot be played here)*".to_owned(),
        _ => String::new(),
    }
}

/// The beginning of a text in so many bytes, and whether something is missing.
fn cut(text: &str, most_bytes: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(most_bytes);
    (&text[..end], end < text.len())
}

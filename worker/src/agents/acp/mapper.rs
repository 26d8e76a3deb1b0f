//! Maps the agent's updates to the worker's.
//!
//! Lenient, because agents differ: unknown kinds are ignored and counted, a tool call may arrive twice, late, or
//! without a status, and a malformed field counts as missing. A tool whose status was never reported is running unless
//! it waits for a permission; one that was not permitted is `rejected`, whatever failure is reported for it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use banter_shared::{
    chat::{PlanEntry, PlanEntryPriority, PlanEntryStatus, StepDetail, StepStatus, strip_terminal_codes},
    lenient_json::{SurrogateJoiner, replace_marks},
};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{
    content::{cut, text_of},
    errors::message_in,
    terminal::TerminalOutputs,
    tool::{MAX_DETAIL_BYTES, PermissionState, Tool},
};
use crate::agents::{StepUpdate, Update};

/// Maximum length of an answer, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 1000;
/// Maximum number of tools of a turn.
const MAX_TOOLS: usize = 2000;
/// Maximum length of the inputs and outputs of a turn's tools together, in bytes.
const MAX_TOOLS_BYTES: usize = 16 * 1024 * 1024;
/// Maximum number of entries in a plan.
const MAX_ENTRIES: usize = 200;
/// Maximum length of a plan entry, in bytes.
const MAX_ENTRY_BYTES: usize = 4096;

/// Maximum length of an answer that may be an error message, in bytes.
const MAX_BEGINNING_BYTES: usize = 1000;

/// The state of a turn.
#[derive(Default)]
pub(super) struct UpdateMapper {
    tools: HashMap<String, Tool>,
    tools_bytes: usize,
    terminals: TerminalOutputs,
    thought: Option<Thought>,
    thoughts: usize,
    notices: usize,
    last_notice: Option<Notice>,
    surrogates: SurrogateJoiner,
    text_bytes: usize,
    /// The start of the text, for an agent whose only text is an error message.
    beginning: String,
    /// The message id of the last text.
    message_id: Option<String>,
    ends_in_space: bool,
    /// Whether something else arrived after the last text.
    was_interrupted: bool,
    ignored: HashMap<String, usize>,
    has_undecodable: bool,
}

#[derive(Default)]
struct Thought {
    text: String,
    surrogates: SurrogateJoiner,
    is_emitted: bool,
}

/// A notice from an agent to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// The title and the text, joined.
    pub words: String,
    /// Whether it reports an error.
    pub is_error: bool,
}

/// Whether the turn may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// The answer has exceeded [`MAX_ANSWER_BYTES`].
    TooLong,
}

/// Kinds of updates that concern the session rather than a turn.
const STANDING: [&str; 5] =
    ["available_commands_update", "current_mode_update", "config_option_update", "session_info_update", USERS];
const USERS: &str = "user_message_chunk";

fn kind_of(update: &Value) -> &str {
    update.get("sessionUpdate").and_then(Value::as_str).unwrap_or_default()
}

/// Returns whether an update belongs to a turn.
pub(super) fn is_of_turn(update: &Value) -> bool {
    !STANDING.contains(&kind_of(update))
}

/// Returns whether an update repeats a message of the user, as in a replay.
pub(super) fn is_user_message(update: &Value) -> bool {
    kind_of(update) == USERS
}

impl UpdateMapper {
    /// Processes an update. Resulting updates are appended to `out`.
    pub fn update(&mut self, mut update: Value, out: &mut Vec<Update>) -> Flow {
        self.terminals.show(&mut update);
        let kind = kind_of(&update).to_owned();
        let Value::Object(mut fields) = update else { return self.ignore(&kind) };
        let content = fields.get("content");
        match kind.as_str() {
            "agent_message_chunk" => {
                let message_id = fields.get("messageId").and_then(Value::as_str).map(str::to_owned);
                return self.text(&content.map(text_of).unwrap_or_default(), message_id, out);
            }
            "agent_thought_chunk" => self.think(&content.map(text_of).unwrap_or_default()),
            "tool_call" | "tool_call_update" => {
                let Some(id) = tool_call_id(&fields) else { return self.ignore(&kind) };
                if kind == "tool_call" {
                    // The tool may already be known; empty lists in the announcement do not replace what is known.
                    fields.retain(|_, field| field.as_array().is_none_or(|items| !items.is_empty()));
                }
                self.upsert(&id, &fields);
                self.emit_tool(&id, out);
            }
            "plan" => self.plan(&fields, out),
            "usage_update" | "compaction_update" | "compaction_summary_chunk" => {}
            kind if STANDING.contains(&kind) => {}
            kind => match notice_of(kind, &fields) {
                Some(notice) => self.notice(&notice, out),
                None => return self.ignore(kind),
            },
        }
        Flow::Continue
    }

    /// Shows the tool of a permission request, which may be unknown so far. Returns its title.
    pub fn permission(&mut self, id: &str, call: &Map<String, Value>, out: &mut Vec<Update>) -> String {
        self.upsert(id, call);
        self.set_permission(id, PermissionState::Pending, out);
        let mut unknown = Tool::new();
        unknown.update(call);
        self.tools.get(id).unwrap_or(&unknown).title().to_owned()
    }

    /// Marks the tool as permitted.
    pub fn allow(&mut self, id: &str, out: &mut Vec<Update>) {
        self.set_permission(id, PermissionState::Granted, out);
    }

    /// Marks the tool as not permitted.
    pub fn reject(&mut self, id: &str, out: &mut Vec<Update>) {
        self.set_permission(id, PermissionState::Rejected, out);
    }

    fn set_permission(&mut self, id: &str, permission: PermissionState, out: &mut Vec<Update>) {
        if let Some(tool) = self.tools.get_mut(id) {
            tool.set_permission(permission);
            self.emit_tool(id, out);
        }
    }

    /// Emits the thought text that has not been emitted yet.
    pub fn flush(&mut self, out: &mut Vec<Update>) {
        if let Some(thought) = self.thought.as_mut().filter(|thought| !thought.is_emitted) {
            thought.is_emitted = true;
            out.push(thought_step(self.thoughts, &thought.text, StepStatus::Running));
        }
    }

    /// Returns whether [`UpdateMapper::flush`] has anything to emit.
    pub fn has_something_to_flush(&self) -> bool {
        self.thought.as_ref().is_some_and(|thought| !thought.is_emitted)
    }

    /// Ends the turn: closes open tools, and rejects those that still wait for a permission.
    pub fn finish(&mut self, is_success: bool, out: &mut Vec<Update>) {
        let last = self.surrogates.finish();
        self.push_text(last, out);
        self.end_thought(out);
        let mut open: Vec<String> =
            self.tools.iter().filter(|(_, tool)| tool.status().is_open()).map(|(id, _)| id.clone()).collect();
        open.sort_unstable();
        for id in open {
            if let Some(tool) = self.tools.get_mut(&id) {
                tool.close(is_success);
            }
            self.emit_tool(&id, out);
        }
        if !self.ignored.is_empty() {
            let mut kinds: Vec<_> = std::mem::take(&mut self.ignored).into_iter().collect();
            kinds.sort_unstable();
            tracing::info!(?kinds, "ignored an agent's unrecognized updates");
        }
    }

    /// Records an update that cannot be decoded. The user is notified once per turn.
    pub fn record_undecodable(&mut self, out: &mut Vec<Update>) {
        const TITLE: &str = "Part of the agent's output could not be read.";
        if !std::mem::replace(&mut self.has_undecodable, true) {
            self.interrupt(out);
            out.push(step("lost", None, TITLE, StepStatus::Succeeded, StepDetail::notice("warning", "")));
        }
    }

    /// Returns whether there is an answer.
    pub fn has_text(&self) -> bool {
        self.text_bytes > 0
    }

    /// Returns whether the agent has called a tool.
    pub fn has_tools(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Returns the last notice of the turn, preferring errors.
    pub fn last_notice(&self) -> Option<&Notice> {
        self.last_notice.as_ref()
    }

    /// Returns the whole answer if it is short enough to be an error message.
    pub fn short_text(&self) -> Option<&str> {
        (self.text_bytes > 0 && self.text_bytes == self.beginning.len()).then_some(self.beginning.as_str())
    }

    fn ignore(&mut self, kind: &str) -> Flow {
        let kind = cut(kind, 64).0;
        if self.ignored.len() < 20 || self.ignored.contains_key(kind) {
            *self.ignored.entry(kind.to_owned()).or_default() += 1;
        }
        Flow::Continue
    }

    fn text(&mut self, text: &str, message_id: Option<String>, out: &mut Vec<Update>) -> Flow {
        let text = self.surrogates.push(text).into_owned();
        if text.is_empty() {
            return Flow::Continue;
        }
        self.end_thought(out);
        let is_new = message_id.is_some() && self.message_id.is_some() && message_id != self.message_id;
        // Text before and after a tool call are separate paragraphs.
        let needs_break = self.text_bytes > 0 && !self.ends_in_space && (self.was_interrupted || is_new);
        self.message_id = message_id.or_else(|| self.message_id.take());
        self.was_interrupted = false;
        if needs_break {
            self.push_text("\n\n", out);
        }
        self.push_text(&text, out)
    }

    fn push_text(&mut self, text: &str, out: &mut Vec<Update>) -> Flow {
        let (kept, is_cut) = cut(text, MAX_ANSWER_BYTES - self.text_bytes);
        self.text_bytes += kept.len();
        self.ends_in_space = text.ends_with(char::is_whitespace);
        self.beginning.push_str(cut(kept, MAX_BEGINNING_BYTES - self.beginning.len()).0);
        match out.last_mut() {
            // Joined, because an agent may send every character separately.
            Some(Update::Text(before)) => before.push_str(kept),
            _ if kept.is_empty() => {}
            _ => out.push(Update::Text(kept.to_owned())),
        }
        if is_cut { Flow::TooLong } else { Flow::Continue }
    }

    fn think(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.thought.is_none() {
            self.thoughts += 1;
        }
        let thought = self.thought.get_or_insert_with(Thought::default);
        let text = thought.surrogates.push(text);
        let room = MAX_DETAIL_BYTES - thought.text.len();
        let kept = cut(&text, room).0;
        thought.is_emitted &= kept.is_empty();
        thought.text.push_str(kept);
    }

    fn end_thought(&mut self, out: &mut Vec<Update>) {
        if let Some(mut thought) = self.thought.take() {
            let last = thought.surrogates.finish();
            thought.text.push_str(cut(last, MAX_DETAIL_BYTES - thought.text.len()).0);
            out.push(thought_step(self.thoughts, &thought.text, StepStatus::Succeeded));
        }
    }

    /// Notes that something other than text has arrived.
    fn interrupt(&mut self, out: &mut Vec<Update>) {
        self.end_thought(out);
        self.was_interrupted = true;
    }

    fn plan(&mut self, fields: &Map<String, Value>, out: &mut Vec<Update>) {
        self.interrupt(out);
        let entries: Vec<PlanEntry> = fields
            .get("entries")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(plan_entry)
            .take(MAX_ENTRIES)
            .collect();
        let is_done = entries.iter().all(|entry| entry.status == PlanEntryStatus::Completed);
        let status = if is_done { StepStatus::Succeeded } else { StepStatus::Running };
        out.push(step("plan", None, "Plan", status, StepDetail::plan(entries)));
    }

    fn notice(&mut self, notice: &ParsedNotice, out: &mut Vec<Update>) {
        self.interrupt(out);
        self.notices += 1;
        let ParsedNotice { title, text, severity } = notice;
        let is_error = ["error", "critical", "fatal"].contains(&severity.as_str());
        let words = [title.as_str(), text].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ");
        if is_error || self.last_notice.as_ref().is_none_or(|last| !last.is_error) {
            self.last_notice = Some(Notice { words, is_error });
        }
        let title = if title.is_empty() { text } else { title };
        let detail = StepDetail::notice(severity, text);
        let key = format!("notice:{}", self.notices);
        out.push(step(&key, None, title, StepStatus::Succeeded, detail));
    }

    fn upsert(&mut self, id: &str, fields: &Map<String, Value>) {
        if !self.tools.contains_key(id) && self.tools.len() >= MAX_TOOLS {
            return;
        }
        let tool = self.tools.entry(id.to_owned()).or_insert_with(Tool::new);
        let before = tool.bytes();
        tool.update(fields);
        let others = self.tools_bytes.saturating_sub(before);
        if others + tool.bytes() > MAX_TOOLS_BYTES {
            tool.omit_detail();
        }
        self.tools_bytes = others + tool.bytes();
    }

    fn emit_tool(&mut self, id: &str, out: &mut Vec<Update>) {
        self.interrupt(out);
        let Some(tool) = self.tools.get(id) else { return };
        let detail = StepDetail::Tool(tool.detail());
        out.push(step(&format!("tool:{id}"), Some(id), tool.title(), tool.status(), detail));
    }
}

/// Returns the id of a tool call; some agents send a number.
pub(super) fn tool_call_id(fields: &Map<String, Value>) -> Option<String> {
    match fields.get("toolCallId")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Maximum depth at which the message of an error in a notice is searched.
const MAX_ERROR_DEPTH: usize = 4;

struct ParsedNotice {
    title: String,
    text: String,
    severity: String,
}

/// Parses a notice, or an update of another kind whose name indicates one.
fn notice_of(kind: &str, fields: &Map<String, Value>) -> Option<ParsedNotice> {
    let severity = ["error", "warning"].into_iter().find(|severity| kind.contains(severity));
    if severity.is_none() && !kind.contains("notice") && !kind.contains("notification") {
        return None;
    }
    let words = |names: &[&str]| {
        let found = names.iter().filter_map(|name| fields.get(*name)).find_map(|value| {
            Some(text_of(value)).filter(|text| !text.trim().is_empty()).or_else(|| message_in(value, MAX_ERROR_DEPTH))
        });
        cut(replace_marks(&found.unwrap_or_default()).trim(), MAX_DETAIL_BYTES).0.to_owned()
    };
    let title = words(&["title"]);
    let text = words(&["description", "message", "detail", "details", "text", "content", "error"]);
    if title.is_empty() && text.is_empty() {
        return None;
    }
    let told = ["severity", "level"].into_iter().find_map(|name| fields.get(name)?.as_str());
    let severity = cut(told.or(severity).unwrap_or("info"), 64).0.to_owned();
    Some(ParsedNotice { title, text, severity })
}

fn plan_entry(entry: &Value) -> Option<PlanEntry> {
    let content = entry.as_str().or_else(|| entry["content"].as_str())?;
    Some(PlanEntry {
        content: cut(&strip_terminal_codes(content), MAX_ENTRY_BYTES).0.to_owned(),
        status: PlanEntryStatus::deserialize(&entry["status"]).unwrap_or(PlanEntryStatus::Pending),
        priority: PlanEntryPriority::deserialize(&entry["priority"]).unwrap_or(PlanEntryPriority::Medium),
    })
}

fn step(key: &str, id: Option<&str>, title: &str, status: StepStatus, detail: StepDetail) -> Update {
    let title = title.lines().next().unwrap_or_default().chars().take(MAX_TITLE_CHARS).collect();
    Update::Step(StepUpdate { key: key.to_owned(), tool_call_id: id.map(str::to_owned), title, status, detail })
}

fn thought_step(number: usize, text: &str, status: StepStatus) -> Update {
    step(&format!("thought:{number}"), None, "Thought", status, StepDetail::thought(text))
}

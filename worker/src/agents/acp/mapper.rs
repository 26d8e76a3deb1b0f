//! Maps an agent's updates to [`Update`]s.
//!
//! Parsing is lenient because agents differ:
//! - Updates of unknown kinds are ignored, unless their names suggest notices.
//! - Tool calls may be announced twice, late, or without a status.
//! - Malformed fields are treated as missing.
//!
//! A tool with no reported status is running unless it is waiting for permission. A tool that was denied permission is
//! `rejected`, even if the agent reports that it failed.

mod answer_text;
mod notices;
mod plan;
mod step;
#[cfg(test)]
mod tests;
mod thoughts;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use banter_shared::chat::{StepDetail, StepStatus, ToolKind};
use serde_json::{Map, Value};

pub(super) use self::notices::Notice;
use self::{
    answer_text::AnswerText,
    notices::{AgentNotices, notice_of},
    plan::plan_step,
    step::{step, step_update},
    thoughts::Thoughts,
};
use super::{
    content::{chunk_text, cut, has_other_content, is_thought, take_files, tool_files},
    terminal::TerminalOutputs,
    tool::{PermissionState, Tool},
};
use crate::agents::{AgentFile, Update};

/// Maximum number of tool calls in a turn.
const MAX_TOOLS: usize = 2000;
/// Maximum total length, in bytes, of the inputs and outputs of all tool calls in a turn.
const MAX_TOOLS_BYTES: usize = 16 * 1024 * 1024;

/// Maps the updates in one turn and keeps the turn's state.
#[derive(Default)]
pub(super) struct UpdateMapper {
    /// The agent's work folder. Links to files in it are files of the answer.
    work_folder: PathBuf,
    /// The number of files in the answer.
    file_count: usize,
    tools: HashMap<String, Tool>,
    tools_bytes: usize,
    /// For each ID that more than one tool call has used, the number of those calls.
    repeats: HashMap<String, usize>,
    /// Whether any permission request has been rejected.
    has_rejection: bool,
    terminals: TerminalOutputs,
    thoughts: Thoughts,
    notices: AgentNotices,
    text: AnswerText,
    ignored: HashMap<String, usize>,
    has_undecodable: bool,
    /// Whether an update of an unknown kind contained text, which may have been part of the answer.
    has_unread_text: bool,
}

/// Whether the turn may continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// The answer exceeds [`MAX_ANSWER_BYTES`](banter_shared::chat::MAX_ANSWER_BYTES).
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

/// Returns whether an update repeats a user message, as happens when history is replayed.
pub(super) fn is_user_message(update: &Value) -> bool {
    kind_of(update) == USERS
}

impl UpdateMapper {
    /// Creates a mapper for the turn of an agent with this work folder.
    pub fn new(work_folder: &Path) -> Self {
        Self { work_folder: work_folder.to_owned(), ..Self::default() }
    }

    /// Processes an update from the agent and appends the resulting [`Update`]s to `out`.
    pub fn update(&mut self, mut update: Value, out: &mut Vec<Update>) -> Flow {
        self.terminals.show(&mut update);
        let kind = kind_of(&update).to_owned();
        let Value::Object(mut fields) = update else { return self.ignore(&kind) };
        match kind.as_str() {
            "agent_message_chunk" if is_thought(&fields) => self.thoughts.push(&chunk_text(&fields)),
            "agent_message_chunk" => {
                let message_id = fields.get("messageId").and_then(Value::as_str).map(str::to_owned);
                let files = take_files(&mut fields, &self.work_folder);
                self.push_files(files, out);
                let text = chunk_text(&fields);
                if text.is_empty() && has_other_content(&fields) {
                    self.ignore(&kind);
                    self.record_undecodable(out);
                }
                return self.push_text(&text, message_id, out);
            }
            "agent_thought_chunk" => self.thoughts.push(&chunk_text(&fields)),
            "tool_call" | "tool_call_update" => {
                let Some(id) = tool_call_id(&fields) else { return self.ignore(&kind) };
                if kind == "tool_call" {
                    // The tool may already be known. Empty lists in this announcement must not replace known values.
                    fields.retain(|_, field| field.as_array().is_none_or(|items| !items.is_empty()));
                }
                if kind == "tool_call" && self.tools.get(&id).is_some_and(|tool| tool.is_followed_by(&fields)) {
                    *self.repeats.entry(id.clone()).or_insert(1) += 1;
                    self.tools.insert(id.clone(), Tool::new());
                }
                self.upsert(&id, &fields);
                self.emit_tool(&id, out);
                if self.tools.get(&id).is_some_and(|tool| creates_files(tool.kind())) {
                    self.push_files(tool_files(&fields), out);
                }
            }
            "plan" => {
                self.interrupt(out);
                out.push(plan_step(&fields));
            }
            "usage_update" | "compaction_update" | "compaction_summary_chunk" => {}
            kind if STANDING.contains(&kind) => {}
            kind => {
                if let Some(notice) = notice_of(kind, &fields) {
                    self.interrupt(out);
                    out.push(self.notices.add(&notice));
                } else {
                    self.has_unread_text |= !chunk_text(&fields).trim().is_empty();
                    return self.ignore(kind);
                }
            }
        }
        Flow::Continue
    }

    /// Adds or updates the tool call named in a permission request, and marks the call as waiting for permission.
    /// Returns the call's title.
    pub fn permission(&mut self, id: &str, call: &Map<String, Value>, out: &mut Vec<Update>) -> String {
        self.upsert(id, call);
        self.set_permission(id, PermissionState::Pending, out);
        let mut unknown = Tool::new();
        unknown.update(call);
        self.tools.get(id).unwrap_or(&unknown).title().to_owned()
    }

    /// Marks the tool call as permitted.
    pub fn allow(&mut self, id: &str, out: &mut Vec<Update>) {
        self.set_permission(id, PermissionState::Granted, out);
    }

    /// Marks the tool call as rejected.
    pub fn reject(&mut self, id: &str, out: &mut Vec<Update>) {
        self.has_rejection = true;
        self.set_permission(id, PermissionState::Rejected, out);
    }

    /// Records the rejection of a permission request that names no tool call.
    pub fn record_rejection(&mut self) {
        self.has_rejection = true;
    }

    /// Returns whether any permission request has been rejected, after which some agents cancel their turn.
    pub fn has_rejection(&self) -> bool {
        self.has_rejection
    }

    fn set_permission(&mut self, id: &str, permission: PermissionState, out: &mut Vec<Update>) {
        if let Some(tool) = self.tools.get_mut(id) {
            tool.set_permission(permission);
            self.emit_tool(id, out);
        }
    }

    /// Emits the entire current thought if it has grown since it was last emitted.
    pub fn flush(&mut self, out: &mut Vec<Update>) {
        self.thoughts.flush(out);
    }

    /// Returns whether [`UpdateMapper::flush`] has anything to emit.
    pub fn has_something_to_flush(&self) -> bool {
        self.thoughts.has_something_to_flush()
    }

    /// Ends the turn. Tool calls that are waiting for permission are rejected; other open ones succeed if `is_success`
    /// is set, and fail otherwise.
    pub fn finish(&mut self, is_success: bool, out: &mut Vec<Update>) {
        self.text.finish(out);
        self.thoughts.end(out);
        if self.has_unread_text && self.text.is_empty() {
            self.record_undecodable(out);
        }
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
            tracing::info!(?kinds, "ignored unrecognized updates from an agent");
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

    /// Returns whether the answer has any text.
    pub fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// Returns whether the answer has any text or files.
    pub fn has_content(&self) -> bool {
        self.has_text() || self.file_count > 0
    }

    /// Returns whether the agent has called a tool.
    pub fn has_tools(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Returns the turn's last error notice or, if there is none, its last notice.
    pub fn last_notice(&self) -> Option<&Notice> {
        self.notices.last()
    }

    /// Returns the entire answer if it is short enough to be an error message.
    pub fn short_text(&self) -> Option<&str> {
        self.text.short()
    }

    fn push_text(&mut self, text: &str, message_id: Option<String>, out: &mut Vec<Update>) -> Flow {
        let text = self.text.decode(text);
        if text.is_empty() {
            return Flow::Continue;
        }
        self.thoughts.end(out);
        self.text.push(&text, message_id, out)
    }

    fn push_files(&mut self, files: Vec<AgentFile>, out: &mut Vec<Update>) {
        self.file_count += files.len();
        out.extend(files.into_iter().map(Update::File));
    }

    fn ignore(&mut self, kind: &str) -> Flow {
        let kind = cut(kind, 64).0;
        if self.ignored.len() < 20 || self.ignored.contains_key(kind) {
            *self.ignored.entry(kind.to_owned()).or_default() += 1;
        }
        Flow::Continue
    }

    /// Records that something other than text or a thought has arrived, which ends the current thought.
    fn interrupt(&mut self, out: &mut Vec<Update>) {
        self.thoughts.end(out);
        self.text.interrupt();
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
        let key = match self.repeats.get(id) {
            Some(number) => format!("tool:{id}:{number}"),
            None => format!("tool:{id}"),
        };
        let mut update = step_update(&key, Some(id), tool.title(), tool.status(), detail);
        update.parent_tool_call_id = tool.parent().map(str::to_owned);
        out.push(Update::Step(Box::new(update)));
    }
}

/// Returns whether the files that tools of this kind return are new to the user. Other tools return what they have read.
const fn creates_files(kind: ToolKind) -> bool {
    match kind {
        ToolKind::Edit | ToolKind::Execute | ToolKind::Other => true,
        ToolKind::Read
        | ToolKind::Delete
        | ToolKind::Move
        | ToolKind::Search
        | ToolKind::Think
        | ToolKind::Fetch
        | ToolKind::SwitchMode => false,
    }
}

/// Returns the ID of a tool call; some agents send a number.
pub(super) fn tool_call_id(fields: &Map<String, Value>) -> Option<String> {
    match fields.get("toolCallId")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

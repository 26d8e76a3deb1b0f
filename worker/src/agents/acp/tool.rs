//! A tool call in a turn, assembled from its updates.
//!
//! Only what is displayed is kept, up to a limit. A malformed field is treated as missing and does not affect other
//! fields.

use banter_shared::chat::{FileDiff, StepStatus, ToolDetail, ToolKind, ToolLocation};
use serde::{
    Deserialize as _,
    de::value::{self, StrDeserializer},
};
use serde_json::{Map, Value};

use super::{
    content::{cut, tool_text},
    diff::file_diffs,
    update::canonical,
};

/// Maximum length, in bytes, of a tool call's input, and of its output. Anything longer is truncated.
pub(super) const MAX_DETAIL_BYTES: usize = 64 * 1024;
/// Maximum length of a path, title, or name, in bytes.
const MAX_LINE_BYTES: usize = 4096;
/// Maximum number of locations in a tool call.
const MAX_LOCATIONS: usize = 100;
/// The title for a tool call that has none.
pub(super) const DEFAULT_TITLE: &str = "Tool";

/// A status reported by the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReportedStatus {
    Pending,
    Running,
    Completed,
    Failed,
}

impl ReportedStatus {
    fn parse(status: &Value) -> Option<Self> {
        match canonical(status.as_str()?).as_str() {
            "pending" | "queued" => Some(Self::Pending),
            "in_progress" | "running" | "started" => Some(Self::Running),
            "completed" | "complete" | "success" | "succeeded" | "done" => Some(Self::Completed),
            "failed" | "failure" | "error" | "errored" | "cancelled" | "canceled" | "aborted" | "timeout"
            | "timed_out" | "interrupted" => Some(Self::Failed),
            _ => None,
        }
    }

    const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Failed => true,
            Self::Pending | Self::Running => false,
        }
    }
}

/// The permission state of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PermissionState {
    NotRequested,
    Pending,
    Granted,
    Rejected,
}

/// A value and whether it was truncated.
#[derive(Debug, Default)]
struct CappedValue {
    value: Value,
    is_cut: bool,
}

impl CappedValue {
    fn text((text, is_cut): (String, bool)) -> Self {
        Self { value: text.into(), is_cut }
    }

    fn bytes(&self) -> usize {
        match &self.value {
            Value::String(text) => text.len(),
            Value::Null => 0,
            other => other.to_string().len(),
        }
    }
}

/// A tool call.
#[derive(Debug)]
pub(super) struct Tool {
    title: String,
    name: Option<String>,
    kind: ToolKind,
    input: CappedValue,
    shown: Option<CappedValue>,
    raw_output: Option<CappedValue>,
    diffs: Vec<FileDiff>,
    /// Whether any diff was truncated or omitted.
    has_cut_diffs: bool,
    locations: Vec<ToolLocation>,
    /// The ID of the tool call that started the sub-agent that made this call.
    parent: Option<String>,
    /// The reported status, or `None` if none was reported or the reported status no longer applies.
    reported: Option<ReportedStatus>,
    permission: PermissionState,
}

impl Tool {
    pub fn new() -> Self {
        Self {
            title: String::new(),
            name: None,
            kind: ToolKind::Other,
            input: CappedValue::default(),
            shown: None,
            raw_output: None,
            diffs: Vec::new(),
            has_cut_diffs: false,
            locations: Vec::new(),
            parent: None,
            reported: None,
            permission: PermissionState::NotRequested,
        }
    }

    /// Applies the fields of an update. Missing fields keep their values.
    pub fn update(&mut self, fields: &Map<String, Value>) {
        let text = |field: &str| fields.get(field)?.as_str().map(|text| cut(text.trim(), MAX_LINE_BYTES).0);
        if let Some(title) = text("title").filter(|title| !title.is_empty()) {
            title.clone_into(&mut self.title);
        }
        if let Some(name) = text("name").filter(|name| !name.is_empty()) {
            self.name = Some(name.to_owned());
        }
        if let Some(kind) = text("kind").and_then(known_kind) {
            self.kind = kind;
        }
        self.reported = fields.get("status").and_then(ReportedStatus::parse).or(self.reported);
        let given = |field: &str| fields.get(field).filter(|value| !value.is_null());
        if let Some(input) = given("rawInput") {
            self.input = input_of(input);
        }
        if let Some(output) = given("rawOutput") {
            self.raw_output = Some(raw_output_of(output));
        }
        match given("content") {
            Some(Value::Array(items)) => self.show(items),
            Some(item @ Value::Object(_)) => self.show(std::slice::from_ref(item)),
            Some(Value::String(text)) => self.shown = Some(CappedValue::text(owned(cut(text, MAX_DETAIL_BYTES)))),
            _ => {}
        }
        if let Some(parent) = parent_of(fields) {
            self.parent = Some(parent);
        }
        if let Some(Value::Array(locations)) = given("locations") {
            self.locations = locations.iter().filter_map(location).take(MAX_LOCATIONS).collect();
        }
    }

    fn show(&mut self, items: &[Value]) {
        self.shown = tool_text(items, MAX_DETAIL_BYTES).map(CappedValue::text);
        (self.diffs, self.has_cut_diffs) = file_diffs(items);
    }

    /// Returns whether an announcement with these fields starts another call with the same ID, that is, whether this
    /// call has ended and the announced status is not final.
    pub fn is_followed_by(&self, announced: &Map<String, Value>) -> bool {
        let status = announced.get("status").and_then(ReportedStatus::parse);
        self.reported.is_some_and(ReportedStatus::is_final) && status.is_some_and(|status| !status.is_final())
    }

    pub fn status(&self) -> StepStatus {
        match (self.reported, self.permission) {
            // A completed operation must not be hidden, even if permission was denied.
            (Some(ReportedStatus::Completed), _) => StepStatus::Succeeded,
            (_, PermissionState::Rejected) => StepStatus::Rejected,
            (Some(ReportedStatus::Failed), _) => StepStatus::Failed,
            (Some(ReportedStatus::Pending), _) | (None, PermissionState::Pending) => StepStatus::Pending,
            (Some(ReportedStatus::Running), _) | (None, PermissionState::NotRequested | PermissionState::Granted) => {
                StepStatus::Running
            }
        }
    }

    pub fn kind(&self) -> ToolKind {
        self.kind
    }

    pub fn title(&self) -> &str {
        match (&self.name, self.title.is_empty()) {
            (_, false) => &self.title,
            (Some(name), true) => name,
            (None, true) => DEFAULT_TITLE,
        }
    }

    /// Sets the permission state. If permission is granted, a reported status of `pending` no longer applies.
    pub fn set_permission(&mut self, permission: PermissionState) {
        self.permission = permission;
        // The call was pending only because it was waiting for permission.
        if permission == PermissionState::Granted && self.reported == Some(ReportedStatus::Pending) {
            self.reported = None;
        }
    }

    /// Closes a tool call that is still open when its turn ends. If the call is still waiting for permission, it is
    /// rejected.
    pub fn close(&mut self, is_success: bool) {
        match self.permission {
            PermissionState::Pending => self.permission = PermissionState::Rejected,
            PermissionState::NotRequested | PermissionState::Granted | PermissionState::Rejected => {
                self.reported = Some(if is_success { ReportedStatus::Completed } else { ReportedStatus::Failed });
            }
        }
    }

    /// Returns the combined length, in bytes, of the input, the displayed output, the raw output, and the diffs.
    pub fn bytes(&self) -> usize {
        self.input.bytes()
            + [&self.shown, &self.raw_output].into_iter().flatten().map(CappedValue::bytes).sum::<usize>()
            + self.diffs.iter().map(diff_bytes).sum::<usize>()
    }

    /// Drops the input, the output, the diffs, and the locations, and marks the call as truncated.
    pub fn omit_detail(&mut self) {
        let omitted = || CappedValue { value: Value::Null, is_cut: true };
        (self.input, self.shown, self.raw_output) = (omitted(), Some(omitted()), None);
        self.diffs.clear();
        self.locations.clear();
    }

    /// Returns the ID of the tool call that started the sub-agent that made this call, if any.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Returns the step detail for this tool call.
    pub fn detail(&self) -> ToolDetail {
        let nothing = CappedValue::default();
        let output = self.shown.as_ref().or(self.raw_output.as_ref()).unwrap_or(&nothing);
        ToolDetail {
            tool_kind: Some(self.kind),
            input: Some(self.input.value.clone()),
            output: Some(output.value.clone()),
            diffs: self.diffs.clone(),
            locations: Some(self.locations.clone()),
            is_truncated: self.input.is_cut || output.is_cut || self.has_cut_diffs,
        }
    }
}

fn diff_bytes(diff: &FileDiff) -> usize {
    let old = diff.old.as_ref().and_then(Option::as_ref);
    diff.path.len() + diff.patch.len() + old.map_or(0, String::len) + diff.new.as_ref().map_or(0, String::len)
}

fn owned((text, is_cut): (&str, bool)) -> (String, bool) {
    (text.to_owned(), is_cut)
}

fn input_of(input: &Value) -> CappedValue {
    let text = input.to_string();
    if text.len() > MAX_DETAIL_BYTES {
        CappedValue::text(owned(cut(input.as_str().unwrap_or(&text), MAX_DETAIL_BYTES)))
    } else {
        CappedValue { value: input.clone(), is_cut: false }
    }
}

fn raw_output_of(output: &Value) -> CappedValue {
    let text = output.as_str().or_else(|| output["output"].as_str());
    CappedValue::text(
        text.map_or_else(
            || owned(cut(&output.to_string(), MAX_DETAIL_BYTES)),
            |text| owned(cut(text, MAX_DETAIL_BYTES)),
        ),
    )
}

fn location(location: &Value) -> Option<ToolLocation> {
    let path = cut(location.get("path")?.as_str()?, MAX_LINE_BYTES).0;
    Some(ToolLocation { path: path.to_owned(), line: location["line"].as_u64() })
}

/// Returns the ID of the tool call that started the sub-agent that made a call, if the agent reports it. The protocol
/// has no field for it; Claude's adapter uses `_meta.claudeCode.parentToolUseId`.
fn parent_of(fields: &Map<String, Value>) -> Option<String> {
    const NAMES: [&str; 4] = ["parentToolUseId", "parentToolCallId", "parent_tool_use_id", "parent_tool_call_id"];
    let meta = fields.get("_meta")?;
    let nested = meta.as_object()?.values();
    let found = std::iter::once(meta).chain(nested).find_map(|part| {
        let mut ids = NAMES.iter().filter_map(|name| part.get(name)?.as_str());
        ids.find(|id| !id.is_empty())
    });
    found.map(|id| cut(id, MAX_LINE_BYTES).0.to_owned())
}

/// Parses a tool kind. Returns `None` if the protocol does not define it.
fn known_kind(word: &str) -> Option<ToolKind> {
    let kind = ToolKind::deserialize(StrDeserializer::<value::Error>::new(word)).ok()?;
    (kind != ToolKind::Other || word == "other").then_some(kind)
}

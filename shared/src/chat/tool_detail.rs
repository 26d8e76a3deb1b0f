//! The detail of a tool step, which contains the call and its result.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The `detail` of a step of kind `tool`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolDetail {
    /// The kind of tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tool_kind: Option<ToolKind>,
    /// The input, as the agent sent it; null if there is none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub input: Option<Value>,
    /// The output as text; null if there is none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub output: Option<Value>,
    /// The changes to files. They are not repeated in `output`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diffs: Vec<FileDiff>,
    /// The files that the tool works with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub locations: Option<Vec<ToolLocation>>,
    /// Whether any content was truncated or omitted.
    #[serde(default)]
    pub is_truncated: bool,
}

/// The kind of tool (<https://agentclientprotocol.com/protocol/tool-calls#creating>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Reads files or data.
    Read,
    /// Changes files or content.
    Edit,
    /// Deletes files or data.
    Delete,
    /// Moves or renames files.
    Move,
    /// Searches.
    Search,
    /// Runs a command or code.
    Execute,
    /// Reasons or plans.
    Think,
    /// Fetches external data.
    Fetch,
    /// Switches the session's mode.
    SwitchMode,
    /// Anything else.
    #[default]
    #[serde(other)]
    Other,
}

/// A change to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDiff {
    /// The path of the file.
    pub path: String,
    /// The text before the change; null if the file is new, and absent if it is too long.
    #[serde(default, deserialize_with = "present_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub old: Option<Option<String>>,
    /// The text after the change; absent if it is too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub new: Option<String>,
    /// The hunks of a unified diff with three lines of context, without file headers. If it is too long, it ends early,
    /// and `is_truncated` is true.
    #[serde(default)]
    #[schema(required)]
    pub patch: String,
    /// The number of added lines in the entire change.
    #[serde(default)]
    #[schema(required)]
    pub additions: u64,
    /// The number of deleted lines in the entire change.
    #[serde(default)]
    #[schema(required)]
    pub deletions: u64,
}

/// A file that a tool works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolLocation {
    /// The path.
    pub path: String,
    /// The line number, starting at 1.
    #[serde(default)]
    #[schema(required)]
    pub line: Option<u64>,
}

/// Deserializes a text that is present, even null, as `Some`.
#[expect(clippy::option_option, reason = "an absent text differs from null")]
fn present_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Deserializes any value that is present, even null, as `Some`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

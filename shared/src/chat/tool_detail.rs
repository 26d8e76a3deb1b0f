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

/// Deserializes any value that is present, even null, as `Some`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

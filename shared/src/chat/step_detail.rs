//! The details of a step, by its kind.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{PermissionDetail, PlanDetail, PlanEntry, StepKind, ToolDetail, is_false};
use crate::id::PermissionId;

/// The `kind` of a step and its `detail`, whose fields depend on the kind. If `is_truncated` is true, fields may be
/// absent and text may be truncated.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "detail", rename_all = "lowercase")]
pub enum StepDetail {
    /// Reasoning shared by the agent.
    Thought(ThoughtDetail),
    /// A tool call by the agent.
    Tool(ToolDetail),
    /// A plan made by the agent.
    Plan(PlanDetail),
    /// A request for permission.
    Permission(PermissionDetail),
    /// A message about the turn.
    Notice(NoticeDetail),
}

/// The fields of a detail without its kind, as serialized in the API and in the store.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum StepFields<'a> {
    /// The fields of a thought.
    Thought(&'a ThoughtDetail),
    /// The fields of a tool call.
    Tool(&'a ToolDetail),
    /// The fields of a plan.
    Plan(&'a PlanDetail),
    /// The fields of a permission request.
    Permission(&'a PermissionDetail),
    /// The fields of a notice.
    Notice(&'a NoticeDetail),
}

/// The `detail` of a step of kind `thought`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThoughtDetail {
    /// The reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
    /// Whether any content was truncated or omitted; absent means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_truncated: bool,
}

/// The `detail` of a step of kind `notice`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeDetail {
    /// Additional details; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
    /// The severity: `info`, `warning`, `error`, or a value defined by the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub severity: Option<String>,
    /// Whether any content was truncated or omitted; absent means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_truncated: bool,
}

impl StepDetail {
    /// Creates the detail of a thought.
    #[must_use]
    pub fn thought(text: impl Into<String>) -> Self {
        Self::Thought(ThoughtDetail { text: Some(text.into()), is_truncated: false })
    }

    /// Creates the detail of a plan.
    #[must_use]
    pub const fn plan(entries: Vec<PlanEntry>) -> Self {
        Self::Plan(PlanDetail { entries: Some(entries), is_truncated: false })
    }

    /// Creates the detail of a notice.
    #[must_use]
    pub fn notice(severity: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Notice(NoticeDetail { text: Some(text.into()), severity: Some(severity.into()), is_truncated: false })
    }

    /// Creates a detail from its kind and its stored fields.
    ///
    /// # Errors
    /// Returns an error if a field has the wrong type, or if a required field is missing.
    pub fn from_fields(kind: StepKind, fields: Value) -> serde_json::Result<Self> {
        match kind {
            StepKind::Thought => serde_json::from_value(fields).map(Self::Thought),
            StepKind::Tool => serde_json::from_value(fields).map(Self::Tool),
            StepKind::Plan => serde_json::from_value(fields).map(Self::Plan),
            StepKind::Permission => serde_json::from_value(fields).map(Self::Permission),
            StepKind::Notice => serde_json::from_value(fields).map(Self::Notice),
        }
    }

    /// Returns the kind of the step.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        match self {
            Self::Thought(_) => StepKind::Thought,
            Self::Tool(_) => StepKind::Tool,
            Self::Plan(_) => StepKind::Plan,
            Self::Permission(_) => StepKind::Permission,
            Self::Notice(_) => StepKind::Notice,
        }
    }

    /// Returns the fields without the kind.
    #[must_use]
    pub const fn fields(&self) -> StepFields<'_> {
        match self {
            Self::Thought(detail) => StepFields::Thought(detail),
            Self::Tool(detail) => StepFields::Tool(detail),
            Self::Plan(detail) => StepFields::Plan(detail),
            Self::Permission(detail) => StepFields::Permission(detail),
            Self::Notice(detail) => StepFields::Notice(detail),
        }
    }

    /// Returns the fields as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Serialization fails only for maps whose keys are not strings.
        serde_json::to_value(self.fields()).unwrap_or_default()
    }

    /// Returns the ID of a permission request; `None` for steps of other kinds.
    #[must_use]
    pub const fn permission_id(&self) -> Option<PermissionId> {
        match self {
            Self::Permission(detail) => Some(detail.request_id),
            Self::Thought(_) | Self::Tool(_) | Self::Plan(_) | Self::Notice(_) => None,
        }
    }

    /// Returns the length of the fields as JSON, in bytes.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        struct Count(usize);

        impl io::Write for Count {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += bytes.len();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let mut count = Count(0);
        serde_json::to_writer(&mut count, &self.fields()).map_or(usize::MAX, |()| count.0)
    }

    /// Removes all fields and marks the detail as truncated. Permission requests are left unchanged.
    pub fn omit(&mut self) {
        match self {
            Self::Thought(detail) => *detail = ThoughtDetail { is_truncated: true, ..ThoughtDetail::default() },
            Self::Tool(detail) => *detail = ToolDetail { is_truncated: true, ..ToolDetail::default() },
            Self::Plan(detail) => *detail = PlanDetail { is_truncated: true, ..PlanDetail::default() },
            Self::Notice(detail) => *detail = NoticeDetail { is_truncated: true, ..NoticeDetail::default() },
            Self::Permission(_) => {}
        }
    }

    /// Marks the detail as truncated. Permission requests are left unchanged.
    pub const fn mark_truncated(&mut self) {
        match self {
            Self::Thought(detail) => detail.is_truncated = true,
            Self::Tool(detail) => detail.is_truncated = true,
            Self::Plan(detail) => detail.is_truncated = true,
            Self::Notice(detail) => detail.is_truncated = true,
            Self::Permission(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn round_trip(kind: StepKind, fields: &Value) -> Value {
        StepDetail::from_fields(kind, fields.clone()).unwrap().to_value()
    }

    #[test]
    fn round_trips_stored_details() {
        let tool = json!({
            "tool_kind": "switch_mode", "input": {"a": [1, null]}, "output": null,
            "locations": [{"path": "a", "line": 1}, {"path": "b", "line": null}], "is_truncated": false,
        });
        let plan = json!({"entries": [{"content": "a", "status": "in_progress", "priority": "low"}]});
        for (kind, fields) in [
            (StepKind::Thought, json!({"text": "a"})),
            (StepKind::Thought, json!({})),
            (StepKind::Thought, json!({"text": "a", "is_truncated": true})),
            (StepKind::Tool, tool),
            (StepKind::Tool, json!({"tool_kind": "read", "input": null, "output": "a", "is_truncated": true})),
            (StepKind::Tool, json!({"is_truncated": true})),
            (StepKind::Plan, plan),
            (StepKind::Plan, json!({"is_truncated": true})),
            (StepKind::Notice, json!({"text": "", "severity": "critical"})),
        ] {
            assert_eq!(round_trip(kind, &fields).to_string(), fields.to_string(), "{kind}");
        }
    }

    #[test]
    fn reads_unknown_values_as_the_default() {
        let entry = json!({"content": "a", "status": "blocked", "priority": "urgent"});

        let plan = round_trip(StepKind::Plan, &json!({"entries": [entry]}));
        let tool = round_trip(StepKind::Tool, &json!({"tool_kind": "dance"}));

        assert_eq!(plan, json!({"entries": [{"content": "a", "status": "pending", "priority": "medium"}]}));
        assert_eq!(tool["tool_kind"], "other");
    }

    #[test]
    fn rejects_a_detail_of_the_wrong_type() {
        assert!(StepDetail::from_fields(StepKind::Permission, json!({})).is_err());
        assert!(StepDetail::from_fields(StepKind::Plan, json!({"entries": "?"})).is_err());
    }

    #[test]
    fn omits_all_fields() {
        let mut detail = StepDetail::notice("warning", "a");

        detail.omit();

        assert_eq!(detail.to_value(), json!({"is_truncated": true}));
        assert_eq!(detail.json_bytes(), r#"{"is_truncated":true}"#.len());
    }
}

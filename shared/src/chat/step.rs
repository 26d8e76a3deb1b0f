//! Steps, which record what an agent does besides answering.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct as _};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::{StepDetail, StepKind};
use crate::{clock::Timestamp, text_column::text_enum};

/// The status of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StepStatus {
    /// Not started.
    Pending,
    /// In progress.
    Running,
    /// Completed.
    Succeeded,
    /// Failed.
    Failed,
    /// Not permitted.
    Rejected,
}

text_enum!(StepStatus);

impl StepStatus {
    /// Returns whether the step may still change. A task that is not running has no open steps.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Running => true,
            Self::Succeeded | Self::Failed | Self::Rejected => false,
        }
    }
}

/// One step of a task, identified by `seq` and updated in place.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct Step {
    /// The number of the step within its attempt, starting at 1.
    pub seq: i64,
    /// The revision of the step, which increases with every change.
    pub revision: i64,
    /// The kind of the step and its details.
    #[serde(flatten)]
    pub detail: StepDetail,
    /// The agent's ID for the tool call; null if there is none.
    #[schema(required)]
    pub tool_call_id: Option<String>,
    /// For a step of a sub-agent, the agent's ID for the tool call that started the sub-agent; null for other steps.
    #[schema(required)]
    pub parent_tool_call_id: Option<String>,
    /// A one-line title.
    pub title: String,
    /// The status of the step.
    pub status: StepStatus,
    /// The number of UTF-8 bytes of the answer's text that preceded the step; 0 if unknown.
    #[serde(default)]
    #[schema(required)]
    pub text_offset: i64,
    /// When the step first arrived; null if unknown.
    #[schema(required)]
    pub started_at: Option<Timestamp>,
    /// When the step ended; null if unknown, and while the step is open.
    #[schema(required)]
    pub ended_at: Option<Timestamp>,
}

impl Step {
    /// Returns the kind of the step.
    #[must_use]
    pub const fn kind(&self) -> StepKind {
        self.detail.kind()
    }
}

/// Writes `kind` and `detail` as two fields, in the order in which the API documents them.
impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut step = serializer.serialize_struct("Step", 11)?;
        step.serialize_field("seq", &self.seq)?;
        step.serialize_field("revision", &self.revision)?;
        step.serialize_field("kind", &self.kind())?;
        step.serialize_field("tool_call_id", &self.tool_call_id)?;
        step.serialize_field("parent_tool_call_id", &self.parent_tool_call_id)?;
        step.serialize_field("title", &self.title)?;
        step.serialize_field("status", &self.status)?;
        step.serialize_field("text_offset", &self.text_offset)?;
        step.serialize_field("started_at", &self.started_at)?;
        step.serialize_field("ended_at", &self.ended_at)?;
        step.serialize_field("detail", &self.detail.fields())?;
        step.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serializes_a_step_as_a_flat_object() {
        let step = Step {
            seq: 1,
            revision: 2,
            detail: StepDetail::thought("a"),
            tool_call_id: None,
            parent_tool_call_id: Some("b".into()),
            title: "Thinking".into(),
            status: StepStatus::Running,
            text_offset: 3,
            started_at: Some("2026-01-31T12:00:00Z".parse().unwrap()),
            ended_at: None,
        };

        let json = serde_json::to_string(&step).unwrap();

        assert_eq!(
            json,
            r#"{"seq":1,"revision":2,"kind":"thought","tool_call_id":null,"parent_tool_call_id":"b","title":"Thinking","status":"running","text_offset":3,"started_at":"2026-01-31T12:00:00.000Z","ended_at":null,"detail":{"text":"a"}}"#
        );
        assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), step);
    }
}

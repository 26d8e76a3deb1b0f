//! A step: something an agent did on the way to its answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text_column::named_variants;

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Reasoning that the agent showed.
    Thought,
    /// A tool that it ran.
    Tool,
    /// A plan that it made.
    Plan,
    /// A request to be allowed something.
    Permission,
    /// Something worth telling.
    Notice,
}

named_variants!(StepKind {
    Thought = "thought",
    Tool = "tool",
    Plan = "plan",
    Permission = "permission",
    Notice = "notice",
});

/// The progress of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Succeeded,
    /// Went wrong.
    Failed,
    /// Not allowed.
    Rejected,
}

named_variants!(StepStatus {
    Pending = "pending",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Rejected = "rejected",
});

impl StepStatus {
    /// Whether more is to come. No step of a task that does not run is open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Running => true,
            Self::Succeeded | Self::Failed | Self::Rejected => false,
        }
    }
}

/// One step of a task, updated in place by `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The number of the step within its attempt, starting at 1.
    pub seq: i64,
    /// Increases with every change; of two versions of a step, the one with the higher revision is newer.
    pub revision: i64,
    /// The kind of step.
    pub kind: StepKind,
    /// The agent's id for the tool call.
    #[schema(required)]
    pub tool_call_id: Option<String>,
    /// A one-line title.
    pub title: String,
    /// The progress of the step.
    pub status: StepStatus,
    /// Details that depend on the kind. `is_truncated` means that something was too long and was cut.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

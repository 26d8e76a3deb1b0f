//! A step: something an agent did on the way to its answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of thing it was.
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

/// How far it is.
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

/// One step of a task, updated in place by `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its number in the task, from 1.
    pub seq: i64,
    /// What it was.
    pub kind: StepKind,
    /// The agent's own id of the tool call.
    #[schema(required)]
    pub tool_call_id: Option<String>,
    /// One line.
    pub title: String,
    /// How far it is.
    pub status: StepStatus,
    /// More, by kind.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// What may be answered to a permission request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionOption {
    /// What the answer is called in the request that decides.
    pub decision: PermissionDecision,
    /// What the agent calls it.
    pub name: String,
}

/// The user's answer to a permission request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionDecision {
    /// Yes, this once.
    Allow,
    /// No.
    Reject,
}

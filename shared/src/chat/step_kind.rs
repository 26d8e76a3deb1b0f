//! The kinds of steps.

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

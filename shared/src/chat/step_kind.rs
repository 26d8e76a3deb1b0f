//! The kind of a step.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use crate::text_column::text_enum;

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StepKind {
    /// Reasoning shared by the agent.
    Thought,
    /// A tool call by the agent.
    Tool,
    /// A plan made by the agent.
    Plan,
    /// A request for permission.
    Permission,
    /// A message about the turn.
    Notice,
}

text_enum!(StepKind);

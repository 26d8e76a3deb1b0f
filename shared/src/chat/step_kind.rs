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
    /// Reasoning that the agent showed.
    Thought,
    /// A tool that it ran.
    Tool,
    /// A plan that it made.
    Plan,
    /// A request for permission.
    Permission,
    /// A message about the turn.
    Notice,
}

text_enum!(StepKind);

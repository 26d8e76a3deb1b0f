//! The detail of a plan step: its entries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::is_false;

/// The `detail` of a step of kind `plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanDetail {
    /// The entries, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub entries: Option<Vec<PlanEntry>>,
    /// Whether something was cut or omitted; absent means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_truncated: bool,
}

/// An entry of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanEntry {
    /// What to do.
    pub content: String,
    /// The status of the entry.
    pub status: PlanEntryStatus,
    /// How important it is.
    pub priority: PlanEntryPriority,
}

/// The status of a plan entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanEntryStatus {
    /// Being worked on.
    InProgress,
    /// Done.
    Completed,
    /// Not started.
    #[serde(other)]
    Pending,
}

/// The priority of a plan entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanEntryPriority {
    /// More than most.
    High,
    /// Less than most.
    Low,
    /// As most.
    #[serde(other)]
    Medium,
}

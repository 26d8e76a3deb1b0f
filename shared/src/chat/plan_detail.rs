//! The detail of a plan step, which contains the plan's entries.

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
    /// Whether any content was truncated or omitted; absent means false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_truncated: bool,
}

/// A plan entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanEntry {
    /// A description of the work.
    pub content: String,
    /// The status of the entry.
    pub status: PlanEntryStatus,
    /// The priority of the entry.
    pub priority: PlanEntryPriority,
}

/// The status of a plan entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanEntryStatus {
    /// In progress.
    InProgress,
    /// Completed.
    Completed,
    /// Not started.
    #[serde(other)]
    Pending,
}

/// The priority of a plan entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanEntryPriority {
    /// High priority.
    High,
    /// Low priority.
    Low,
    /// Medium priority, the default.
    #[serde(other)]
    Medium,
}

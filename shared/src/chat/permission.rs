//! Permission requests: what an agent asks, and what becomes of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{clock::Timestamp, id::PermissionId};

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

/// Who or what decided a permission request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The session's owner.
    User,
    /// Nobody answered in time.
    TimeLimit,
    /// Nobody asks any more: the attempt ended, or the agent took the question back.
    Withdrawn,
}

/// How a permission request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionOutcome {
    /// What holds.
    pub decision: PermissionDecision,
    /// Why.
    pub decided_by: DecidedBy,
}

/// The `detail` of a step of kind `permission`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionDetail {
    /// Names the request where it is answered.
    pub request_id: PermissionId,
    /// What is offered.
    pub options: Vec<PermissionOption>,
    /// When it is too late to answer.
    pub expires_at: Timestamp,
    /// What was decided; absent while the request waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision: Option<PermissionDecision>,
    /// By whom or what; absent while the request waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<DecidedBy>,
}

impl PermissionDetail {
    /// The outcome, once there is one.
    #[must_use]
    pub fn outcome(&self) -> Option<PermissionOutcome> {
        Some(PermissionOutcome { decision: self.decision?, decided_by: self.decided_by? })
    }

    /// The same request, decided.
    #[must_use]
    pub fn decided(self, outcome: PermissionOutcome) -> Self {
        Self { decision: Some(outcome.decision), decided_by: Some(outcome.decided_by), ..self }
    }
}

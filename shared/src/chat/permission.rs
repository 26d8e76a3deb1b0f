//! Permission requests, including their options, answers, and outcomes.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{clock::Timestamp, id::PermissionId};

/// The kind of a permission option, as named by the agent.
///
/// The protocol defines `allow_once`, `allow_always`, `reject_once`, and `reject_always`
/// (<https://agentclientprotocol.com/protocol/tool-calls#requesting-permission>); any other name is preserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PermissionKind {
    /// Allows the operation once.
    AllowOnce,
    /// Allows the operation and remembers the choice.
    AllowAlways,
    /// Rejects the operation once.
    RejectOnce,
    /// Rejects the operation and remembers the choice.
    RejectAlways,
    /// A kind that the protocol does not define.
    Other(String),
}

impl PermissionKind {
    /// Returns the JSON name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AllowOnce => "allow_once",
            Self::AllowAlways => "allow_always",
            Self::RejectOnce => "reject_once",
            Self::RejectAlways => "reject_always",
            Self::Other(kind) => kind,
        }
    }

    /// Returns the decision that an option of this kind represents. An unknown kind counts as a rejection only if its
    /// name starts with `reject`, `deny`, or `cancel`. Otherwise it counts as an approval, because the tool may have
    /// run.
    #[must_use]
    pub fn decision(&self) -> PermissionDecision {
        match self {
            Self::RejectOnce | Self::RejectAlways => PermissionDecision::Reject,
            Self::Other(kind) if ["reject", "deny", "cancel"].iter().any(|word| kind.starts_with(word)) => {
                PermissionDecision::Reject
            }
            Self::AllowOnce | Self::AllowAlways | Self::Other(_) => PermissionDecision::Allow,
        }
    }
}

impl From<String> for PermissionKind {
    fn from(kind: String) -> Self {
        match kind.as_str() {
            "allow_once" => Self::AllowOnce,
            "allow_always" => Self::AllowAlways,
            "reject_once" => Self::RejectOnce,
            "reject_always" => Self::RejectAlways,
            _ => Self::Other(kind),
        }
    }
}

impl From<PermissionKind> for String {
    fn from(kind: PermissionKind) -> Self {
        match kind {
            PermissionKind::Other(kind) => kind,
            PermissionKind::AllowOnce
            | PermissionKind::AllowAlways
            | PermissionKind::RejectOnce
            | PermissionKind::RejectAlways => kind.as_str().to_owned(),
        }
    }
}

/// One option of a permission request, as the agent supplied it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PermissionOption {
    /// The ID of the option, sent as `option_id` in the answer.
    pub option_id: String,
    /// A one-line label.
    pub name: String,
    /// The kind: `allow_once`, `allow_always`, `reject_once`, `reject_always`, or another value defined by the agent.
    #[schema(value_type = String)]
    pub kind: PermissionKind,
}

/// Accepts both the current format and the older one, `{decision, name}`, in which options had no IDs.
impl<'de> Deserialize<'de> for PermissionOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum StoredOption {
            Current { option_id: String, name: String, kind: PermissionKind },
            Decision { decision: PermissionDecision, name: String },
        }
        Ok(match StoredOption::deserialize(deserializer)? {
            StoredOption::Current { option_id, name, kind } => Self { option_id, name, kind },
            StoredOption::Decision { decision, name } => {
                let kind = match decision {
                    PermissionDecision::Allow => PermissionKind::AllowOnce,
                    PermissionDecision::Reject => PermissionKind::RejectOnce,
                };
                Self { option_id: kind.as_str().to_owned(), name, kind }
            }
        })
    }
}

/// Whether a permission request was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionDecision {
    /// The agent may proceed.
    Allow,
    /// The agent must not proceed.
    Reject,
}

/// A user's answer to a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionAnswer {
    /// A decision. [`option_for`] selects the option.
    Decision(PermissionDecision),
    /// The option with this ID.
    Option(String),
}

/// The reason why an answer does not select an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// No option has this ID.
    UnknownOption,
    /// The answer is an approval, but no option represents it unambiguously; see [`option_for`].
    OptionRequired,
}

/// Returns the option that represents a decision.
///
/// For an approval, this is the only `allow_once` option or, if there is none, the only `allow_always` option. For a
/// rejection, this is the first `reject_once` option whose ID is not also the ID of an approval. If there is none,
/// returns `None`; the agent is then notified that the request was cancelled.
///
/// # Errors
/// Returns [`AnswerError::OptionRequired`] for an approval if there is no such option.
pub fn option_for(
    options: &[PermissionOption],
    decision: PermissionDecision,
) -> Result<Option<&PermissionOption>, AnswerError> {
    let of = |kind: PermissionKind| options.iter().filter(move |option| option.kind == kind);
    match decision {
        // If an approval has the same ID, selecting this option might not reject the request.
        PermissionDecision::Reject => Ok(of(PermissionKind::RejectOnce)
            .find(|reject| decision_for(options, &reject.option_id) == PermissionDecision::Reject)),
        PermissionDecision::Allow => {
            let only = |mut found: Vec<_>| if found.len() == 1 { found.pop() } else { None };
            let once: Vec<_> = of(PermissionKind::AllowOnce).collect();
            if once.len() > 1 {
                return Err(AnswerError::OptionRequired);
            }
            only(once)
                .or_else(|| only(of(PermissionKind::AllowAlways).collect()))
                .map(Some)
                .ok_or(AnswerError::OptionRequired)
        }
    }
}

/// Returns the decision that an option ID represents. If several options share the ID, an approval takes precedence.
fn decision_for(options: &[PermissionOption], option_id: &str) -> PermissionDecision {
    let mut same = options.iter().filter(|option| option.option_id == option_id);
    if same.any(|option| option.kind.decision() == PermissionDecision::Allow) {
        PermissionDecision::Allow
    } else {
        PermissionDecision::Reject
    }
}

/// Who or what decided a permission request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The session's owner.
    User,
    /// The time limit passed without an answer.
    TimeLimit,
    /// The attempt ended, or the agent withdrew the request.
    Withdrawn,
}

/// The outcome of a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionOutcome {
    /// Whether the request was allowed.
    pub decision: PermissionDecision,
    /// The ID of the selected option, if any.
    pub chosen: Option<String>,
    /// Who or what decided.
    pub decided_by: DecidedBy,
}

impl PermissionOutcome {
    /// Returns the outcome of a request that ended without an answer.
    #[must_use]
    pub const fn unanswered(decided_by: DecidedBy) -> Self {
        Self { decision: PermissionDecision::Reject, chosen: None, decided_by }
    }
}

/// The `detail` of a step of kind `permission`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionDetail {
    /// The ID of the request. Use it in the path when you answer the request.
    pub request_id: PermissionId,
    /// The options that the agent offers. A request can always be rejected, even if none of the options rejects it.
    pub options: Vec<PermissionOption>,
    /// When the request expires; null if it does not expire.
    #[serde(default, deserialize_with = "expiry")]
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// Whether the request was allowed; absent while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision: Option<PermissionDecision>,
    /// The ID of the selected option; absent while the request is pending or if no option was selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub chosen: Option<String>,
    /// Who or what decided; absent while the request is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<DecidedBy>,
}

impl PermissionDetail {
    /// Creates the detail of a pending request.
    #[must_use]
    pub const fn pending(
        request_id: PermissionId,
        options: Vec<PermissionOption>,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self { request_id, options, expires_at, decision: None, chosen: None, decided_by: None }
    }

    /// Returns the outcome, or `None` while the request is pending.
    #[must_use]
    pub fn outcome(&self) -> Option<PermissionOutcome> {
        Some(PermissionOutcome { decision: self.decision?, chosen: self.chosen.clone(), decided_by: self.decided_by? })
    }

    /// Returns the outcome of a user's answer.
    ///
    /// # Errors
    /// Returns an error if no option has the given ID, or if no option represents an approval unambiguously.
    pub fn answer(&self, answer: &PermissionAnswer) -> Result<PermissionOutcome, AnswerError> {
        let (decision, chosen) = match answer {
            PermissionAnswer::Decision(decision) => (*decision, option_for(&self.options, *decision)?),
            PermissionAnswer::Option(id) => {
                let chosen = self.options.iter().find(|option| option.option_id == *id);
                (decision_for(&self.options, id), Some(chosen.ok_or(AnswerError::UnknownOption)?))
            }
        };
        let chosen = chosen.map(|option| option.option_id.clone());
        Ok(PermissionOutcome { decision, chosen, decided_by: DecidedBy::User })
    }
}

/// The expiry that is stored for a request that does not expire. Version 0.1.0 cannot read null.
const NEVER: &str = "9999-12-31T23:59:59.999Z";

/// Deserializes an expiry, which may be [`NEVER`].
fn expiry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let expires_at = Option::<Timestamp>::deserialize(deserializer)?;
    Ok(expires_at.filter(|expires_at| expires_at.to_string() != NEVER))
}

/// Replaces a missing expiry in a detail that is about to be stored.
pub fn store_expiry(detail: &mut Value) {
    if let Some(expires_at) = detail.get_mut("expires_at").filter(|expires_at| expires_at.is_null()) {
        *expires_at = NEVER.into();
    }
}

/// Adds an outcome to a stored detail. Changes nothing else, because a worker of the previous version may also read the
/// detail.
///
/// # Errors
/// Never fails in practice, because every field of the outcome is serialized as a string.
pub fn decide_stored(detail: &mut Value, outcome: &PermissionOutcome) -> serde_json::Result<()> {
    let PermissionOutcome { decision, chosen, decided_by } = outcome;
    if let Some(fields) = detail.as_object_mut() {
        fields.insert("decision".to_owned(), serde_json::to_value(decision)?);
        fields.insert("decided_by".to_owned(), serde_json::to_value(decided_by)?);
        fields.extend(chosen.as_ref().map(|id| ("chosen".to_owned(), id.as_str().into())));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Permission requests from an agent, including the options that it offers, the decision made by the configured policy,
//! and the response.
//!
//! Every option is displayed with its own name. The store and the API identify an option by a sanitized ID; the
//! response to the agent contains the original one.

#[cfg(test)]
mod tests;

use banter_shared::{
    agents_file::PermissionPolicy,
    chat::{PermissionDecision, PermissionKind, PermissionOption, clean_step_title, option_for, sanitize_agent_text},
};
use serde_json::{Map, Value, json};

use super::mapper::tool_call_id;

/// Maximum number of options in a request.
const MAX_OPTIONS: usize = 100;
/// Maximum length, in bytes, of an option's sanitized ID. A longer ID is replaced with one made from the option's
/// number.
const MAX_OPTION_ID_BYTES: usize = 256;
/// Maximum length of an option's kind, in bytes.
const MAX_KIND_BYTES: usize = 64;

/// A parsed permission request.
#[derive(Debug)]
pub(super) struct AcpPermissionRequest {
    /// The tool call's ID and fields, or `None` if the request contains no tool call with a valid ID.
    pub tool_call: Option<(String, Map<String, Value>)>,
    offered: Vec<OfferedOption>,
}

/// An option, along with the ID that the agent sent for it.
#[derive(Debug)]
struct OfferedOption {
    option: PermissionOption,
    agent_id: Value,
}

/// The policy's decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyDecision {
    /// Decide without asking the user.
    Decide(PermissionDecision),
    /// Ask the user.
    Ask,
}

impl AcpPermissionRequest {
    /// Parses the parameters of `session/request_permission`. Returns `None` if they contain no list of options, or if
    /// the list is not empty but none of its options has a valid ID. An empty list is valid.
    pub fn parse(parameters: &Value) -> Option<Self> {
        let listed = parameters.get("options")?.as_array()?;
        let mut offered: Vec<OfferedOption> = Vec::new();
        for (number, option) in listed.iter().enumerate() {
            let Some(next) = OfferedOption::parse(option, number + 1) else { continue };
            let is_repeated = offered.iter().any(|known| known.option == next.option);
            if !is_repeated && offered.len() < MAX_OPTIONS {
                offered.push(next);
            }
        }
        if offered.is_empty() && !listed.is_empty() {
            return None;
        }
        let call = parameters.get("toolCall").and_then(Value::as_object);
        let tool_call = call.and_then(|call| Some((tool_call_id(call)?, call.clone())));
        Some(Self { tool_call, offered })
    }

    /// Returns the options to offer to the user.
    pub fn options(&self) -> Vec<PermissionOption> {
        self.offered.iter().map(|offered| offered.option.clone()).collect()
    }

    /// Applies the policy. A request without options is rejected. Otherwise, the `allow` policy asks the user unless
    /// exactly one option allows the operation once and every option's kind is recognizable as an approval or a
    /// rejection. It never selects an option that would make the agent remember the decision.
    pub fn decide(&self, policy: PermissionPolicy) -> PolicyDecision {
        if self.offered.is_empty() {
            return PolicyDecision::Decide(PermissionDecision::Reject);
        }
        match policy {
            PermissionPolicy::Ask => PolicyDecision::Ask,
            PermissionPolicy::Reject => PolicyDecision::Decide(PermissionDecision::Reject),
            PermissionPolicy::Allow => {
                let of =
                    |wanted: PermissionKind| self.offered.iter().filter(move |offered| offered.option.kind == wanted);
                let is_clear = self.offered.iter().all(|offered| match &offered.option.kind {
                    PermissionKind::Other(kind) => kind.starts_with("allow") || kind.starts_with("reject"),
                    PermissionKind::AllowOnce
                    | PermissionKind::AllowAlways
                    | PermissionKind::RejectOnce
                    | PermissionKind::RejectAlways => true,
                });
                // Several "always" options, such as "for this file" and "for all files", do not make the request
                // ambiguous.
                if is_clear && of(PermissionKind::AllowOnce).count() == 1 {
                    PolicyDecision::Decide(PermissionDecision::Allow)
                } else {
                    PolicyDecision::Ask
                }
            }
        }
    }

    /// Returns the response, which selects the option with the ID `chosen` or, if `chosen` is `None`, the option that
    /// matches the decision. If there is no such option, the request is cancelled, because cancellation is the only
    /// other outcome that the protocol supports.
    pub fn result(&self, decision: PermissionDecision, chosen: Option<&str>) -> Value {
        let options = self.options();
        let by_decision = || option_for(&options, decision).ok().flatten().map(|option| option.option_id.as_str());
        let selected = chosen.or_else(by_decision);
        let offered = selected.and_then(|id| self.offered.iter().find(|offered| offered.option.option_id == id));
        offered
            .map_or_else(cancelled, |offered| json!({"outcome": {"outcome": "selected", "optionId": offered.agent_id}}))
    }
}

/// Returns the response that cancels a request.
pub(super) fn cancelled() -> Value {
    json!({"outcome": {"outcome": "cancelled"}})
}

impl OfferedOption {
    fn parse(option: &Value, number: usize) -> Option<Self> {
        let agent_id = option.get("optionId")?;
        let id = match agent_id {
            Value::String(id) => sanitize_agent_text(id).into_owned(),
            Value::Number(id) => id.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        let option_id = if id.len() > MAX_OPTION_ID_BYTES { format!("option-{number}") } else { id };
        let kind = option.get("kind").and_then(Value::as_str).unwrap_or("other");
        let kind = sanitize_agent_text(kind);
        let kind = PermissionKind::from(kind[..kind.floor_char_boundary(MAX_KIND_BYTES)].to_owned());
        let name = clean_step_title(option.get("name").and_then(Value::as_str).unwrap_or_default());
        let name = if name.is_empty() { name_of(&kind, &option_id, number) } else { name };
        Some(Self { option: PermissionOption { option_id, name, kind }, agent_id: agent_id.clone() })
    }
}

/// Returns a label for an option that has no name.
fn name_of(kind: &PermissionKind, option_id: &str, number: usize) -> String {
    match kind {
        PermissionKind::AllowOnce => "Allow once".to_owned(),
        PermissionKind::AllowAlways => "Always allow".to_owned(),
        PermissionKind::RejectOnce => "Reject".to_owned(),
        PermissionKind::RejectAlways => "Always reject".to_owned(),
        PermissionKind::Other(_) => {
            Some(clean_step_title(option_id)).filter(|id| !id.is_empty()).unwrap_or_else(|| format!("Option {number}"))
        }
    }
}

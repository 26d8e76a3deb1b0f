//! Determines how a turn ended, based on the result of its prompt and the preceding updates.
//!
//! A stop reason that indicates a limit or a refusal is taken at face value. `cancelled` indicates success only after a
//! rejected permission request. Any other stop reason indicates success unless the reason itself or the agent reports a
//! failure. A turn without a stop reason succeeds only if the agent reported no failure and sent text or called a tool.

#[cfg(test)]
mod tests;

use banter_shared::chat::{ErrorCode, FinishReason, Usage};
use serde_json::Value;

use super::{
    errors::{failed, is_report, message_in},
    mapper::UpdateMapper,
    update::canonical,
};
use crate::agents::{AgentError, Answer};

/// Substrings that indicate a failure if they occur in a stop reason.
const FAILURES: [&str; 22] = [
    "error",
    "fail",
    "crash",
    "exception",
    "abort",
    "timeout",
    "timed_out",
    "unavailable",
    "overload",
    "rate_limit",
    "overflow",
    "invalid",
    "cancel",
    "exceeded",
    "quota",
    "budget",
    "interrupt",
    "kill",
    "terminated",
    "network",
    "disconnect",
    "incomplete",
];

/// Returns the answer, or the error, for a prompt with this result. `redact` removes secrets from the agent's error
/// message.
pub(super) fn to_answer(
    result: &Value,
    mapper: &UpdateMapper,
    redact: impl Fn(&str) -> String,
) -> Result<Answer, AgentError> {
    let reason = reason_of(result);
    let has_failed = || reported_error(result).is_some() || is_only_an_error(mapper);
    let finish_reason = match reason.map(canonical).as_deref() {
        Some(
            "max_tokens" | "max_output_tokens" | "max_turn_requests" | "max_turns" | "max_length" | "length"
            | "token_limit",
        ) => Some(FinishReason::Length),
        Some("refusal" | "refused" | "content_filter" | "content_filtered" | "safety") => Some(FinishReason::Refusal),
        // Some agents cancel the turn after a permission request is rejected.
        Some("cancelled" | "canceled") if mapper.has_rejection() => Some(FinishReason::Stop),
        Some("end_turn") => (!has_failed()).then_some(FinishReason::Stop),
        Some(other) => (!indicates_failure(other) && !has_failed()).then_some(FinishReason::Stop),
        None => (reported_error(result).is_none()
            && (mapper.has_content() || mapper.has_tools() && !is_only_an_error(mapper)))
        .then_some(FinishReason::Stop),
    };
    if let Some(finish_reason) = finish_reason {
        return Ok(Answer { finish_reason, usage: usage(result) });
    }
    // If the agent sent any text, only an error notice can explain the failure; an ordinary notice cannot.
    let notice = mapper.last_notice().filter(|notice| notice.is_error || !mapper.has_text());
    let message = reported_error(result)
        .or_else(|| notice.map(|notice| notice.words.clone()))
        .or_else(|| mapper.short_text().filter(|text| is_report(text)).map(str::to_owned));
    Err(match (message, reason) {
        (Some(words), _) => failed(&words, ErrorCode::AgentError, redact),
        (None, Some(reason)) => {
            failed(&format!("The agent stopped. Reason: “{reason}”."), ErrorCode::AgentError, redact)
        }
        (None, None) => {
            AgentError::new(ErrorCode::AgentProtocol, "The agent ended its turn without an answer or a stop reason.")
        }
    })
}

/// Returns the stop reason exactly as the agent sent it.
fn reason_of(result: &Value) -> Option<&str> {
    ["stopReason", "stop_reason", "finishReason", "finish_reason"]
        .into_iter()
        .find_map(|name| result.get(name)?.as_str())
}

/// Returns whether the agent sent an error notice but no answer.
fn is_only_an_error(mapper: &UpdateMapper) -> bool {
    !mapper.has_content() && mapper.last_notice().is_some_and(|notice| notice.is_error)
}

fn indicates_failure(reason: &str) -> bool {
    let reason = canonical(reason);
    FAILURES.iter().any(|part| reason.contains(part))
}

/// Returns the error message in the result itself, if there is one.
fn reported_error(result: &Value) -> Option<String> {
    let meta = result.get("_meta");
    let reported = [result.get("error"), result.get("errorMessage"), meta.and_then(|meta| meta.get("error"))];
    let words = reported.into_iter().flatten().find_map(|error| message_in(error, 4));
    let fails = reason_of(result).is_some_and(indicates_failure);
    let beside = || {
        let named =
            ["message", "details", "detail", "reason"].into_iter().find_map(|field| result.get(field)?.as_str());
        named.map(str::to_owned).or_else(|| message_in(meta?, 4))
    };
    words.or_else(|| if fails { beside() } else { None })
}

fn usage(result: &Value) -> Option<Usage> {
    let tokens = |field: &str| result.get("usage")?.get(field)?.as_i64().filter(|count| *count >= 0);
    let usage = tokens("inputTokens").zip(tokens("outputTokens"));
    usage.map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens })
}

//! Determines how a turn ended, from the result of its prompt and the updates before it.
//!
//! A failed answer is never reported as finished, and a good one is not discarded because of an unusual word. A stop
//! reason of the protocol is taken literally, unless the agent reports a failure at the same time.

#[cfg(test)]
mod tests;

use banter_shared::chat::{ErrorCode, FinishReason, Usage};
use serde_json::Value;

use super::{
    errors::{failed, message_in},
    mapper::UpdateMapper,
};
use crate::agents::{AgentError, Answer};

/// Parts of nonstandard stop reasons that indicate a failure.
const FAILURES: [&str; 12] = [
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
];

/// Returns the answer or the error of a prompt with this result. `redact` removes secrets from the agent's error message.
pub(super) fn to_answer(
    result: &Value,
    mapper: &UpdateMapper,
    redact: impl Fn(&str) -> String,
) -> Result<Answer, AgentError> {
    let reason = result.get("stopReason").and_then(Value::as_str);
    let finish_reason = match reason {
        Some("max_tokens" | "max_turn_requests") => Some(FinishReason::Length),
        Some("refusal") => Some(FinishReason::Refusal),
        // The agent cancelled by itself; the worker did not stop it.
        Some("cancelled") => Some(FinishReason::Stop),
        Some("end_turn") if reported_error(result).is_none() && !is_only_an_error(mapper) => Some(FinishReason::Stop),
        Some("end_turn") => None,
        Some(other) => (!indicates_failure(other) && reported_error(result).is_none() && !is_only_an_error(mapper))
            .then_some(FinishReason::Stop),
        None => (reported_error(result).is_none()
            && (mapper.has_text() || mapper.has_tools() && !is_only_an_error(mapper)))
        .then_some(FinishReason::Stop),
    };
    if let Some(finish_reason) = finish_reason {
        return Ok(Answer { finish_reason, usage: usage(result) });
    }
    let message = reported_error(result)
        .or_else(|| mapper.last_notice().map(|notice| notice.words.clone()))
        .or_else(|| mapper.short_text().map(str::to_owned));
    Err(match (message, reason) {
        (Some(words), _) => failed(&words, ErrorCode::AgentError, redact),
        (None, Some(reason)) => {
            failed(&format!("The agent stopped with the reason “{reason}”."), ErrorCode::AgentError, redact)
        }
        (None, None) => {
            AgentError::new(ErrorCode::AgentProtocol, "The agent ended its turn without an answer or a stop reason.")
        }
    })
}

/// Returns whether the only output is an error.
fn is_only_an_error(mapper: &UpdateMapper) -> bool {
    !mapper.has_text() && mapper.last_notice().is_some_and(|notice| notice.is_error)
}

fn indicates_failure(reason: &str) -> bool {
    let reason = reason.to_lowercase().replace([' ', '-'], "_");
    FAILURES.iter().any(|part| reason.contains(part))
}

/// Returns the error message in the result itself.
fn reported_error(result: &Value) -> Option<String> {
    let meta = result.get("_meta");
    let reported = [result.get("error"), result.get("errorMessage"), meta.and_then(|meta| meta.get("error"))];
    let words = reported.into_iter().flatten().find_map(|error| message_in(error, 4));
    let fails = result.get("stopReason").and_then(Value::as_str).is_some_and(indicates_failure);
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

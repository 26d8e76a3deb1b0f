//! Parses the JSON objects of an answer: chunks of a stream or whole completions.
//!
//! Parsed by hand rather than into a type, because servers send null, nothing, or a list where others send a text, and
//! none of that should fail an answer.

use banter_shared::chat::{FinishReason, Usage};
use serde_json::Value;

use super::parts::{self, Part};

/// What an object adds to the answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    /// Texts, thoughts, and other parts, in order.
    pub parts: Vec<Part>,
    /// The end of the answer, if it is stated.
    pub finish: Option<Finish>,
    /// The token usage, if it is stated.
    pub usage: Option<Usage>,
    /// Whether the object is part of a completion.
    pub is_completion: bool,
    /// Whether it contains a whole message rather than a delta.
    pub is_whole: bool,
}

/// How a server ends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// With a finish reason.
    Reason(FinishReason),
    /// The server aborted the answer.
    Aborted,
}

/// Parses an object that does not report an error.
pub(super) fn read(object: &Value) -> Chunk {
    let choice = &object["choices"][0];
    // A stream has `delta`, a whole completion has `message`, and older completions have `text` in the choice itself.
    let is_object = |part: &&Value| part.is_object();
    let whole = Some(&choice["message"]).filter(is_object);
    let message = Some(&choice["delta"]).filter(is_object).or(whole).unwrap_or(choice);
    let parts = parts::of_message(message);
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let finish = choice["finish_reason"].as_str().and_then(finish_of);
    Chunk {
        parts,
        finish: if refused && finish != Some(Finish::Aborted) {
            Some(Finish::Reason(FinishReason::Refusal))
        } else {
            finish
        },
        usage: usage_of(&object["usage"]),
        is_completion: object["choices"].is_array() || object["object"].as_str() == Some("chat.completion.chunk"),
        is_whole: whole.is_some(),
    }
}

fn finish_of(reason: &str) -> Option<Finish> {
    let reason = reason.to_ascii_lowercase();
    let aborted = ["error", "abort", "fail", "timeout", "insufficient", "interrupt", "malformed", "cancel"];
    match reason.as_str() {
        "" | "null" => None,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" => {
            Some(Finish::Reason(FinishReason::Length))
        }
        "content_filter" | "refusal" | "safety" | "sensitive" | "prohibited_content" | "recitation" | "blocklist" => {
            Some(Finish::Reason(FinishReason::Refusal))
        }
        reason if aborted.iter().any(|word| reason.contains(word)) => Some(Finish::Aborted),
        // Includes `tool_calls`, because no tools were offered. An unknown reason counts as a normal end.
        _ => Some(Finish::Reason(FinishReason::Stop)),
    }
}

fn usage_of(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input_tokens: usage["prompt_tokens"].as_i64().filter(|count| *count >= 0)?,
        output_tokens: usage["completion_tokens"].as_i64().filter(|count| *count >= 0)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requires_both_token_counts() {
        let usage = |usage: Value| read(&json!({"choices": [], "usage": usage})).usage;

        let expected = Usage { input_tokens: 3, output_tokens: 4 };
        assert_eq!(usage(json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})), Some(expected));
        for broken in
            [json!(null), json!({}), json!({"prompt_tokens": 3}), json!({"prompt_tokens": -1, "completion_tokens": 1})]
        {
            assert_eq!(usage(broken), None);
        }
    }

    #[test]
    fn parses_finish_reasons() {
        let finish = |reason: &str| read(&json!({"choices": [{"delta": {}, "finish_reason": reason}]})).finish;
        let reason = |reason| Some(Finish::Reason(reason));

        assert_eq!(finish(""), None);
        for (name, expected) in [
            ("stop", reason(FinishReason::Stop)),
            ("tool_calls", reason(FinishReason::Stop)),
            ("something new", reason(FinishReason::Stop)),
            ("length", reason(FinishReason::Length)),
            ("MAX_TOKENS", reason(FinishReason::Length)),
            ("content_filter", reason(FinishReason::Refusal)),
            ("error", Some(Finish::Aborted)),
            ("network_error", Some(Finish::Aborted)),
            ("abort", Some(Finish::Aborted)),
            ("insufficient_system_resource", Some(Finish::Aborted)),
        ] {
            assert_eq!(finish(name), expected, "{name}");
        }
    }

    #[test]
    fn accepts_objects_without_text() {
        for choices in [
            json!([]),
            json!([{}]),
            json!([null]),
            json!([{"delta": null}]),
            json!([{"delta": {"role": "assistant", "content": null}, "finish_reason": null}]),
            json!([{"delta": {"content": 5}}]),
        ] {
            assert_eq!(read(&json!({"choices": choices})), Chunk { is_completion: true, ..Chunk::default() });
        }
        for other in [json!({}), json!([1]), json!("x"), json!({"type": "ping"}), json!({"choices": null})] {
            assert_eq!(read(&other), Chunk::default());
        }
    }
}

//! What one JSON object adds to the answer: a chunk of a stream, or a whole completion.
//!
//! Read by hand rather than into a type: servers send null, nothing, or a list where others send a text, and none of
//! that is a reason to lose an answer.

use banter_shared::chat::{FinishReason, Usage};
use serde_json::Value;

use super::parts::{self, Part};

/// What an object adds to the answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunk {
    /// Texts, thoughts, and more, in order.
    pub parts: Vec<Part>,
    /// How the answer ended, once the server says so.
    pub finish: Option<Finish>,
    /// What it cost, once the server says so.
    pub usage: Option<Usage>,
    /// Whether this is part of a completion at all.
    pub is_completion: bool,
    /// Whether it has a whole message rather than a part of one.
    pub is_whole: bool,
}

/// How a server ends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// Regularly.
    Reason(FinishReason),
    /// It gave up.
    GaveUp,
}

/// Reads an object that reports no error.
pub(super) fn read(object: &Value) -> Chunk {
    let choice = &object["choices"][0];
    // A stream has `delta`, a whole completion `message`, the older completions `text` right in the choice.
    let is_object = |part: &&Value| part.is_object();
    let whole = Some(&choice["message"]).filter(is_object);
    let message = Some(&choice["delta"]).filter(is_object).or(whole).unwrap_or(choice);
    let parts = parts::of_message(message);
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let finish = choice["finish_reason"].as_str().and_then(finish_of);
    Chunk {
        parts,
        finish: if refused && finish != Some(Finish::GaveUp) {
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
    let gave_up = ["error", "abort", "fail", "timeout", "insufficient", "interrupt", "malformed", "cancel"];
    match reason.as_str() {
        "" | "null" => None,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" => {
            Some(Finish::Reason(FinishReason::Length))
        }
        "content_filter" | "refusal" | "safety" | "sensitive" | "prohibited_content" | "recitation" | "blocklist" => {
            Some(Finish::Reason(FinishReason::Refusal))
        }
        reason if gave_up.iter().any(|word| reason.contains(word)) => Some(Finish::GaveUp),
        // `tool_calls` too: no tools were offered. A reason that we do not know is an end.
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
    fn usage_is_whole_or_missing() {
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
    fn every_reason_to_finish_is_an_end() {
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
            ("error", Some(Finish::GaveUp)),
            ("network_error", Some(Finish::GaveUp)),
            ("abort", Some(Finish::GaveUp)),
            ("insufficient_system_resource", Some(Finish::GaveUp)),
        ] {
            assert_eq!(finish(name), expected, "{name}");
        }
    }

    #[test]
    fn an_object_without_text_adds_none() {
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

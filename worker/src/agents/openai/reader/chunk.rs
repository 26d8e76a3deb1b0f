//! Parses the JSON objects in an answer, which are either chunks of a stream or whole completions.
//!
//! Objects are parsed as [`Value`]s rather than deserialized into structs. Some servers send null, a list, or nothing
//! where a string is expected, and this must not make an answer fail.

use banter_shared::chat::{FinishReason, Usage};
use serde_json::Value;

use super::parts::{self, Part};

/// Exclusive upper bound for the index of a choice. Any other index counts as 0.
const MAX_CHOICES: u64 = 128;

/// What an object contributes to the answer.
#[derive(Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
pub(super) struct Chunk {
    /// The texts, thoughts, and other parts, in order.
    pub parts: Vec<Part>,
    /// How the answer ended, if stated.
    pub finish: Option<Finish>,
    /// The token usage, if reported.
    pub usage: Option<Usage>,
    /// Whether the object is part of a completion.
    pub is_completion: bool,
    /// Whether the object contains a whole message, possibly next to a delta.
    pub is_whole: bool,
    /// Whether the parts belong to a whole message, which may repeat earlier parts.
    pub is_repeatable: bool,
    /// The index of the choice to which the parts belong.
    pub index: u64,
    /// Whether the object also contains parts that belong to other choices.
    pub has_others: bool,
}

/// How a server ended an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// The server gave a known finish reason.
    Reason(FinishReason),
    /// The server gave an unknown finish reason.
    Unknown(String),
    /// The server aborted the answer for this reason, which may be empty.
    Aborted(String),
}

/// Parses an object, disregarding any error that it reports. Reads only the choice with the index `wanted` or, if that
/// is `None`, the choice with the lowest index.
pub(super) fn read(object: &Value, wanted: Option<u64>) -> Chunk {
    let choices = choices_of(object);
    let index = wanted.or_else(|| choices.iter().map(|choice| index_of(choice)).min()).unwrap_or(0);
    let mut chunk = Chunk {
        usage: usage_of(&object["usage"]),
        is_completion: object["choices"].is_array()
            || !choices.is_empty()
            || object["object"].as_str() == Some("chat.completion.chunk"),
        index,
        ..Chunk::default()
    };
    for choice in choices {
        if index_of(choice) == index {
            chunk.add(choice);
        } else {
            let mut other = Chunk::default();
            other.add(choice);
            chunk.has_others |= !other.parts.is_empty();
        }
    }
    chunk
}

impl Chunk {
    fn add(&mut self, choice: &Value) {
        // Streams contain `delta`, whole completions contain `message`, and older completions contain `text` directly
        // in the choice. Some servers repeat the entire message next to each delta.
        let is_message = |part: &&Value| part.is_object() || part.is_string();
        let delta = Some(&choice["delta"]).filter(is_message);
        let whole = Some(&choice["message"]).filter(|message| message.is_object());
        let mut parts = delta.map(parts::of_message).unwrap_or_default();
        if parts.is_empty()
            && let Some(whole) = whole
        {
            parts = parts::of_message(whole);
            self.is_repeatable |= !parts.is_empty();
        }
        if delta.is_none() && whole.is_none() {
            parts = parts::of_message(choice);
        } else if !parts.iter().any(|part| matches!(part, Part::Thought(_) | Part::ThoughtDetail(_))) {
            parts.splice(0..0, parts::thoughts_of(choice));
        }
        let is_refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
        self.finish = match finish_of(choice) {
            Some(Finish::Reason(_) | Finish::Unknown(_)) | None if is_refused => {
                Some(Finish::Reason(FinishReason::Refusal))
            }
            Some(finish) => Some(finish),
            None => self.finish.take(),
        };
        self.parts.append(&mut parts);
        self.is_whole |= whole.is_some();
    }
}

/// Returns the choices. Instead of a list, some servers send a single choice, or an object whose values are the
/// choices.
fn choices_of(object: &Value) -> Vec<&Value> {
    match &object["choices"] {
        Value::Array(choices) => choices.iter().collect(),
        choice @ Value::Object(fields) if fields.contains_key("delta") || fields.contains_key("message") => {
            vec![choice]
        }
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn index_of(choice: &Value) -> u64 {
    choice["index"].as_u64().filter(|index| *index < MAX_CHOICES).unwrap_or(0)
}

fn finish_of(choice: &Value) -> Option<Finish> {
    let stated = choice["finish_reason"].as_str()?.trim();
    let reason = stated.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if matches!(reason.as_str(), "" | "null" | "none") || has(&["unspecified"]) {
        return None;
    }
    let is_aborted = reason == "other"
        || reason.ends_with("_other")
        || has(&[
            "error",
            "abort",
            "fail",
            "timeout",
            "time_limit",
            "rate_limit",
            "insufficient",
            "interrupt",
            "malformed",
            "cancel",
            "incomplete",
            "overload",
            "unavailable",
            "unexpected",
            "exception",
            "repetition",
            "call_filter",
        ]);
    if is_aborted {
        let words = choice["message"].as_str().filter(|words| !words.trim().is_empty());
        let reason = if reason == "error" { "" } else { stated };
        return Some(Finish::Aborted(words.unwrap_or(reason).to_owned()));
    }
    let refusals = [
        "filter",
        "refus",
        "safety",
        "sensitive",
        "prohibited",
        "recitation",
        "block",
        "guardrail",
        "moderation",
        "policy",
        "spii",
    ];
    let lengths = ["length", "max_", "max-", "maxtokens", "token_limit", "context_window", "context_limit", "truncat"];
    // This includes `tool_calls`, because the request offers no tools.
    let stops = ["stop", "eos", "eot", "end", "complete", "done", "finish", "tool", "function", "success", "normal"];
    Some(if has(&refusals) {
        Finish::Reason(FinishReason::Refusal)
    } else if has(&lengths) {
        Finish::Reason(FinishReason::Length)
    } else if has(&stops) {
        Finish::Reason(FinishReason::Stop)
    } else {
        Finish::Unknown(stated.to_owned())
    })
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
        let usage = |usage: Value| read(&json!({"choices": [], "usage": usage}), None).usage;

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
        let finish = |reason: &str| read(&json!({"choices": [{"delta": {}, "finish_reason": reason}]}), None).finish;
        let all = |names: &[&str], expected: &Finish| {
            for name in names {
                assert_eq!(finish(name).as_ref(), Some(expected), "{name}");
            }
        };

        for none in ["", "null", "FINISH_REASON_UNSPECIFIED"] {
            assert_eq!(finish(none), None, "{none}");
        }
        all(
            &["stop", "tool_calls", "function_call", "end_turn", "eos_token", "STOP", "stop_sequence", "completed"],
            &Finish::Reason(FinishReason::Stop),
        );
        all(
            &[
                "length",
                "MAX_TOKENS",
                "token_limit",
                "max_new_tokens",
                "max_length",
                "REASON_MAX_LEN",
                "context_length_exceeded",
                "model_length",
                "model_context_window_exceeded",
                "max_output_tokens",
            ],
            &Finish::Reason(FinishReason::Length),
        );
        all(
            &["content_filter", "content_filter: RECITATION", "guardrail_intervened", "SAFETY", "refusal", "blocklist"],
            &Finish::Reason(FinishReason::Refusal),
        );
        for name in [
            "network_error",
            "abort",
            "insufficient_system_resource",
            "time_limit",
            "incomplete",
            "engine_overloaded",
            "OTHER",
            "repetition",
            "function_call_filter",
        ] {
            assert_eq!(finish(name), Some(Finish::Aborted(name.to_owned())), "{name}");
        }
        assert_eq!(finish("error"), Some(Finish::Aborted(String::new())));
        assert_eq!(finish("new"), Some(Finish::Unknown("new".to_owned())));
    }

    #[test]
    fn reads_one_choice() {
        let choice = |index: Value, text: &str| json!({"index": index, "delta": {"content": text}});
        let texts = |choices: Value, wanted| {
            let chunk = read(&json!({"choices": choices}), wanted);
            let text: String =
                chunk.parts.iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "" }).collect();
            (text, chunk.index, chunk.has_others)
        };
        let (zero, one) = (choice(json!(0), "a"), choice(json!(1), "b"));

        assert_eq!(texts(json!([one, zero]), None), ("a".to_owned(), 0, true));
        assert_eq!(texts(json!([one]), None), ("b".to_owned(), 1, false));
        assert_eq!(texts(json!([one]), Some(0)), (String::new(), 0, true));
        assert_eq!(texts(json!([zero, one]), Some(1)), ("b".to_owned(), 1, true));
        assert_eq!(texts(json!([choice(json!(u64::MAX), "a")]), Some(0)), ("a".to_owned(), 0, false));
        assert_eq!(texts(json!({"0": {"delta": {"content": "a"}}}), None), ("a".to_owned(), 0, false));
        assert_eq!(
            texts(json!([{"message": {"tool_calls": []}}, {"message": {"content": "a"}}]), None),
            ("a".to_owned(), 0, false)
        );
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
            assert_eq!(read(&json!({"choices": choices}), None), Chunk { is_completion: true, ..Chunk::default() });
        }
        for other in [json!({}), json!([1]), json!("x"), json!({"type": "ping"}), json!({"choices": null})] {
            assert_eq!(read(&other, None), Chunk::default());
        }
    }
}

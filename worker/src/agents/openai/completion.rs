//! What one JSON object of an answer says: a chunk of a stream, or a whole completion.
//!
//! Read by hand rather than into a type: servers send null, nothing or a list where the others send a text, and none of
//! that is a reason to lose an answer.

use banter_shared::chat::{ErrorCode, FinishReason, Usage};
use serde_json::Value;

use super::errors;
use crate::agents::AgentError;

/// What an object adds to the answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Piece {
    /// More text; may be empty.
    pub text: String,
    /// More of what the model thinks to itself; may be empty.
    pub thought: String,
    /// How the answer ended, once the server says so.
    pub finish: Option<FinishReason>,
    /// What it cost, once the server says so.
    pub usage: Option<Usage>,
    /// Whether this is part of a completion at all.
    pub is_completion: bool,
}

/// Reads an object.
///
/// # Errors
/// When it is an error object, or says that the server gave up.
pub(super) fn read(object: &Value, key: Option<&str>) -> Result<Piece, AgentError> {
    if let Some(error) = error_of(object) {
        return Err(errors::from_error_object(error, key));
    }
    let choice = &object["choices"][0];
    // A stream has `delta`, a whole completion `message`, the older completions `text` right in the choice.
    let message = [&choice["delta"], &choice["message"]].into_iter().find(|part| part.is_object()).unwrap_or(choice);
    let refusal = text_of(&message["refusal"]);
    let mut text = text_of(&message["content"]);
    if message.get("content").is_none() {
        text.push_str(&text_of(&message["text"]));
    }
    let refused = !refusal.is_empty();
    text.push_str(&refusal);
    let thoughts = ["reasoning_content", "reasoning"].map(|field| text_of(&message[field]));
    let finish = finish_of(choice["finish_reason"].as_str().unwrap_or_default())?;
    Ok(Piece {
        text,
        // Some servers send the same thought in both.
        thought: thoughts.into_iter().find(|thought| !thought.is_empty()).unwrap_or_default(),
        finish: if refused { Some(FinishReason::Refusal) } else { finish },
        usage: usage_of(&object["usage"]),
        is_completion: object["choices"].is_array(),
    })
}

fn error_of(object: &Value) -> Option<&Value> {
    match object.get("error") {
        Some(error) if !error.is_null() => Some(error),
        _ if object["object"] == "error" || object["type"] == "error" => Some(object),
        _ => None,
    }
}

/// A text, or the texts of a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn finish_of(reason: &str) -> Result<Option<FinishReason>, AgentError> {
    match reason {
        "" => Ok(None),
        "length" | "max_tokens" => Ok(Some(FinishReason::Length)),
        "content_filter" | "refusal" | "safety" => Ok(Some(FinishReason::Refusal)),
        "error" | "abort" => Err(AgentError::new(ErrorCode::AgentError, "The agent's server gave up in mid-answer.")),
        // `tool_calls` too: no tools were offered, so there is nothing to call. A reason we do not know is an end.
        _ => Ok(Some(FinishReason::Stop)),
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

    fn piece(object: &Value) -> Piece {
        read(object, None).unwrap()
    }

    #[test]
    fn text_is_found_wherever_servers_put_it() {
        for choice in [
            json!({"delta": {"content": "hi"}}),
            json!({"delta": {"content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}}),
            json!({"message": {"role": "assistant", "content": "hi"}}),
            json!({"text": "hi"}),
            json!({"delta": {"content": "hi", "reasoning_content": null}, "finish_reason": ""}),
        ] {
            let expected = Piece { text: "hi".into(), is_completion: true, ..Piece::default() };
            assert_eq!(piece(&json!({"choices": [choice], "error": null})), expected);
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
            json!([{"delta": {"content": 5, "tool_calls": [{"index": 0}]}}]),
        ] {
            assert_eq!(piece(&json!({"choices": choices})), Piece { is_completion: true, ..Piece::default() });
        }
        for other in [json!({}), json!([1]), json!("x"), json!({"type": "ping"}), json!({"choices": null})] {
            assert_eq!(piece(&other), Piece::default());
        }
    }

    #[test]
    fn a_thought_is_found_wherever_servers_put_it_and_is_no_text() {
        for choice in [
            json!({"delta": {"reasoning_content": "hm"}}),
            json!({"delta": {"content": null, "reasoning": "hm"}}),
            json!({"delta": {"content": "", "reasoning_content": "hm", "reasoning": "hm"}}),
            json!({"message": {"role": "assistant", "reasoning_content": "", "reasoning": "hm"}}),
        ] {
            let expected = Piece { thought: "hm".into(), is_completion: true, ..Piece::default() };
            assert_eq!(piece(&json!({"choices": [choice]})), expected);
        }
    }

    #[test]
    fn usage_is_whole_or_not_there() {
        let usage = |usage: Value| piece(&json!({"choices": [], "usage": usage})).usage;

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
        let finish = |reason: &str| piece(&json!({"choices": [{"delta": {}, "finish_reason": reason}]})).finish;

        assert_eq!(finish("stop"), Some(FinishReason::Stop));
        assert_eq!(finish("tool_calls"), Some(FinishReason::Stop));
        assert_eq!(finish("something new"), Some(FinishReason::Stop));
        assert_eq!(finish("length"), Some(FinishReason::Length));
        assert_eq!(finish("content_filter"), Some(FinishReason::Refusal));
    }

    #[test]
    fn a_refusal_is_shown_and_called_one() {
        let refusal =
            piece(&json!({"choices": [{"delta": {"content": null, "refusal": "No."}, "finish_reason": null}]}));

        assert_eq!((refusal.text.as_str(), refusal.finish), ("No.", Some(FinishReason::Refusal)));
    }

    #[test]
    fn an_error_in_place_of_text_is_an_error() {
        for object in [
            json!({"error": {"message": "x"}}),
            json!({"error": "x"}),
            json!({"object": "error", "message": "x"}),
            json!({"type": "error", "message": "x"}),
        ] {
            let error = read(&object, None).unwrap_err();
            assert_eq!(
                error,
                AgentError::new(ErrorCode::AgentError, "The agent's server reports an error. It says: x")
            );
        }
        let gave_up = json!({"choices": [{"delta": {}, "finish_reason": "error"}]});
        assert_eq!(read(&gave_up, None).unwrap_err().code, ErrorCode::AgentError);
    }
}

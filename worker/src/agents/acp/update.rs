//! Extracts updates from the parameters of `session/update` and converts them to the shape that the protocol defines.
//!
//! Some agents send several updates in a list, omit the wrapper, use a different field for the kind, or spell the kind
//! in a different case.

use serde_json::{Map, Value};

/// The field that contains an update's kind.
const KIND: &str = "sessionUpdate";
/// Other names for this field.
const OTHER_KINDS: [&str; 3] = ["session_update", "updateType", "type"];

/// Returns the updates in these parameters. Each update's kind is in its `sessionUpdate` field.
pub(super) fn updates_in(mut parameters: Value) -> Vec<Value> {
    let update = parameters.get_mut("update").filter(|update| !update.is_null()).map(Value::take);
    let update = match update {
        Some(update) => update,
        None => match parameters.get_mut("updates").map(Value::take) {
            Some(updates) => updates,
            None if parameters.as_object().is_some_and(|fields| kind_in(fields).is_some()) => parameters,
            None => return Vec::new(),
        },
    };
    let updates = if let Value::Array(updates) = update { updates } else { vec![update] };
    updates.into_iter().map(with_kind).collect()
}

fn with_kind(mut update: Value) -> Value {
    if let Value::Object(fields) = &mut update
        && let Some(kind) = kind_in(fields)
    {
        fields.insert(KIND.to_owned(), kind.into());
    }
    update
}

fn kind_in(fields: &Map<String, Value>) -> Option<String> {
    let mut names = std::iter::once(KIND).chain(OTHER_KINDS);
    names.find_map(|name| fields.get(name)?.as_str()).map(canonical)
}

/// Returns a protocol keyword in snake case: `agentMessageChunk` and `AGENT-MESSAGE-CHUNK` become
/// `agent_message_chunk`.
pub(super) fn canonical(word: &str) -> String {
    let mut found = String::with_capacity(word.len() + 4);
    let mut is_after_lowercase = false;
    for c in word.trim().chars() {
        if c.is_uppercase() && is_after_lowercase {
            found.push('_');
        }
        is_after_lowercase = c.is_lowercase() || c.is_numeric();
        if matches!(c, '-' | ' ' | '.' | '/') { found.push('_') } else { found.extend(c.to_lowercase()) }
    }
    found
}

/// Returns the session ID from a message's parameters. Some agents send a number.
pub(super) fn session_id_in(parameters: &Value) -> Option<String> {
    match parameters.get("sessionId").or_else(|| parameters.get("session_id"))? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_updates_of_any_shape() {
        let said = |text: &str| json!({"sessionUpdate": "agent_message_chunk", "content": text});
        for parameters in [
            json!({"update": said("a")}),
            json!({"update": [said("a")]}),
            json!({"updates": [said("a")]}),
            json!({"update": {"sessionUpdate": "agentMessageChunk", "content": "a"}}),
            json!({"update": {"sessionUpdate": "AGENT_MESSAGE_CHUNK", "content": "a"}}),
        ] {
            assert_eq!(updates_in(parameters.clone()), [said("a")], "{parameters}");
        }
        assert_eq!(updates_in(json!({"update": [said("a"), said("b")]})), [said("a"), said("b")]);
        for parameters in [
            json!({"sessionId": "s", "sessionUpdate": "agent_message_chunk", "content": "a"}),
            json!({"update": {"session_update": "agent_message_chunk", "content": "a"}}),
            json!({"update": {"type": "agent_message_chunk", "content": "a"}}),
        ] {
            let found = updates_in(parameters.clone());
            assert_eq!((&found[0]["sessionUpdate"], found.len()), (&json!("agent_message_chunk"), 1), "{parameters}");
        }
        for parameters in [Value::Null, json!({}), json!([]), json!({"sessionId": "s", "content": "a"})] {
            assert!(updates_in(parameters.clone()).is_empty(), "{parameters}");
        }
        assert_eq!(updates_in(json!({"update": 5})), [json!(5)]);
    }

    #[test]
    fn converts_keywords_to_snake_case() {
        for word in ["max_tokens", "maxTokens", "MAX_TOKENS", "Max-Tokens", " max tokens "] {
            assert_eq!(canonical(word), "max_tokens", "{word}");
        }
    }

    #[test]
    fn reads_a_session_id() {
        assert_eq!(session_id_in(&json!({"sessionId": "s"})).as_deref(), Some("s"));
        assert_eq!(session_id_in(&json!({"sessionId": 7})).as_deref(), Some("7"));
        assert_eq!(session_id_in(&json!({"sessionId": null})), None);
    }
}

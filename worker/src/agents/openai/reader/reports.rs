//! Detects JSON objects that report an error.

use serde_json::Value;

use super::message::says_error;

/// Returns the part of an object that reports an error, if any. If the report is spread over several fields, returns
/// the object itself.
pub(super) fn find(object: &Value) -> Option<&Value> {
    let choices = object.get("choices").and_then(Value::as_array);
    if let Some(error) = object.get("error").filter(|error| is_substantial(error)) {
        // If the error is only a message, other fields, such as `status`, supplement it.
        return Some(if error.is_object() { error } else { object });
    }
    if is_typed_error(object) {
        return Some(object);
    }
    let Some(choices) = choices.filter(|choices| !choices.is_empty()) else {
        return (!is_chunk(object) && is_report(object)).then_some(object);
    };
    let places = ["delta", "message"];
    choices.iter().find_map(|choice| {
        let parts = places.iter().map(|place| &choice[*place]);
        std::iter::once(choice).chain(parts).find_map(|part| part.get("error").filter(|error| is_substantial(error)))
    })
}

/// Returns whether an object's type or status indicates an error.
fn is_typed_error(object: &Value) -> bool {
    ["object", "type", "event", "status", "state"].iter().any(|field| {
        let kind = object[*field].as_str().unwrap_or_default().to_ascii_lowercase();
        kind == "error"
            || kind == "failed"
            || kind == "failure"
            || kind.ends_with("_error")
            || kind.ends_with("exception")
            || kind.ends_with(".failed")
    })
}

/// Returns whether an object without choices is still a chunk.
fn is_chunk(object: &Value) -> bool {
    object["object"].as_str().is_some_and(|kind| kind.contains("completion"))
}

/// Returns whether the fields of an object without choices report an error.
fn is_report(object: &Value) -> bool {
    let Some(fields) = object.as_object() else { return false };
    fields.iter().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "detail" | "fault" | "exception" => is_substantial(value),
            "success" | "ok" => *value == Value::Bool(false),
            // DashScope sends `{"code": "InternalError.Algo", "message": …}`.
            "code" | "status" | "status_code" | "statuscode" => {
                is_error_status(value) || value.as_str().is_some_and(says_error)
            }
            "message" | "msg" | "status_msg" => value.as_str().is_some_and(says_error),
            "base_resp" => is_substantial(&value["status_code"]),
            // An `error` object or list reports an error even if it is empty.
            "error" => value.is_object() || value.is_array(),
            name => (name.contains("error") || name.contains("exception")) && is_substantial(value),
        }
    })
}

fn is_error_status(value: &Value) -> bool {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.is_some_and(|number| number >= 400)
}

/// Returns whether the value of an error field indicates an error. Values that are `null`, `false`, 0, empty, or a
/// report of success do not.
fn is_substantial(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_set) => *is_set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            let none = ["", "none", "null", "ok", "success", "succeeded", "no error"];
            !none.contains(&text.trim().to_ascii_lowercase().as_str())
        }
        Value::Array(items) => items.iter().any(is_substantial),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let is_status = name.contains("code") || name.contains("status");
            let is_good = value.as_u64().is_some_and(|number| (200..300).contains(&number));
            !(is_status && is_good) && is_substantial(value)
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_reports_in_every_shape() {
        for object in [
            json!({"error": {"message": "slot lost"}}),
            json!({"error": "slot lost"}),
            json!({"error": true}),
            json!({"error": {}}),
            json!({"object": "error", "message": "slot lost"}),
            json!({"type": "error", "message": "slot lost"}),
            json!({"type": "server_error", "message": "slot lost"}),
            json!({"type": "response.failed"}),
            json!({"type": "exception", "message": "slot lost"}),
            json!({"code": "InternalError.Algo", "message": "slot lost"}),
            json!({"modelStreamErrorException": {"message": "slot lost"}}),
            json!({"detail": "slot lost"}),
            json!({"detail": [{"loc": ["body"], "msg": "slot lost"}]}),
            json!({"errors": ["slot lost"]}),
            json!({"error_code": 336_100, "error_msg": "slot lost"}),
            json!({"code": 500, "msg": "slot lost"}),
            json!({"status": "error", "reason": "slot lost"}),
            json!({"status_code": "503", "message": "slot lost"}),
            json!({"success": false, "message": "slot lost"}),
            json!({"base_resp": {"status_code": 1008, "status_msg": "slot lost"}}),
            json!({"message": "Internal server error"}),
            json!({"choices": [], "error": {"message": "slot lost"}}),
            json!({"choices": [{"delta": {"content": "a"}}], "error": {"message": "slot lost"}}),
            json!({"choices": [{"delta": {}, "error": {"message": "slot lost"}}]}),
            json!({"choices": [{"delta": {"error": "slot lost"}}]}),
        ] {
            assert!(find(&object).is_some(), "{object}");
        }
    }

    #[test]
    fn ignores_harmless_objects() {
        for object in [
            json!({}),
            json!({"type": "ping"}),
            json!({"event": "progress", "progress": 0.5}),
            json!({"choices": [], "error": null}),
            json!({"choices": [{"delta": {"content": "a"}}], "error": {"message": "", "code": 0}}),
            json!({"choices": [{"delta": {"content": "an error", "detail": "x"}}], "code": 0, "error": ""}),
            json!({"id": "c1", "object": "chat.completion.chunk", "choices": []}),
            json!({"usage": {"prompt_tokens": 500, "completion_tokens": 1}}),
            json!({"status": "ok", "code": 200}),
            json!({"choices": [{"delta": {"content": "a"}}], "error": {"code": 0, "message": "success"}}),
            json!({"choices": [{"delta": {"content": "a"}}], "error": {"code": 200, "message": "OK"}}),
            json!({"warnings": ["deprecated field"], "message": "note: no error"}),
        ] {
            assert_eq!(find(&object), None, "{object}");
        }
    }
}

//! Converts an agent's failures into errors for the user.

mod patterns;

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use banter_shared::{
    chat::{ErrorCode, strip_terminal_codes},
    clock::{Clock as _, SystemClock},
};
use chrono::Local;
use serde_json::{Map, Value};
use tokio::time::timeout;

pub(super) use patterns::is_report;

use super::{
    message::{AUTH_REQUIRED, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, RpcError},
    peer::RequestError,
};
use crate::{
    agents::{AgentError, limits, process::ProcessHandle},
    supervise,
};

/// Maximum length, in characters, of a displayed error message from an agent.
const MAX_QUOTED_CHARS: usize = 300;
/// Maximum number of bytes of an error message that are examined.
const MAX_READ_BYTES: usize = 16 * 1024;
/// How long to wait for a process to exit after its connection has closed. The watcher kills it after 6 s.
const EXIT_LIMIT: Duration = Duration::from_secs(7);

/// Converts a request error into an error for the user. If the connection was closed, terminates the process and
/// derives the error from its exit status and last output. `printed` contains the most recent lines on stdout that were
/// not messages.
pub(super) async fn explain(error: &RequestError, handle: &ProcessHandle, printed: &str) -> AgentError {
    match error {
        RequestError::Unreadable(reason) => {
            AgentError::new(ErrorCode::AgentProtocol, format!("The agent sent a response that {reason}."))
        }
        RequestError::Closed => {
            handle.end();
            let status = timeout(EXIT_LIMIT, handle.exited()).await.ok().flatten();
            let stderr = handle.final_stderr().await;
            tracing::warn!(?status, stderr, "agent process exited");
            let mut error = from_exit(status);
            // If the process was killed, its earlier output does not explain why.
            if error.code == ErrorCode::AgentCrashed
                && status.and_then(|status| status.code()).is_some_and(|code| code <= 128)
                && let Some(words) = last_words(&stderr).or_else(|| last_words(&handle.redact(printed)))
            {
                error.message = format!("{}: {}", error.message.trim_end_matches('.'), quote(&words));
            }
            error
        }
        RequestError::Refused(error) => {
            // Log both as strings, so that control characters are escaped.
            let (said, stderr) = (handle.redact(&error.message), handle.stderr());
            tracing::warn!(code = error.code, said, stderr, "agent returned an error");
            refused(error, |words| handle.redact(words))
        }
    }
}

/// Converts a JSON-RPC error into an error for the user.
fn refused(error: &RpcError, redact: impl Fn(&str) -> String) -> AgentError {
    let by_code = match error.code {
        AUTH_REQUIRED => ErrorCode::AgentAuth,
        METHOD_NOT_FOUND => ErrorCode::AgentProtocol,
        INVALID_REQUEST | INVALID_PARAMS => ErrorCode::AgentRefused,
        _ => ErrorCode::AgentError,
    };
    let detail = error.data.as_ref().and_then(|data| message_in(data, 4));
    let words = match detail {
        Some(detail) if error.message.is_empty() => detail,
        Some(detail) if !error.message.contains(&detail) => format!("{}: {detail}", error.message),
        Some(_) | None => error.message.clone(),
    };
    failed(&words, by_code, redact)
}

/// Converts an agent's error message into an error for the user. `default` is the error code to use if the message
/// suggests none.
pub(super) fn failed(words: &str, default: ErrorCode, redact: impl Fn(&str) -> String) -> AgentError {
    let words = &words[..words.floor_char_boundary(MAX_READ_BYTES)];
    let code = patterns::kind_of(words).unwrap_or(default);
    let quoted = quote(&redact(words));
    match code {
        ErrorCode::AgentAuth => {
            let advice = "The agent requires authentication. See “Sign in” in docs/agents.md.";
            let message =
                if words.trim().is_empty() { advice.to_owned() } else { format!("{advice} The agent says: {quoted}") };
            AgentError::new(code, message)
        }
        ErrorCode::AgentRateLimited | ErrorCode::AgentOverloaded => {
            let wait = limits::retry_after(words, SystemClock.now(), &Local);
            AgentError::new(code, quoted).with_retry_after(wait)
        }
        ErrorCode::AgentUnavailable
        | ErrorCode::AgentNetwork
        | ErrorCode::AgentRefused
        | ErrorCode::AgentCrashed
        | ErrorCode::AgentProtocol
        | ErrorCode::AgentError
        | ErrorCode::ContextOverflow
        | ErrorCode::Timeout
        | ErrorCode::WorkerLost
        | ErrorCode::SessionArchived => AgentError::new(code, quoted),
    }
}

/// Returns the message in an error value of any shape. Searches at most `depth` levels deep.
pub(super) fn message_in(value: &Value, depth: usize) -> Option<String> {
    const FIELDS: [&str; 13] = [
        "message",
        "details",
        "detail",
        "error",
        "errorMessage",
        "error_message",
        "description",
        "reason",
        "text",
        "title",
        "cause",
        "errors",
        "stack",
    ];
    let in_field = |fields: &Map<String, Value>, name: &str| match (name, fields.get(name)?) {
        // The first line is the message; the others are stack frames.
        ("stack", Value::String(stack)) => {
            stack.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
        }
        (_, value) => message_in(value, depth - 1),
    };
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Array(items) if depth > 0 => items.iter().find_map(|item| message_in(item, depth - 1)),
        Value::Object(fields) if depth > 0 => FIELDS.into_iter().find_map(|name| in_field(fields, name)),
        Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Returns the line in an agent's last output that is most likely to explain its exit: the last line that reports an
/// error or, if there is none, the last line.
fn last_words(output: &str) -> Option<String> {
    const REPORTS: [&str; 6] = ["error", "fatal", "panic", "exception", "not set", "missing"];
    let text = strip_terminal_codes(output);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_report = |line: &&str| {
        let line = line.to_lowercase();
        !line.starts_with("at ") && REPORTS.iter().any(|word| line.contains(word))
    };
    lines().rfind(is_report).or_else(|| lines().next_back()).map(str::to_owned)
}

/// Converts a process's exit status into an error for the user.
pub(in crate::agents) fn from_exit(status: Option<ExitStatus>) -> AgentError {
    let code = status.and_then(|status| status.code());
    let supervisor = |known: u8| code == Some(i32::from(known));
    if supervisor(supervise::NOT_FOUND) || supervisor(supervise::NOT_STARTED) {
        return AgentError::new(ErrorCode::AgentUnavailable, "The agent's program could not be started on the worker.");
    }
    if supervisor(supervise::LOCKED) {
        let message = "An earlier process of this agent is still running in this conversation's work folder. Try again after it \
             exits.";
        return AgentError::new(ErrorCode::AgentError, message);
    }
    let how = match (code, status.and_then(|status| status.signal())) {
        // Like a shell, the supervisor reports a signal as 128 plus the signal number.
        (Some(code @ 129..=192), _) => format!("signal {}", code - 128),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown reason".to_owned(),
    };
    AgentError::new(ErrorCode::AgentCrashed, format!("The agent exited unexpectedly ({how})."))
}

/// Returns an agent's message in a displayable form: short, on one line, and never empty.
fn quote(words: &str) -> String {
    let text = strip_terminal_codes(words);
    let line = text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let short: String = line.chars().filter(|c| !c.is_control()).take(MAX_QUOTED_CHARS).collect();
    if short.is_empty() { "The agent failed without an error message.".to_owned() } else { short }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn classify(code: i64, message: &str, data: Value) -> (ErrorCode, String, bool) {
        let error = RpcError { code, message: message.into(), data: Some(data).filter(|data| !data.is_null()) };
        let AgentError { code, message, retry_after } = refused(&error, |words| words.replace("s3cret", "[redacted]"));
        (code, message, retry_after.is_some())
    }

    #[test]
    fn passes_on_messages_of_any_shape() {
        for data in [
            json!("the disk is full"),
            json!({"details": "the disk is full"}),
            json!({"message": "the disk is full"}),
            json!({"error": {"type": "x", "message": "the disk is full"}}),
            json!({"cause": "the disk is full"}),
            json!({"stack": "the disk is full\n    at write (fs.js:1)"}),
            json!({"errors": [{"message": "the disk is full"}]}),
            json!({"errors": 5, "error": [{"reason": "the disk is full"}]}),
        ] {
            let expected = (ErrorCode::AgentError, "Internal error: the disk is full".to_owned(), false);
            assert_eq!(classify(-32603, "Internal error", data.clone()), expected, "{data}");
        }
        assert_eq!(classify(-32603, "", json!({"details": "x"})).1, "x");
        assert_eq!(classify(-32603, "", Value::Null).1, "The agent failed without an error message.");
        assert_eq!(classify(-32603, "\u{1b}[31mnot\u{1b}[0m\nwith s3cret", Value::Null).1, "not with [redacted]");
        assert_eq!(classify(-32603, &"é".repeat(5000), Value::Null).1.chars().count(), MAX_QUOTED_CHARS);
    }

    #[test]
    fn finds_the_last_words_of_an_agent() {
        let table = [
            ("Error: OPENAI_API_KEY is not set\n", Some("Error: OPENAI_API_KEY is not set")),
            ("warn\n\u{1b}[31mTypeError: x\u{1b}[0m\n    at run (a.js:1)\n\nNode.js v22", Some("TypeError: x")),
            ("usage: agent [-h]\nagent: unknown option --acp\n", Some("agent: unknown option --acp")),
            (" \n", None),
        ];
        for (output, expected) in table {
            assert_eq!(last_words(output).as_deref(), expected, "{output}");
        }
    }

    #[test]
    fn classifies_a_limit_before_authentication() {
        assert_eq!(classify(-32000, "usage limit reached, resets 3pm", Value::Null).0, ErrorCode::AgentRateLimited);
        let (code, message, has_end) =
            classify(-32000, "Error", json!({"details": "You've hit your limit · resets 9pm (UTC)"}));
        assert_eq!((code, has_end), (ErrorCode::AgentRateLimited, true));
        assert_eq!(message, "Error: You've hit your limit · resets 9pm (UTC)");
        assert_eq!(
            classify(-32603, "429 Too many requests", Value::Null),
            (ErrorCode::AgentRateLimited, "429 Too many requests".into(), false)
        );
        assert_eq!(classify(-32000, "prompt is too long", Value::Null).0, ErrorCode::ContextOverflow);
    }

    #[test]
    fn classifies_other_errors_by_code() {
        let advice = "The agent requires authentication. See “Sign in” in docs/agents.md.";
        for (words, expected) in [
            ("Authentication required", format!("{advice} The agent says: Authentication required")),
            ("", advice.to_owned()),
        ] {
            assert_eq!(classify(-32000, words, Value::Null), (ErrorCode::AgentAuth, expected, false));
        }
        assert_eq!(classify(-32000, "Who are you?", Value::Null).0, ErrorCode::AgentAuth);
        assert_eq!(classify(-32602, "No such session", Value::Null).0, ErrorCode::AgentRefused);
        assert_eq!(classify(-32601, "Method not found", Value::Null).0, ErrorCode::AgentProtocol);
        assert_eq!(classify(17, "It went wrong", Value::Null).0, ErrorCode::AgentError);
    }
}

//! From what a server or the network says to the error that the user sees.
//!
//! Sentences name no address and no secret: they reach the people who chat, not only the operator.

use std::{error::Error as _, io, time::Duration};

use banter_shared::{chat::ErrorCode, clock::Timestamp};
use chrono::DateTime;
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::Value;

use crate::agents::AgentError;

/// How much of a server's own words goes into a message, in characters.
const MAX_QUOTE_CHARS: usize = 300;

/// Wordings by which servers say that the conversation is too long for the model: `OpenAI`, llama.cpp, vLLM, gateways.
const OVERFLOW_WORDINGS: [&str; 10] = [
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context size",
    "context window",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "prompt too long",
    "too many tokens",
];

/// An answer whose status is no success. `key` is what must not be shown.
pub(super) fn from_status(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    key: Option<&str>,
    now: Timestamp,
) -> AgentError {
    let said = words_of(body);
    let code = if status.is_client_error() && is_overflow(&said, body) {
        ErrorCode::ContextOverflow
    } else {
        code_of_status(status.as_u16())
    };
    let number = status.as_u16();
    let sentence = match code {
        ErrorCode::AgentAuth if key.is_some() => {
            format!("The agent's server does not accept the API key (HTTP {number}).")
        }
        ErrorCode::AgentAuth => format!("The agent's server wants an API key, and none is configured (HTTP {number})."),
        ErrorCode::AgentUnavailable if status.is_redirection() => {
            format!(
                "The agent's server redirects to another address (HTTP {number}): `base_url` must be the final one."
            )
        }
        ErrorCode::AgentUnavailable => {
            format!(
                "The agent's server does not know the model or the address (HTTP {number}): check `model` and `base_url`."
            )
        }
        ErrorCode::AgentRateLimited => format!("The agent's server asks for fewer requests (HTTP {number})."),
        ErrorCode::AgentOverloaded => format!("The agent's server is overloaded (HTTP {number})."),
        ErrorCode::AgentRefused => format!("The agent's server refuses the request (HTTP {number})."),
        ErrorCode::ContextOverflow => "The conversation is longer than the agent can read.".to_owned(),
        ErrorCode::Timeout => format!("The agent's server gave up waiting (HTTP {number})."),
        ErrorCode::AgentError
        | ErrorCode::AgentNetwork
        | ErrorCode::AgentCrashed
        | ErrorCode::AgentProtocol
        | ErrorCode::WorkerLost
        | ErrorCode::SessionArchived => format!("The agent's server failed (HTTP {number})."),
    };
    // Servers repeat parts of a wrong key, and a redirect's page says nothing.
    let quoted = !matches!(code, ErrorCode::AgentAuth) && !status.is_redirection();
    let message = if quoted { with_quote(sentence, &said, key) } else { sentence };
    let retry_after = if code.is_retryable() { retry_after(headers, now) } else { None };
    AgentError::new(code, message).with_retry_after(retry_after)
}

/// An error object in place of an answer.
pub(super) fn from_error_object(error: &Value, key: Option<&str>) -> AgentError {
    let said = words_in(error);
    let code = code_of_object(error, &said);
    if code == ErrorCode::AgentAuth {
        return AgentError::new(code, "The agent's server does not accept the API key.");
    }
    let sentence = if code == ErrorCode::ContextOverflow {
        "The conversation is longer than the agent can read."
    } else {
        "The agent's server reports an error."
    };
    AgentError::new(code, with_quote(sentence.to_owned(), &said, key))
}

/// A request that got no answer, or whose answer broke off.
pub(super) fn from_transport(error: reqwest::Error) -> AgentError {
    let error = error.without_url();
    let mut reason = None;
    let mut source = error.source();
    let mut chain = error.to_string();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        reason = cause.downcast_ref::<io::Error>().and_then(|error| reason_of(error.kind())).or(reason);
        source = cause.source();
    }
    let reason = reason.or_else(|| {
        let known = [("dns error", "its name is unknown"), ("certificate", "its certificate is not trusted")];
        known.into_iter().find(|(wording, _)| chain.contains(wording)).map(|(_, reason)| reason)
    });
    tracing::warn!(error = chain, "agent's server: connection failed");

    let what = if error.is_connect() {
        "The agent's server cannot be reached"
    } else {
        "The connection to the agent's server broke"
    };
    let message = reason.map_or_else(|| format!("{what}."), |reason| format!("{what}: {reason}."));
    AgentError::new(ErrorCode::AgentNetwork, message)
}

fn reason_of(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Some("connection reset"),
        io::ErrorKind::TimedOut => Some("no connection in time"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some("no route to it"),
        _ => None,
    }
}

/// Whether the server refuses just this field of the request.
pub(super) fn refuses_field(status: StatusCode, body: &[u8], field: &str) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY)
        && String::from_utf8_lossy(body).contains(field)
}

fn code_of_status(status: u16) -> ErrorCode {
    match status {
        401 | 403 => ErrorCode::AgentAuth,
        300..=399 | 404 => ErrorCode::AgentUnavailable,
        408 => ErrorCode::Timeout,
        429 => ErrorCode::AgentRateLimited,
        400..=499 => ErrorCode::AgentRefused,
        503 | 529 => ErrorCode::AgentOverloaded,
        _ => ErrorCode::AgentError,
    }
}

fn code_of_object(error: &Value, said: &str) -> ErrorCode {
    if is_overflow(said, error.to_string().as_bytes()) {
        return ErrorCode::ContextOverflow;
    }
    let number = ["code", "status"].iter().filter_map(|field| error[*field].as_u64()).find(|n| (400..600).contains(n));
    if let Some(status) = number.and_then(|number| u16::try_from(number).ok()) {
        return code_of_status(status);
    }
    let kinds = [&error["code"], &error["type"]].map(|kind| kind.as_str().unwrap_or_default().to_ascii_lowercase());
    let is = |words: &[&str]| kinds.iter().any(|kind| words.iter().any(|word| kind.contains(word)));
    if is(&["rate_limit"]) {
        ErrorCode::AgentRateLimited
    } else if is(&["overloaded", "unavailable"]) {
        ErrorCode::AgentOverloaded
    } else if is(&["authentication", "api_key", "permission"]) {
        ErrorCode::AgentAuth
    } else if is(&["not_found"]) {
        ErrorCode::AgentUnavailable
    } else if is(&["invalid_request", "quota"]) {
        ErrorCode::AgentRefused
    } else {
        ErrorCode::AgentError
    }
}

fn is_overflow(said: &str, body: &[u8]) -> bool {
    let text = format!("{said} {}", String::from_utf8_lossy(body)).to_ascii_lowercase();
    OVERFLOW_WORDINGS.iter().any(|wording| text.contains(wording))
}

/// The server's own words in an error's body; none for a web page.
fn words_of(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => words_in(value.get("error").unwrap_or(&value)),
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

fn words_in(error: &Value) -> String {
    let places = [error, &error["message"], &error["detail"], &error["error"]];
    places.iter().find_map(|place| place.as_str()).unwrap_or_default().to_owned()
}

/// The sentence, and the server's words on one line without the key.
fn with_quote(sentence: String, said: &str, key: Option<&str>) -> String {
    let said = match key {
        Some(key) => said.replace(key, "***"),
        None => said.to_owned(),
    };
    let words: Vec<&str> =
        said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let said = words.join(" ");
    if said.is_empty() {
        return sentence;
    }
    let quote: String = said.chars().take(MAX_QUOTE_CHARS).collect();
    let more = if quote.len() < said.len() { "…" } else { "" };
    format!("{sentence} It says: {quote}{more}")
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Timestamp::new(DateTime::parse_from_rfc2822(value).ok()?.to_utc());
    Some(Duration::from_millis(at.millis_since(now).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(number: u16, body: &str) -> AgentError {
        let status = StatusCode::from_u16(number).unwrap();
        from_status(status, &HeaderMap::new(), body.as_bytes(), Some("sk-1"), now())
    }

    fn now() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_status_has_its_code() {
        let cases = [
            (301, ErrorCode::AgentUnavailable),
            (400, ErrorCode::AgentRefused),
            (401, ErrorCode::AgentAuth),
            (403, ErrorCode::AgentAuth),
            (404, ErrorCode::AgentUnavailable),
            (408, ErrorCode::Timeout),
            (422, ErrorCode::AgentRefused),
            (429, ErrorCode::AgentRateLimited),
            (500, ErrorCode::AgentError),
            (502, ErrorCode::AgentError),
            (503, ErrorCode::AgentOverloaded),
            (529, ErrorCode::AgentOverloaded),
        ];
        for (number, code) in cases {
            assert_eq!(status(number, "{}").code, code, "{number}");
        }
    }

    #[test]
    fn an_overflow_is_known_by_its_wording() {
        for body in [
            r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
            r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"…"}}"#,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens."}"#,
        ] {
            assert_eq!(status(400, body).code, ErrorCode::ContextOverflow, "{body}");
        }
        assert_eq!(status(500, "context length").code, ErrorCode::AgentError);
    }

    #[test]
    fn the_servers_words_are_quoted_without_the_key() {
        let quoted = status(400, r#"{"error":{"message":"no\n\u0007 sk-1 here"}}"#);
        assert_eq!(quoted.message, "The agent's server refuses the request (HTTP 400). It says: no *** here");

        let auth = status(401, r#"{"error":{"message":"wrong key sk-1"}}"#);
        assert_eq!(auth.message, "The agent's server does not accept the API key (HTTP 401).");

        let page = status(502, "<html>nginx</html>");
        assert_eq!(page.message, "The agent's server failed (HTTP 502).");

        let long = status(500, &format!("{}sk-1", "x".repeat(298)));
        assert!(long.message.ends_with("xx**…"), "{long}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]), now());

        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sat, 31 Jan 2026 12:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(wait("Sat, 31 Jan 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn error_objects_have_codes_too() {
        let cases = [
            (r#""out of memory""#, ErrorCode::AgentError),
            (r#"{"message":"x","type":"server_error"}"#, ErrorCode::AgentError),
            (r#"{"message":"x","code":503}"#, ErrorCode::AgentOverloaded),
            (r#"{"message":"x","code":"rate_limit_exceeded"}"#, ErrorCode::AgentRateLimited),
            (r#"{"message":"x","type":"overloaded_error"}"#, ErrorCode::AgentOverloaded),
            (r#"{"message":"x","type":"authentication_error"}"#, ErrorCode::AgentAuth),
            (r#"{"message":"x","code":"model_not_found"}"#, ErrorCode::AgentUnavailable),
            (r#"{"message":"x","type":"invalid_request_error"}"#, ErrorCode::AgentRefused),
            (r#"{"message":"context window full"}"#, ErrorCode::ContextOverflow),
        ];
        for (object, code) in cases {
            assert_eq!(from_error_object(&serde_json::from_str(object).unwrap(), None).code, code, "{object}");
        }
    }
}

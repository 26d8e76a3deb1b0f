//! Determines the cause of an error from its status, type, and message.

use banter_shared::chat::ErrorCode;
use serde_json::Value;

use super::patterns::{HARD_QUOTA, LOADING, NOT_LOADABLE, OVER_TIME, OVERFLOW, OVERLOADED, QUOTA, RATE, REQUESTED};

/// An error as reported by a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorReport<'a> {
    /// The HTTP status, taken from the response or from the error object.
    pub status: Option<u16>,
    /// The error object, if there is one.
    pub error: Option<&'a Value>,
    /// The server's error message.
    pub message: &'a str,
    /// The entire text of the response, or of the error in a stream.
    pub raw: &'a str,
}

/// The cause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The account's credit or quota is exhausted, and waiting is not expected to help.
    Quota,
    /// The model is still loading.
    Loading,
    /// Any other cause, represented by its error code.
    Other(ErrorCode),
}

impl Cause {
    pub(super) fn code(self) -> ErrorCode {
        match self {
            Self::Quota => ErrorCode::AgentRefused,
            Self::Loading => ErrorCode::AgentOverloaded,
            Self::Other(code) => code,
        }
    }
}

/// Maximum length, in bytes, of a field's value that is examined for keywords. The message is always examined.
const MAX_KEYWORD_BYTES: usize = 80;

/// Determines the cause of an error. `has_wait` is true if the server stated when to retry.
pub(super) fn find(report: &ErrorReport<'_>, has_wait: bool) -> Cause {
    let other = report.error.map_or_else(|| report.raw.to_owned(), keywords);
    let text = format!("{} {other}", report.message).to_lowercase();
    let text = text.as_str();
    let by_status = report.status.map(code_of_status);
    let by_kind = report.error.and_then(kind_of);
    if report.status == Some(402) || HARD_QUOTA.is_match(text) {
        return Cause::Quota;
    }
    // A status that indicates a wrong key or model takes precedence over the message. The exception is status 403, with
    // which some servers report a rate limit.
    let is_final = matches!(by_status, Some(ErrorCode::AgentAuth | ErrorCode::AgentUnavailable));
    if is_final && !(report.status == Some(403) && RATE.is_match(text)) {
        return Cause::Other(by_status.unwrap_or(ErrorCode::AgentError));
    }
    if is_larger_than_limit(text) {
        return Cause::Other(ErrorCode::ContextOverflow);
    }
    let is_over_time = OVER_TIME.is_match(text) || report.status == Some(429);
    if !is_over_time && (report.status == Some(413) || OVERFLOW.is_match(text)) {
        return Cause::Other(ErrorCode::ContextOverflow);
    }
    if QUOTA.is_match(text) && !has_wait && !OVER_TIME.is_match(text) {
        return Cause::Quota;
    }
    if !is_over_time && LOADING.is_match(text) && !NOT_LOADABLE.is_match(text) {
        return Cause::Loading;
    }
    let is_limited = by_kind == Some(ErrorCode::AgentRateLimited) || RATE.is_match(text);
    if is_limited && !matches!(report.status, Some(400 | 422)) {
        return Cause::Other(ErrorCode::AgentRateLimited);
    }
    let by_words = OVERLOADED.is_match(text).then_some(ErrorCode::AgentOverloaded);
    // The message refines an unspecific status. Apart from rate limits, the error type is used only if there is no
    // status.
    let code = match by_status {
        Some(ErrorCode::AgentError) => by_words.or(by_status),
        Some(_) => by_status,
        None => by_kind.or(by_words),
    };
    Cause::Other(code.unwrap_or(ErrorCode::AgentError))
}

/// Returns the HTTP status from an error object.
pub(super) fn status_in(object: &Value) -> Option<u16> {
    let places = [object, &object["error"]];
    let fields = ["code", "status", "status_code", "statusCode", "http_code", "error_code"];
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let numbers = places.iter().flat_map(|place| fields.iter().filter_map(move |field| number(&place[*field])));
    numbers.into_iter().find(|number| (400..600).contains(number)).and_then(|number| u16::try_from(number).ok())
}

fn code_of_status(status: u16) -> ErrorCode {
    match status {
        401 | 403 => ErrorCode::AgentAuth,
        300..=399 | 404 => ErrorCode::AgentUnavailable,
        408 | 504 => ErrorCode::Timeout,
        413 => ErrorCode::ContextOverflow,
        429 => ErrorCode::AgentRateLimited,
        400..=499 => ErrorCode::AgentRefused,
        503 | 529 => ErrorCode::AgentOverloaded,
        _ => ErrorCode::AgentError,
    }
}

/// Returns the error code for an error object's `type`, `code`, or `status`, if one of them has a recognized value.
fn kind_of(error: &Value) -> Option<ErrorCode> {
    let error = error.get("error").filter(|inner| inner.is_object()).unwrap_or(error);
    let kinds = ["code", "type", "status"].map(|field| error[field].as_str().unwrap_or_default().to_ascii_lowercase());
    let is = |words: &[&str]| kinds.iter().any(|kind| words.iter().any(|word| kind.contains(word)));
    if is(&["rate_limit", "too_many_requests", "resource_exhausted"]) {
        Some(ErrorCode::AgentRateLimited)
    } else if is(&["overloaded", "unavailable"]) {
        Some(ErrorCode::AgentOverloaded)
    } else if is(&["authentication", "api_key", "permission"]) {
        Some(ErrorCode::AgentAuth)
    } else if is(&["not_found"]) {
        Some(ErrorCode::AgentUnavailable)
    } else if is(&["invalid_request", "invalid_argument"]) {
        Some(ErrorCode::AgentRefused)
    } else {
        None
    }
}

/// Returns the names of an error object's fields and any short strings in them. Long strings are omitted because they
/// may quote the conversation.
fn keywords(error: &Value) -> String {
    let objects = [error, &error[0], &error["error"], &error[0]["error"]].into_iter().filter_map(Value::as_object);
    let mut words = String::new();
    for (name, value) in objects.flatten() {
        let value = value.as_str().filter(|value| value.len() <= MAX_KEYWORD_BYTES).unwrap_or_default();
        words.extend([name.as_str(), ":\"", value, "\" "]);
    }
    words
}

/// Returns whether the message says that this request alone exceeds a limit.
fn is_larger_than_limit(text: &str) -> bool {
    let number = |index| REQUESTED.captures(text)?.get(index)?.as_str().parse::<u64>().ok();
    number(1).zip(number(2)).is_some_and(|(limit, requested)| requested > limit)
}

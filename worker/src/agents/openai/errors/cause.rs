//! Determines the cause of an error from its status, its type, and the messages of many servers.

use std::sync::LazyLock;

use banter_shared::chat::ErrorCode;
use regex::{Regex, RegexSet};
use serde_json::Value;

use crate::agents::wording::{pattern, patterns};

/// An error as reported by the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    /// The HTTP status, of the response or in the error object.
    pub status: Option<u16>,
    /// The error object, if there is one.
    pub error: Option<&'a Value>,
    /// The server's error message.
    pub said: &'a str,
    /// The whole body.
    pub raw: &'a str,
}

/// The cause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The account has no credit left, or has exhausted a quota with no stated renewal.
    Quota,
    /// The model is being loaded.
    Loading,
    /// Any other cause, by its code.
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

/// Maximum length of a text in an error object that is searched in addition to its message, in bytes.
const MAX_KEYWORD_BYTES: usize = 80;

/// The conversation exceeds the model's context. A pattern often matches several servers; `tests.rs` lists their
/// messages.
static OVERFLOW: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"context[ _-]*(?:length|size|window|limit|overflow)",
        r"overflows? the context|context the overflows|exceeds?[^.]{0,30}\bcontext\b",
        r"max(?:imum)?[ _](?:context|model[ _]len|prompt[ _]len|input[ _]len|sequence[ _]len|(?:number of )?input[ _]tokens)",
        r"\b(?:prompt|input|conversation|messages?)\b[^.]{0,60}\btoo (?:long|large|big)\b",
        r"\btoo many (?:input |prompt )?tokens\b",
        r"\b(?:prompt|input|request|conversation)\b[^.]{0,100}\b(?:exceed|is longer than)[^.]{0,60}(?:\btokens?\b|\blength\b|\blimit)",
        r"\btokens?\b[^.]{0,60}\bexceeds?\b[^.]{0,60}\b(?:limit|max|supported|length)",
        r"\bexceed\w*[^.]{0,40}\b(?:token limit|maximum number of (?:input )?tokens|max(?:imum)? (?:prompt |input )?length)",
        r"reduce (?:the length of|the size of|your) (?:the )?(?:messages?|prompt|input|conversation)",
        r"\btokens\b[^.]{0,30}\+ `?max_new_tokens|must have (?:less|fewer) than \d+ tokens|range of input length",
        r"request_too_large|request too large|(?:payload|entity|content) too large|string_above_max_length",
        r"only supports? up to \d+ (?:input )?tokens|tokens to keep from the initial prompt",
    ])
});
/// Limits on requests or tokens over time.
static RATE: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"rate[ _-]?limit|too[ _]many[ _]requests|throttl",
        r"(?:usage|request|session|weekly|daily|hourly|monthly|\bhit your|hour)[ _-]limit|limit[ _](?:is |has been |was )?(?:reached|hit)",
        r"resource_exhausted|resource has been exhausted|quota",
        r"\bper (?:min|minute|hour|day|second)\b|\b(?:tpm|rpm|tpd|rpd)\b",
        r"(?:slow|calm) down",
    ])
});
/// Limits over time, which a single request rarely exceeds.
static OVER_TIME: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[r"\bper[ _-]?(?:min|minute|hour|day|second)|\b(?:tpm|tpd|rpm|rpd)\b|rate[ _-]?limit|please wait before"])
});
/// Credit and quotas that waiting does not renew, unless a time is stated.
static QUOTA: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"billing|payment[ _]required|exceeded[^.]{0,30}\bquota|quota (?:is |has been |was )?(?:exceeded|used up|exhausted)",
        r"(?:insufficient|not enough|no|out of|low|run out of|exhausted)[^.]{0,20}\b(?:credits?|balance|funds)\b",
        r"credit balance is too low|balance[^.]{0,20}(?:insufficient|too low)",
    ])
});
/// Codes of quotas that waiting does not renew.
static HARD_QUOTA: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[r"insufficient_quota|insufficient_(?:balance|credits?|funds)|billing_hard_limit|billing_not_active"])
});
/// The model is being loaded.
static LOADING: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"\bmodels?\b(?:[^.]|\.\S){0,120}\b(?:loading|starting up|warming|being loaded|initiali[sz]ing|not (?:yet )?ready|not yet loaded)\b",
        r"\bloading\b[^.]{0,40}\bmodels?\b",
        r"\bmodel[ _]is[ _]loading|model_loading|estimated_time",
        r"server is (?:still )?(?:loading|starting up|warming up)|warming up|cold start",
    ])
});
/// The model cannot be loaded.
static NOT_LOADABLE: LazyLock<RegexSet> =
    LazyLock::new(|| patterns(&[r#"\b(?:error|fail\w*|unable|cannot|could ?n[o']t)\b[^.":]{0,20}\bload"#]));
/// The server has reached its capacity.
static OVERLOADED: LazyLock<RegexSet> = LazyLock::new(|| {
    patterns(&[
        r"overloaded|at (?:full )?capacity|over capacity|capacity exceeded|service unavailable|server (?:is )?busy|no slots? available|queue is full",
    ])
});
/// "Limit 10000, Requested 12345", as OpenAI and Groq write it.
static REQUESTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\blimit:?\s+(\d+)\b[^.]*?\brequested:?\s+(\d+)"));

/// Returns the cause of an error. `has_wait` states whether the server says when to retry.
pub(super) fn find(report: &Report<'_>, has_wait: bool) -> Cause {
    let other = report.error.map_or_else(|| report.raw.to_owned(), keywords);
    let text = format!("{} {other}", report.said).to_lowercase();
    let text = text.as_str();
    let by_status = report.status.map(code_of_status);
    let by_kind = report.error.and_then(kind_of);
    if report.status == Some(402) || HARD_QUOTA.is_match(text) {
        return Cause::Quota;
    }
    // A wrong key or model takes precedence, whatever the message mentions.
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
    // The status of a response takes precedence over the type in its body; in an error object, it is the other way
    // around.
    let code = match by_status {
        Some(ErrorCode::AgentError) => by_words.or(by_status),
        Some(_) => by_status,
        None => by_kind.or(by_words),
    };
    Cause::Other(code.unwrap_or(ErrorCode::AgentError))
}

/// Returns the HTTP status that an error object states.
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

/// Returns the code for an error object's `type` and `code`, if they are known.
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

/// Returns the names of an error object's fields and the short texts in them. Longer texts may quote the conversation.
fn keywords(error: &Value) -> String {
    let objects = [error, &error[0], &error["error"], &error[0]["error"]].into_iter().filter_map(Value::as_object);
    let mut words = String::new();
    for (name, value) in objects.flatten() {
        let value = value.as_str().filter(|value| value.len() <= MAX_KEYWORD_BYTES).unwrap_or_default();
        words.extend([name.as_str(), ":\"", value, "\" "]);
    }
    words
}

/// Returns whether a single request exceeds a limit over time.
fn is_larger_than_limit(text: &str) -> bool {
    let number = |index| REQUESTED.captures(text)?.get(index)?.as_str().parse::<u64>().ok();
    number(1).zip(number(2)).is_some_and(|(limit, requested)| requested > limit)
}

//! Converts errors from servers and from the network into errors for the user.
//!
//! Users see these messages, so they omit the server's URL and mask keys in quoted text.

mod access;
mod cause;
mod masks;
mod message;
mod page;
mod patterns;
#[cfg(test)]
mod tests;
mod transport;
mod wait;

use std::time::Duration;

use banter_shared::{chat::ErrorCode, clock::Timestamp};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use self::{
    access::Access,
    cause::{Cause, ErrorReport},
    wait::Wait,
};
pub(super) use self::{message::one_line, transport::from_transport};
use crate::agents::AgentError;

/// The context in which errors are created.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// The API key, which must not appear in any error message.
    pub key: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
}

/// A failure to receive a complete answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// The error for the user.
    pub error: AgentError,
    /// The text of the error that the server reported, for [`super::dialect`], or `None` if it reported none.
    pub response: Option<String>,
    /// Whether the server is still loading the model.
    pub is_loading: bool,
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self { error, response: None, is_loading: false }
    }
}

/// Returns the failure for a response with an unsuccessful status.
pub(super) fn from_status(status: StatusCode, headers: &HeaderMap, body: &[u8], context: Context<'_>) -> Failure {
    let text = message::text_of(body);
    let parsed = message::parse(&text);
    let message = parsed.as_ref().map_or_else(|| message::in_page(&text), message::in_error);
    let report = ErrorReport { status: Some(status.as_u16()), error: parsed.as_ref(), message: &message, raw: &text };
    failure(report, Wait::from_response(headers, &text, context.now), context)
}

/// Returns the failure for an error object in a response with a successful status.
pub(super) fn from_object(object: &Value, context: Context<'_>) -> Failure {
    let raw = message::clean(&object.to_string());
    let message = message::in_error(object);
    let report = ErrorReport { status: cause::status_in(object), error: Some(object), message: &message, raw: &raw };
    failure(report, Wait::from_words(&raw, context.now), context)
}

/// Returns the failure for text that reports an error in a response with a successful status.
pub(super) fn from_words(text: &str, context: Context<'_>) -> Failure {
    let text = message::clean(text);
    match message::parse(&text) {
        Some(object) if !object.is_string() => from_object(&object, context),
        _ => {
            let message = message::in_page(&text);
            let report = ErrorReport { status: None, error: None, message: &message, raw: &text };
            failure(report, Wait::from_words(&text, context.now), context)
        }
    }
}

/// Returns the failure for an answer that ended with this text instead of a finish reason.
pub(super) fn from_last_words(text: &str, context: Context<'_>) -> Failure {
    explained("The agent's server ended the answer early.", text, context)
}

/// Returns the failure for an answer that the server aborted. The reason may be empty.
pub(super) fn from_abort(reason: &str, context: Context<'_>) -> Failure {
    explained("The agent's server aborted the answer.", reason, context)
}

/// Returns the failure that the text reports. If no specific cause is recognized, the error message starts with
/// `sentence`.
fn explained(sentence: &str, text: &str, context: Context<'_>) -> Failure {
    let mut failure = from_words(text, context);
    if failure.error.code == ErrorCode::AgentError {
        failure.error = with_words(AgentError::new(ErrorCode::AgentError, sentence), text, context);
    }
    failure
}

/// Adds the server's message to an error. The message may be sent as plain text, JSON, or a web page.
pub(super) fn with_words(mut error: AgentError, text: &str, context: Context<'_>) -> AgentError {
    let text = message::clean(text);
    let said = message::parse(&text).map_or_else(|| message::in_page(&text), |object| message::in_error(&object));
    error.message = message::with_quote(error.message, &said, context.key);
    error
}

fn failure(report: ErrorReport<'_>, wait: Wait, context: Context<'_>) -> Failure {
    let cause = cause::find(&report, wait.declared.is_some());
    let code = cause.code();
    let wait = if code == ErrorCode::AgentRateLimited {
        wait.declared.or(wait.reset)
    } else if code.is_retryable() {
        wait.declared
    } else {
        None
    };
    let access = Access::of(&report, context.key.is_some());
    let sentence = sentence(cause, report.status, access, wait.map(|wait| (wait, context.now)));
    // The body of a redirect contains no useful information.
    let is_redirect = report.status.is_some_and(|status| (300..400).contains(&status));
    let message = if is_redirect { sentence } else { message::with_quote(sentence, report.message, context.key) };
    Failure {
        error: AgentError::new(code, message).with_retry_after(wait),
        response: Some(report.raw.to_owned()),
        is_loading: cause == Cause::Loading,
    }
}

fn sentence(cause: Cause, status: Option<u16>, access: Access, wait: Option<(Duration, Timestamp)>) -> String {
    let server = "The agent's server";
    let is_redirect = status.is_some_and(|status| (300..400).contains(&status));
    let what = match cause {
        Cause::Quota => format!("{server} reports that the account's quota or credit is exhausted"),
        Cause::Loading => format!("{server} is still loading the model"),
        Cause::Other(ErrorCode::ContextOverflow) if status == Some(413) => {
            "The conversation is too large for the agent's server".to_owned()
        }
        Cause::Other(ErrorCode::ContextOverflow) => "The conversation is too long for the model".to_owned(),
        Cause::Other(ErrorCode::AgentAuth) => match access {
            Access::WrongKey => format!("{server} rejected the API key"),
            Access::NoKey => format!("{server} denied access, and no API key is configured"),
            Access::OtherReason => format!("{server} denied access"),
        },
        Cause::Other(ErrorCode::AgentUnavailable) if is_redirect => {
            format!("{server} redirected the request to another URL")
        }
        Cause::Other(ErrorCode::AgentUnavailable) => {
            format!("{server} did not recognize the model or the path")
        }
        Cause::Other(ErrorCode::AgentRateLimited) => match wait {
            Some((wait, now)) => format!("{server} is rate-limiting requests until {}", wait::until(wait, now)),
            None => format!("{server} is rate-limiting requests"),
        },
        Cause::Other(ErrorCode::AgentOverloaded) => format!("{server} is overloaded"),
        Cause::Other(ErrorCode::AgentRefused) => format!("{server} rejected the request"),
        Cause::Other(ErrorCode::Timeout) => format!("{server} timed out"),
        Cause::Other(
            ErrorCode::AgentError
            | ErrorCode::AgentNetwork
            | ErrorCode::AgentCrashed
            | ErrorCode::AgentProtocol
            | ErrorCode::WorkerLost
            | ErrorCode::SessionArchived,
        ) => match status {
            Some(_) => format!("{server} returned an error"),
            None => format!("{server} reported an error"),
        },
    };
    let advice = match cause {
        Cause::Other(ErrorCode::AgentUnavailable) if is_redirect => " Set `base_url` to that URL.",
        Cause::Other(ErrorCode::AgentUnavailable) => " Check `model` and `base_url`.",
        Cause::Quota | Cause::Loading | Cause::Other(_) => "",
    };
    match status {
        Some(status) if cause != Cause::Other(ErrorCode::ContextOverflow) || status == 413 => {
            format!("{what} (HTTP {status}).{advice}")
        }
        Some(_) | None => format!("{what}.{advice}"),
    }
}

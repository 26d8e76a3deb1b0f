//! Converts errors of a server or the network into errors for the user.
//!
//! Messages contain no addresses or secrets, because users read them, not only the operator. Every failure quotes the
//! server's message, except where servers repeat parts of a rejected key.

mod cause;
mod message;
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
    cause::{Cause, ErrorReport},
    wait::Wait,
};
pub(super) use self::{message::one_line, transport::from_transport};
use crate::agents::AgentError;

/// The context in which errors are created.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// The API key, which must not appear in any message.
    pub key: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
}

/// The reason why a request has no answer, or only the start of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// The error for the user.
    pub error: AgentError,
    /// The server's whole response, for [`super::dialect`]; `None` if there was none.
    pub response: Option<String>,
    /// Whether the server is still loading the model.
    pub is_loading: bool,
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self { error, response: None, is_loading: false }
    }
}

/// Returns the failure of a response whose status is not a success.
pub(super) fn from_status(status: StatusCode, headers: &HeaderMap, body: &[u8], context: Context<'_>) -> Failure {
    let text = message::text_of(body);
    let parsed = message::parse(&text);
    let message = parsed.as_ref().map_or_else(|| message::in_page(&text), message::in_error);
    let report = ErrorReport { status: Some(status.as_u16()), error: parsed.as_ref(), message: &message, raw: &text };
    failure(report, Wait::from_response(headers, &text, context.now), context)
}

/// Returns the failure that an error object in place of a part of the answer reports.
pub(super) fn from_object(object: &Value, context: Context<'_>) -> Failure {
    let raw = message::clean(&object.to_string());
    let message = message::in_error(object);
    let report = ErrorReport { status: cause::status_in(object), error: Some(object), message: &message, raw: &raw };
    failure(report, Wait::from_words(&raw, context.now), context)
}

/// Returns the failure that a text in place of a part of the answer reports.
pub(super) fn from_words(text: &str, context: Context<'_>) -> Failure {
    let text = message::clean(text);
    match message::parse(&text) {
        Some(object) if !object.is_string() => from_object(&object, context),
        _ => {
            let report = ErrorReport { status: None, error: None, message: &text, raw: &text };
            failure(report, Wait::from_words(&text, context.now), context)
        }
    }
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
    let sentence = sentence(cause, report.status, context.key.is_some(), wait.map(|wait| (wait, context.now)));
    // Servers repeat parts of a rejected key, and the body of a redirect is not informative.
    let is_redirect = report.status.is_some_and(|status| (300..400).contains(&status));
    let is_quoted = code != ErrorCode::AgentAuth && !is_redirect;
    let message = if is_quoted { message::with_quote(sentence, report.message, context.key) } else { sentence };
    Failure {
        error: AgentError::new(code, message).with_retry_after(wait),
        response: Some(report.raw.to_owned()),
        is_loading: cause == Cause::Loading,
    }
}

fn sentence(cause: Cause, status: Option<u16>, has_key: bool, wait: Option<(Duration, Timestamp)>) -> String {
    let server = "The agent's server";
    let is_redirect = status.is_some_and(|status| (300..400).contains(&status));
    let what = match cause {
        Cause::Quota => format!("{server} reports that the account's quota or credit is exhausted"),
        Cause::Loading => format!("{server} is still loading the model"),
        Cause::Other(ErrorCode::ContextOverflow) => "The conversation is too long for the model".to_owned(),
        Cause::Other(ErrorCode::AgentAuth) if has_key => format!("{server} rejected the API key"),
        Cause::Other(ErrorCode::AgentAuth) => format!("{server} requires an API key, but none is configured"),
        Cause::Other(ErrorCode::AgentUnavailable) if is_redirect => {
            format!("{server} redirects to another address; set `base_url` to the final one")
        }
        Cause::Other(ErrorCode::AgentUnavailable) => {
            format!("{server} does not know the model or the path; check `model` and `base_url`")
        }
        Cause::Other(ErrorCode::AgentRateLimited) => match wait {
            Some((wait, now)) => format!("{server} is limiting requests until {}", wait::until(wait, now)),
            None => format!("{server} is limiting requests"),
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
            Some(_) => format!("{server} failed"),
            None => format!("{server} reported an error"),
        },
    };
    match status {
        Some(status) if cause != Cause::Other(ErrorCode::ContextOverflow) => format!("{what} (HTTP {status})."),
        Some(_) | None => format!("{what}."),
    }
}

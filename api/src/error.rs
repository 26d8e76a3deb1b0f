//! Errors as clients see them: RFC 9457 `application/problem+json`.
//!
//! The only place where errors are mapped to status codes. An [`ApiError`] becomes an empty response with the error as
//! an extension; [`crate::middleware::request_id`] writes the body, because only that layer knows the request's id. The
//! cause of a 5xx is logged and never appears in a body.

use std::{borrow::Cow, error::Error, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use banter_shared::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:ident;)*) => {
        /// A machine-readable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = ProblemCode)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// Returns the status of the code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    /// A value, field, parameter, or header is missing, malformed, or out of range.
    InvalidRequest = BAD_REQUEST;
    /// The key is missing or invalid.
    Unauthorized = UNAUTHORIZED;
    /// The role of the key does not permit the operation.
    Forbidden = FORBIDDEN;
    /// Without keys, only requests to a loopback host are accepted.
    HostNotAllowed = FORBIDDEN;
    /// Without keys, requests that came through a proxy are rejected.
    ProxyNotAllowed = FORBIDDEN;
    /// Without keys, only requests from the dashboard's own page are accepted.
    CrossSiteRequest = FORBIDDEN;
    /// The object does not exist or belongs to another user.
    NotFound = NOT_FOUND;
    /// The path does not support the method.
    MethodNotAllowed = METHOD_NOT_ALLOWED;
    /// The session is archived.
    SessionArchived = CONFLICT;
    /// A task is running or queued, and `on_busy` is `reject`.
    AgentBusy = CONFLICT;
    /// The message's task has already been started.
    TaskNotQueued = CONFLICT;
    /// The task has ended.
    TaskEnded = CONFLICT;
    /// The task has not ended.
    TaskNotEnded = CONFLICT;
    /// The task has succeeded.
    TaskSucceeded = CONFLICT;
    /// The permission request has already been answered.
    PermissionAnswered = CONFLICT;
    /// The time limit of the permission request, or its attempt, is over.
    PermissionExpired = CONFLICT;
    /// The permission request has no option with this id.
    UnknownOption = UNPROCESSABLE_ENTITY;
    /// The answer must be an `option_id`, because none or several of the options allow the operation.
    OptionRequired = UNPROCESSABLE_ENTITY;
    /// The object created with the idempotency key has been deleted.
    MessageGone = CONFLICT;
    /// The body did not arrive in time.
    RequestTimeout = REQUEST_TIMEOUT;
    /// The body is too large.
    PayloadTooLarge = PAYLOAD_TOO_LARGE;
    /// The body is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE;
    /// The agent is unknown.
    UnknownAgent = UNPROCESSABLE_ENTITY;
    /// The agent is not available.
    AgentUnavailable = UNPROCESSABLE_ENTITY;
    /// The idempotency key was used for a different request.
    IdempotencyMismatch = UNPROCESSABLE_ENTITY;
    /// Too many messages are queued in the session.
    QueueFull = TOO_MANY_REQUESTS;
    /// The server hit an internal error.
    InternalError = INTERNAL_SERVER_ERROR;
    /// The database was locked for longer than the timeout; nothing was stored.
    StoreBusy = SERVICE_UNAVAILABLE;
    /// The database cannot be written; nothing was stored.
    StoreUnavailable = SERVICE_UNAVAILABLE;
    /// Too many connections are open, or too many long responses are being sent.
    Overloaded = SERVICE_UNAVAILABLE;
    /// A component is not ready.
    NotReady = SERVICE_UNAVAILABLE;
}

/// A problem with one body field, query parameter, or header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The name of the field, parameter, or header.
    pub field: String,
    /// A readable explanation that completes "`field` …".
    pub message: String,
}

/// The body of every error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`; `code` identifies the error.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The reason phrase of the status.
    pub title: &'static str,
    /// The HTTP status code.
    pub status: u16,
    /// A readable explanation of the error.
    pub detail: String,
    /// The machine-readable error code.
    pub code: Code,
    /// The id of the request, as in `X-Request-Id` and in the server's log.
    pub request_id: String,
    /// The invalid fields, parameters, and headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// An error response.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// Creates an error. `detail` is a sentence for the user that reveals no internals.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), source: None }
    }

    /// Creates the error for an object that does not exist or belongs to another user, without revealing which.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "Not found.")
    }

    /// Creates the error for one invalid field, parameter, or header.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let detail = format!("`{}` {}.", error.field, error.message);
        Self { errors: vec![error], ..Self::new(Code::InvalidRequest, detail) }
    }

    /// Creates an internal error. `source` is logged and never sent to the client.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError, "The server hit an internal error.").caused_by(source)
    }

    /// Adds the invalid fields, parameters, and headers.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds the cause, which is only logged.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the error code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Returns the chain of causes for the log, separated by `: `.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let mut next: Option<&dyn Error> = self.source.as_deref().map(|source| source as &dyn Error);
        let mut chain = Vec::new();
        while let Some(error) = next {
            chain.push(error.to_string());
            next = error.source();
        }
        (!chain.is_empty()).then(|| chain.join(": "))
    }

    /// Returns the response body for a request.
    #[must_use]
    pub fn problem(&self, request_id: String) -> Problem {
        let status = self.code.status();
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail.clone().into_owned(),
            code: self.code,
            request_id,
            errors: self.errors.clone(),
        }
    }

    /// Returns the header that accompanies the code.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.code {
            Code::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            // The rest of the body cannot be distinguished from the next request.
            Code::RequestTimeout => Some((header::CONNECTION, HeaderValue::from_static("close"))),
            Code::StoreBusy | Code::NotReady | Code::Overloaded => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Code::QueueFull | Code::StoreUnavailable => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Returns a sentence that lists the options of a permission request.
fn offered_options(offered: &[String]) -> String {
    if offered.is_empty() {
        return "The agent offers no options, so the request can only be rejected.".to_owned();
    }
    let ids: Vec<String> = offered.iter().map(|id| format!("`{id}`")).collect();
    format!("The agent offers {}.", ids.join(", "))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, detail) = match &error {
            StoreError::NotFound => return Self::not_found(),
            StoreError::SessionArchived => {
                (Code::SessionArchived, "The session is archived. Restore it before sending messages.")
            }
            StoreError::AgentBusy => {
                (Code::AgentBusy, "The agent is busy. Wait until it has finished, or set `on_busy` to `queue`.")
            }
            StoreError::QueueFull => {
                (Code::QueueFull, "The session's queue is full. Wait until the agent has answered some messages.")
            }
            StoreError::TaskNotQueued => (Code::TaskNotQueued, "The agent has already started on this message."),
            StoreError::TaskEnded => (Code::TaskEnded, "The task has already ended."),
            StoreError::TaskNotEnded => {
                (Code::TaskNotEnded, "The task has not ended. Wait until it ends, or cancel it first.")
            }
            StoreError::PermissionOptionUnknown { offered } => {
                let message = format!("is not an option of this request. {}", offered_options(offered));
                return Self::new(Code::UnknownOption, format!("`option_id` {message}"))
                    .with_errors(vec![FieldError { field: "option_id".into(), message }]);
            }
            StoreError::PermissionOptionRequired { offered } => {
                let problem = "does not identify a single option. Send an `option_id` instead.";
                let message = format!("{problem} {}", offered_options(offered));
                return Self::new(Code::OptionRequired, format!("`decision` {message}"))
                    .with_errors(vec![FieldError { field: "decision".into(), message }]);
            }
            StoreError::TaskSucceeded => (Code::TaskSucceeded, "The task succeeded, so it cannot be retried."),
            StoreError::PermissionAnswered => {
                (Code::PermissionAnswered, "The permission request has already been answered.")
            }
            StoreError::PermissionExpired => (Code::PermissionExpired, "The permission request has expired."),
            StoreError::IdempotencyMismatch => (
                Code::IdempotencyMismatch,
                "The idempotency key was already used for a different request. Use a new key.",
            ),
            StoreError::MessageGone => {
                (Code::MessageGone, "The object created with this idempotency key has been deleted. Use a new key.")
            }
            StoreError::Busy => {
                let detail = "The database is locked. Nothing was stored. Send the same request again.";
                return Self::new(Code::StoreBusy, detail).caused_by(error);
            }
            StoreError::Unwritable(_) | StoreError::DiskFull => {
                let detail = "The database is unavailable. Nothing was stored. Send the same request again later.";
                return Self::new(Code::StoreUnavailable, detail).caused_by(error);
            }
            StoreError::LeaseLost | StoreError::Database(_) | StoreError::Corrupt(_) | StoreError::Queue(_) => {
                return Self::internal(error);
            }
        };
        Self::new(code, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_the_extensions() {
        let error = ApiError::invalid("limit", "must be a whole number from 1 to 100");

        let problem = serde_json::to_value(error.problem("r-1".into())).unwrap();

        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "`limit` must be a whole number from 1 to 100.",
            "code": "invalid_request",
            "request_id": "r-1",
            "errors": [{"field": "limit", "message": "must be a whole number from 1 to 100"}],
        });
        assert_eq!(problem, expected);
    }

    #[test]
    fn the_body_of_an_internal_error_does_not_contain_its_cause() {
        let error = ApiError::from(StoreError::Corrupt("chat_session.status".into()));

        let body = serde_json::to_string(&error.problem("r".into())).unwrap();

        assert_eq!(error.code(), Code::InternalError);
        assert!(!body.contains("chat_session"), "{body}");
        assert!(error.cause().unwrap().contains("chat_session.status"));
    }

    #[test]
    fn sends_retry_after_when_overloaded_and_www_authenticate_when_unauthorized() {
        for (error, name) in [
            (ApiError::from(StoreError::Busy), header::RETRY_AFTER),
            (ApiError::from(StoreError::QueueFull), header::RETRY_AFTER),
            (ApiError::new(Code::NotReady, "x"), header::RETRY_AFTER),
            (ApiError::new(Code::Unauthorized, "x"), header::WWW_AUTHENTICATE),
        ] {
            assert!(error.into_response().headers().contains_key(name));
        }
    }
}

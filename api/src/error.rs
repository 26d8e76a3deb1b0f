//! Errors as clients see them: RFC 9457 `application/problem+json`.
//!
//! The one place where what went wrong gets a status code. An [`ApiError`] becomes an empty response that carries it;
//! [`crate::middleware::request_id`] writes the body, because only there the request's id is known. What is behind a
//! 5xx goes to the log and never into a body.

use std::{borrow::Cow, error::Error, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use banter_shared::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every error's body.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:ident;)*) => {
        /// What went wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = ProblemCode)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// Its status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    /// A value, a field, a parameter or a header is missing, malformed or out of its range.
    InvalidRequest = BAD_REQUEST;
    /// No key, or one that does not work.
    Unauthorized = UNAUTHORIZED;
    /// The key's role does not allow it.
    Forbidden = FORBIDDEN;
    /// Without keys, only requests to this machine's own names are served.
    HostNotAllowed = FORBIDDEN;
    /// Without keys, requests that came through a proxy are rejected.
    ProxyNotAllowed = FORBIDDEN;
    /// Without keys, only requests from the dashboard's own page are served.
    CrossSiteRequest = FORBIDDEN;
    /// There is no such thing, or it is somebody else's.
    NotFound = NOT_FOUND;
    /// The path is there, the method is not.
    MethodNotAllowed = METHOD_NOT_ALLOWED;
    /// The session is put away.
    SessionArchived = CONFLICT;
    /// A task runs or waits, and the sender wanted none to.
    AgentBusy = CONFLICT;
    /// The message's task was started already.
    TaskNotQueued = CONFLICT;
    /// The task has its outcome.
    TaskEnded = CONFLICT;
    /// The task has no outcome yet.
    TaskNotEnded = CONFLICT;
    /// The task has an answer.
    TaskSucceeded = CONFLICT;
    /// The permission request has its answer.
    PermissionAnswered = CONFLICT;
    /// The permission request waits no more: its time is over, or the attempt that asked.
    PermissionExpired = CONFLICT;
    /// The permission request has no option with this id.
    UnknownOption = UNPROCESSABLE_ENTITY;
    /// The permission request must be answered with an `option_id`: none of its options, or more than one, allows it.
    OptionRequired = UNPROCESSABLE_ENTITY;
    /// What the idempotency key stands for was deleted since.
    MessageGone = CONFLICT;
    /// The body did not arrive in time.
    RequestTimeout = REQUEST_TIMEOUT;
    /// The body is over the limit.
    PayloadTooLarge = PAYLOAD_TOO_LARGE;
    /// The body is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE;
    /// No agent has this key.
    UnknownAgent = UNPROCESSABLE_ENTITY;
    /// The agent cannot answer at the moment.
    AgentUnavailable = UNPROCESSABLE_ENTITY;
    /// The idempotency key was used with another body.
    IdempotencyMismatch = UNPROCESSABLE_ENTITY;
    /// Too many messages wait in the session.
    QueueFull = TOO_MANY_REQUESTS;
    /// A fault on our side.
    InternalError = INTERNAL_SERVER_ERROR;
    /// The store stayed locked past its time-out; nothing was stored.
    StoreBusy = SERVICE_UNAVAILABLE;
    /// The store cannot be written; nothing was stored.
    StoreUnavailable = SERVICE_UNAVAILABLE;
    /// Too many connections are open, or too many long responses are being sent.
    Overloaded = SERVICE_UNAVAILABLE;
    /// A part that is needed does not work.
    NotReady = SERVICE_UNAVAILABLE;
}

/// What is wrong with one field of the body, one query parameter or one header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

/// The body of every error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status.
    pub status: u16,
    /// What went wrong, for people.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: Code,
    /// The request, as in `X-Request-Id` and in the log.
    pub request_id: String,
    /// Which fields, parameters or headers are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// Why a request is refused.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error of this kind. `detail` is a sentence for people and shows nothing of the inside.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), source: None }
    }

    /// There is no such thing, or it is somebody else's: a client cannot tell.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "Not found.")
    }

    /// One field, parameter or header is wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let detail = format!("`{}` {}.", error.field, error.message);
        Self { errors: vec![error], ..Self::new(Code::InvalidRequest, detail) }
    }

    /// A fault on our side; the cause goes to the log.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError, "The server hit an internal error.").caused_by(source)
    }

    /// Adds what is wrong in detail.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Its kind.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Its cause with all that is behind it, for the log.
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

    /// The body, for this request.
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

    /// The headers that belong to it.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.code {
            Code::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            // What is left of the request cannot be told from the next one.
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
        return "The agent offered no options; the request can only be rejected.".to_owned();
    }
    let ids: Vec<String> = offered.iter().map(|id| format!("`{id}`")).collect();
    format!("The agent offered {}.", ids.join(", "))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, detail) = match &error {
            StoreError::NotFound => return Self::not_found(),
            StoreError::SessionArchived => (Code::SessionArchived, "The session is archived. Restore it first."),
            StoreError::AgentBusy => (
                Code::AgentBusy,
                "The agent is busy in this session. Wait for it, or send with `on_busy` set to `queue`.",
            ),
            StoreError::QueueFull => {
                (Code::QueueFull, "Too many messages are queued in this session. Wait until some have been answered.")
            }
            StoreError::TaskNotQueued => (Code::TaskNotQueued, "The agent has already started on this message."),
            StoreError::TaskEnded => (Code::TaskEnded, "The task has already ended."),
            StoreError::TaskNotEnded => {
                (Code::TaskNotEnded, "The task has not ended. Wait for it, or cancel it first.")
            }
            StoreError::PermissionOptionUnknown { offered } => {
                let message = format!("is not an option of this request. {}", offered_options(offered));
                return Self::new(Code::UnknownOption, format!("`option_id` {message}"))
                    .with_errors(vec![FieldError { field: "option_id".into(), message }]);
            }
            StoreError::PermissionOptionRequired { offered } => {
                let problem = "does not say which option to select. Send its `option_id` instead.";
                let message = format!("{problem} {}", offered_options(offered));
                return Self::new(Code::OptionRequired, format!("`decision` {message}"))
                    .with_errors(vec![FieldError { field: "decision".into(), message }]);
            }
            StoreError::TaskSucceeded => (Code::TaskSucceeded, "The task succeeded, so it cannot be retried."),
            StoreError::PermissionAnswered => {
                (Code::PermissionAnswered, "The permission request has already been answered.")
            }
            StoreError::PermissionExpired => (Code::PermissionExpired, "The permission request has expired."),
            StoreError::IdempotencyMismatch => {
                (Code::IdempotencyMismatch, "This idempotency key was used with a different request. Use a new key.")
            }
            StoreError::MessageGone => {
                (Code::MessageGone, "What was created with this idempotency key has since been deleted. Use a new key.")
            }
            StoreError::Busy => {
                let detail = "The store is locked. Nothing was stored. Send the same request again.";
                return Self::new(Code::StoreBusy, detail).caused_by(error);
            }
            StoreError::Unwritable(_) | StoreError::DiskFull => {
                let detail = "The store cannot be used. Nothing was stored. Send the same request again later.";
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
    fn a_problem_has_the_members_of_rfc_9457_and_ours() {
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
    fn what_is_behind_a_fault_stays_in_the_log() {
        let error = ApiError::from(StoreError::Corrupt("chat_session.status".into()));

        let body = serde_json::to_string(&error.problem("r".into())).unwrap();

        assert_eq!(error.code(), Code::InternalError);
        assert!(!body.contains("chat_session"), "{body}");
        assert!(error.cause().unwrap().contains("chat_session.status"));
    }

    #[test]
    fn overload_says_when_to_come_back_and_401_how_to_sign_in() {
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

//! Errors as clients see them, in the `application/problem+json` format (RFC 9457).
//!
//! An [`ApiError`] becomes an empty response with the error as an extension. [`crate::middleware::request_id`] writes
//! the body, because only that layer knows the request ID. The cause of an error is logged and never appears in a body.

mod code;
mod problem;
mod store;

use std::{borrow::Cow, error::Error, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use banter_shared::chat::Draft;

pub use code::Code;
pub use problem::{FieldError, PROBLEM_JSON, Problem};

/// An error response.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    draft: Option<Draft>,
    /// The size of the file in bytes, for `Content-Range`.
    file_bytes: Option<u64>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// Creates an error. `detail` is a sentence for the user that reveals no internals.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), draft: None, file_bytes: None, source: None }
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

    /// Creates the error for a range outside a file of this size in bytes.
    #[must_use]
    pub fn range_not_satisfiable(size: u64) -> Self {
        let detail = format!("The file has {size} bytes.");
        Self { file_bytes: Some(size), ..Self::new(Code::RangeNotSatisfiable, detail) }
    }

    /// Creates an internal error. `source` is logged and never sent to the client.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError, "The server hit an internal error.").caused_by(source)
    }

    /// Sets the invalid fields, parameters, and headers, or the components that are not ready.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Sets the stored draft.
    #[must_use]
    pub fn with_draft(self, draft: Draft) -> Self {
        Self { draft: Some(draft), ..self }
    }

    /// Sets the cause, which is logged and never sent to the client.
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

    /// Returns the chain of causes, joined with `: `, for the log.
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

    /// Returns the body of the response to the request with this ID.
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
            draft: self.draft.clone(),
        }
    }

    /// Returns the header that accompanies this code, if any.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.code {
            Code::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            // The rest of the body may still arrive, so the connection cannot be reused.
            Code::RequestTimeout => Some((header::CONNECTION, HeaderValue::from_static("close"))),
            Code::StoreBusy | Code::StoreUnavailable | Code::NotReady | Code::Overloaded => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Code::QueueFull => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
            Code::RangeNotSatisfiable => {
                let range = HeaderValue::try_from(format!("bytes */{}", self.file_bytes?)).ok()?;
                Some((header::CONTENT_RANGE, range))
            }
            Code::StorageLimit => Some((header::RETRY_AFTER, HeaderValue::from_static("3600"))),
            Code::InvalidRequest
            | Code::Forbidden
            | Code::HostNotAllowed
            | Code::ProxyNotAllowed
            | Code::CrossSiteRequest
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::SessionArchived
            | Code::AgentBusy
            | Code::NothingToFork
            | Code::TaskNotQueued
            | Code::TaskEnded
            | Code::TaskNotEnded
            | Code::TaskSucceeded
            | Code::InactiveBranch
            | Code::PermissionAnswered
            | Code::PermissionExpired
            | Code::UnknownFormat
            | Code::UnknownOption
            | Code::OptionRequired
            | Code::MessageGone
            | Code::DraftConflict
            | Code::AttachmentSent
            | Code::UnknownAttachment
            | Code::AttachmentUnsupported
            | Code::NoThumbnail
            | Code::PayloadTooLarge
            | Code::UnsupportedMediaType
            | Code::UnknownAgent
            | Code::AgentUnavailable
            | Code::UnknownFolder
            | Code::FolderUnavailable
            | Code::FolderNotAllowed
            | Code::IdempotencyMismatch
            | Code::InternalError => None,
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

#[cfg(test)]
mod tests {
    use banter_shared::store::StoreError;

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

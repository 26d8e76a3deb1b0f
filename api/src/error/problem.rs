//! The body of an error response (RFC 9457).

use banter_shared::chat::Draft;
use serde::Serialize;
use utoipa::ToSchema;

use super::Code;

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem with one body field, query parameter, header, or component (in `/readyz`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The name of the field, parameter, header, or component.
    pub field: String,
    /// A human-readable explanation, phrased to follow the field name, such as "must be at most 200 characters".
    pub message: String,
}

/// The body of every error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`; `code` identifies the error.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The reason phrase for the status code.
    pub title: &'static str,
    /// The HTTP status code.
    pub status: u16,
    /// A human-readable explanation of the error.
    pub detail: String,
    /// The machine-readable error code.
    pub code: Code,
    /// The request ID, as in the `X-Request-Id` header and the server's log.
    pub request_id: String,
    /// The invalid fields, parameters, and headers, or the components that are not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// With `draft_conflict`, the stored draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub draft: Option<Draft>,
}

//! Adds the request ID to every response, every error body, and the log.

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use banter_telemetry::traces::{self, TraceSpan as _};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::error::{ApiError, Code, PROBLEM_JSON};

/// The header that contains the request ID.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header that contains the trace to continue (<https://www.w3.org/TR/trace-context/>).
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Maximum length of an ID from a client, in bytes.
const MAX_BYTES: usize = 128;

/// Runs a request in a span that contains the request ID, and adds the ID to the response. This is the outermost layer.
pub async fn layer(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let started = Instant::now();
    let span = request_span(&request, &id);
    async {
        let response = with_body(next.run(request).await, &id);
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status = response.status().as_u16(), elapsed_ms, "request completed");
        end_span(&Span::current(), response.status());
        response
    }
    .instrument(span)
    .await
}

/// Creates the span for a request. If traces are enabled, the span continues the client's trace.
fn request_span(request: &Request, id: &str) -> Span {
    // Omit the query, which may contain a ticket.
    let (method, path) = (request.method(), request.uri().path());
    if !traces::is_enabled() {
        return tracing::info_span!("request", %id, %method, path);
    }
    let span = tracing::info_span!("request", %id, %method, path, otel.kind = "server");
    span.continue_trace(request.headers().get(TRACE_PARENT).and_then(|value| value.to_str().ok()));
    span.add_attribute("http.request.method", method.as_str().to_owned());
    span.add_attribute("url.path", path.to_owned());
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        span.add_attribute("http.route", route.as_str().to_owned());
        span.rename(format!("{method} {}", route.as_str()));
    } else {
        span.rename(method.to_string());
    }
    span
}

/// Adds the response status to the trace.
fn end_span(span: &Span, status: StatusCode) {
    span.add_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.mark_failed("server error");
    }
}

/// Returns the client's ID if it is safe to log and to return; otherwise, returns a new ID.
fn request_id(headers: &HeaderMap) -> String {
    let own = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_valid = |id: &&str| (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    own.filter(is_valid).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Adds the request ID to the response headers and, for an error, writes the response body.
fn with_body(mut response: Response, id: &str) -> Response {
    let error = response.extensions_mut().remove::<ApiError>().or_else(|| match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(ApiError::new(Code::MethodNotAllowed, "Method not allowed.")),
        _ => None,
    });
    if let Some(error) = error {
        match error.cause() {
            Some(cause) if error.code() == Code::InternalError => tracing::error!(cause, "request failed"),
            Some(cause) => tracing::warn!(cause, "request failed"),
            None => {}
        }
        let body = serde_json::to_vec(&error.problem(id.to_owned())).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        *response.body_mut() = Body::from(body);
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    fn given(id: &str) -> String {
        request_id(&HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap())]))
    }

    #[test]
    fn keeps_a_valid_id_from_the_client_and_replaces_any_other() {
        assert_eq!(given("abc-1"), "abc-1");
        assert_eq!(given(&"x".repeat(128)), "x".repeat(128));
        for id in ["", "a b", "é", &"x".repeat(129)] {
            assert!(Uuid::parse_str(&given(id)).is_ok(), "{id:?}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn adds_the_id_and_the_content_type_to_an_error() {
        let response = with_body(ApiError::not_found().into_response(), "r-1");

        assert_eq!(response.headers()[X_REQUEST_ID], "r-1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}

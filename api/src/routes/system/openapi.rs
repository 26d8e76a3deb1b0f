//! `GET /v1/openapi.json`

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Returns the OpenAPI document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "getOpenApi",
    tag = "system",
    summary = "Get the OpenAPI document",
    security(()),
    responses((status = 200, description = "The document.", body = Object, content_type = "application/json")),
)]
pub async fn openapi() -> Result<Response, ApiError> {
    static DOCUMENT: LazyLock<serde_json::Result<String>> =
        LazyLock::new(|| crate::openapi::to_json(&crate::router::openapi()));
    match &*DOCUMENT {
        Ok(document) => Ok(([(header::CONTENT_TYPE, "application/json")], document.as_str()).into_response()),
        Err(error) => Err(ApiError::internal(error.to_string())),
    }
}

//! `GET /v1/openapi.json`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::state::AppState;

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
pub async fn openapi(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.openapi.clone()).into_response()
}

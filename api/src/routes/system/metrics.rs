//! `GET /metrics`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{error::ApiError, openapi::StoreProblem, state::AppState};

/// The content type (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns the metrics of this process and of the queue.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "system",
    summary = "Get metrics for Prometheus",
    security(()),
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "application/openmetrics-text"),
        StoreProblem,
    ),
)]
pub async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let workload = state.store.workload().await?;
    let turn_times = state.store.turn_times().await?;
    let text = state
        .metrics
        .render(&workload, &turn_times, &state.relay.status())
        .map_err(|error| ApiError::internal(format!("cannot encode the metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

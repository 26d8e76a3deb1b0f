//! `GET /healthz`

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A response that confirms that the process is running.
#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    /// Always `ok`.
    pub status: &'static str,
}

/// Confirms that the process is running; checks nothing else.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getLiveness",
    tag = "system",
    summary = "Check liveness",
    security(()),
    responses((status = 200, description = "The process is running.", body = Live)),
)]
pub async fn live() -> Json<Live> {
    Json(Live { status: "ok" })
}

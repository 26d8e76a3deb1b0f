//! `GET /v1/export`

use axum::{extract::State, response::Response};
use banter_shared::{
    archive::{bundle_name, export_all},
    chat::Principal,
};
use futures::TryStreamExt as _;

use super::download;
use crate::{error::ApiError, openapi::AnyProblem, response_memory::MemoryReservation, state::AppState};

/// Exports all sessions.
#[utoipa::path(
    get,
    path = "/v1/export",
    operation_id = "exportAll",
    tag = "sessions",
    summary = "Export all sessions",
    description = "Returns all sessions of the user and their files as a zip file. The file is sent while it is written; if \
                   an error occurs, the connection is closed before the end.",
    responses(
        (status = 200, description = "The zip file.", body = Vec<u8>, content_type = "application/zip"),
        AnyProblem,
    ),
)]
pub async fn all(
    State(state): State<AppState>,
    principal: Principal,
    memory: MemoryReservation,
) -> Result<Response, ApiError> {
    let name = bundle_name(state.store.clock().now());
    let pieces = export_all(state.store.clone(), state.storage.clone(), principal.user)
        .inspect_err(|error| tracing::warn!(%error, "export failed"));
    download(memory.stream(pieces), "application/zip", &name)
}

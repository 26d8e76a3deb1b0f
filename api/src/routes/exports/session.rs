//! `GET /v1/chat/{id}/export`

use axum::{extract::State, response::Response};
use banter_shared::{
    archive::{ExportFormat, export_session, file_name},
    chat::Principal,
};
use futures::TryStreamExt as _;
use serde::Deserialize;
use utoipa::IntoParams;

use super::download;
use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    response_memory::MemoryReservation,
    state::AppState,
};

/// The query parameters for exporting a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// The format; defaults to `json`, which is complete. `html` is a self-contained page.
    #[param(inline)]
    format: Option<ExportFormat>,
}

/// Exports a session.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/export",
    operation_id = "exportSession",
    tag = "sessions",
    summary = "Export a session",
    description = "Returns all messages of the session as a file. The file is sent while the messages are read; if an error \
                   occurs, or if the session is deleted in the meantime, the connection is closed before the end.",
    params(SessionPath, ExportQuery),
    responses(
        (
            status = 200,
            description = "The file. Its media type is that of the format.",
            content(
                (Vec<u8> = "application/json"),
                (String = "text/markdown"),
                (String = "text/html"),
            ),
        ),
        AnyProblem,
        InvalidProblem,
        NotFoundProblem,
    ),
)]
pub async fn session(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    QueryParams(query): QueryParams<ExportQuery>,
    memory: MemoryReservation,
) -> Result<Response, ApiError> {
    let format = query.format.unwrap_or_default();
    let session = state.store.get_session(&principal.user, id).await?;

    let name = file_name(&session.title, format.extension());
    let pieces = export_session(state.store.clone(), state.storage.clone(), principal.user, &session, format)
        .map_err(ApiError::internal)?
        .inspect_err(move |error| tracing::warn!(session_id = %id, %error, "export failed"));
    download(memory.stream(pieces), format.media_type(), &name)
}

//! `GET /v1/chat/{id}/export`

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use banter_shared::{
    archive::{ExportFormat, export_session, file_name},
    chat::Principal,
};
use futures::TryStreamExt as _;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::ApiError,
    extract::{OwnedSession, QueryParams},
    openapi::{AnyProblem, InvalidProblem, NotFoundProblem, SessionPath},
    response_memory::MemoryReservation,
    routes::attachments::file_name::disposition,
    state::AppState,
};

/// A document contains text of users and agents. If a browser shows it, it runs nothing and loads nothing.
const CONTENT_SECURITY_POLICY: HeaderValue =
    HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:");

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
    let mut response = memory.stream(pieces).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(disposition("attachment", &name)).map_err(ApiError::internal)?,
        ),
    ] {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

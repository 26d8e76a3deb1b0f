//! `GET /v1/chat/{id}/draft`

use axum::{Json, extract::State};
use banter_shared::chat::{Draft, Principal};

use crate::{
    error::ApiError,
    extract::OwnedSession,
    openapi::{AnyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Returns the draft of a session.
#[utoipa::path(
    get,
    path = "/v1/chat/{id}/draft",
    operation_id = "getDraft",
    tag = "sessions",
    summary = "Get the draft of a session",
    description = "Returns the text that the user is writing. Its `text` is empty if there is no draft.",
    params(SessionPath),
    responses(
        (status = 200, description = "The draft.", body = Draft),
        AnyProblem,
        NotFoundProblem,
    ),
)]
pub async fn get(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
) -> Result<Json<Draft>, ApiError> {
    Ok(Json(state.store.find_draft(&principal.user, id).await?))
}

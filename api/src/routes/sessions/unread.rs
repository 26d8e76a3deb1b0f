//! `POST /v1/chat/{id}/unread`

use axum::{Json, extract::State};
use banter_shared::chat::Principal;

use super::ReadPosition;
use crate::{
    error::ApiError,
    extract::{NoBody, OwnedSession},
    openapi::{AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Marks the last answer as unread; does nothing if there is none.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/unread",
    operation_id = "markUnread",
    tag = "sessions",
    summary = "Mark a session's last answer as unread",
    params(SessionPath),
    responses(
        (status = 200, description = "The new read position.", body = ReadPosition),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn unread(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    _: NoBody,
) -> Result<Json<ReadPosition>, ApiError> {
    let session = state.announce(state.store.mark_unread(&principal.user, id).await?);

    Ok(Json(session.into()))
}

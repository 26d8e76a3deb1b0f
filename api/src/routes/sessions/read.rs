//! `POST /v1/chat/{id}/read`

use axum::{Json, extract::State};
use banter_shared::chat::Principal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ReadPosition;
use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedSession},
    openapi::{AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// A new read position.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// The `seq` of the last message read; a value past the end is clamped.
    pub seq: i64,
}

/// Marks messages as read. Never moves the read position backward.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/read",
    operation_id = "markRead",
    tag = "sessions",
    summary = "Mark a session as read up to a message",
    params(SessionPath),
    request_body = MarkRead,
    responses(
        (status = 200, description = "The new read position.", body = ReadPosition),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn read(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    JsonBody(body): JsonBody<MarkRead>,
) -> Result<Json<ReadPosition>, ApiError> {
    let session = state.announce(state.store.mark_read(&principal.user, id, body.seq).await?);

    Ok(Json(session.into()))
}

//! `PATCH /v1/chat/{id}`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Principal, Session, SessionStatus},
    store::SessionPatch,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// The fields to change; omitted fields keep their values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSession {
    /// The new title, at most 200 characters. An automatic title never overwrites it.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// `archived` archives the session; `active` restores it.
    pub status: Option<SessionStatus>,
    /// Whether the session is pinned to the top of the list.
    pub pinned: Option<bool>,
}

/// Renames, pins, archives, or restores a session.
#[utoipa::path(
    patch,
    path = "/v1/chat/{id}",
    operation_id = "updateSession",
    tag = "sessions",
    summary = "Update a session",
    description = "Renames, pins, archives, or restores a session.",
    params(SessionPath),
    request_body = UpdateSession,
    responses(
        (status = 200, description = "The updated session.", body = Session),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn update(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    _: WriteAccess,
    JsonBody(body): JsonBody<UpdateSession>,
) -> Result<Json<Session>, ApiError> {
    let title = super::parse_title(body.title.as_deref())?;
    let patch = SessionPatch { title, status: body.status, pinned: body.pinned };

    Ok(Json(state.announce(state.store.update_session(&principal.user, id, &patch).await?)))
}

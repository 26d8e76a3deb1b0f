//! `DELETE /v1/chat/{id}`

use axum::{extract::State, http::StatusCode};
use banter_shared::{
    chat::{Principal, SessionStatus},
    store::SessionPatch,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedSession, QueryParams, WriteAccess},
    openapi::{AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// The query parameters for deleting a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// `true` deletes the session permanently.
    permanent: Option<bool>,
}

/// Archives a session or deletes it permanently.
#[utoipa::path(
    delete,
    path = "/v1/chat/{id}",
    operation_id = "deleteSession",
    tag = "sessions",
    summary = "Archive or delete a session",
    description = "Archives the session by default: any running turn is allowed to finish, queued turns are cancelled, \
                   and the session can be restored. With `permanent`, stops any running turn and deletes the session \
                   with all its messages.",
    params(
        SessionPath,
        DeleteQuery,
    ),
    responses(
        (status = 204, description = "The session was archived or deleted. Also returned if it was already archived."),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn delete(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    _: WriteAccess,
    QueryParams(query): QueryParams<DeleteQuery>,
    _: NoBody,
) -> Result<StatusCode, ApiError> {
    if query.permanent.unwrap_or(false) {
        state.announce(state.store.delete_session(&principal.user, id).await?);
    } else {
        let patch = SessionPatch { status: Some(SessionStatus::Archived), ..SessionPatch::default() };
        state.announce(state.store.update_session(&principal.user, id, &patch).await?);
    }
    Ok(StatusCode::NO_CONTENT)
}

//! `DELETE /v1/chat/{id}`

use axum::{extract::State, http::StatusCode};
use banter_shared::{
    chat::{Principal, SessionStatus},
    store::SessionPatch,
};

use crate::{
    error::ApiError,
    extract::{NoBody, OwnedSession, QueryParams, Writer},
    openapi::{AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Archives a session, or deletes it for good.
#[utoipa::path(
    delete,
    path = "/v1/chat/{id}",
    operation_id = "deleteSession",
    tag = "sessions",
    summary = "Archive a session, or delete it for good",
    description = "Archived, it can be restored: a running turn ends as usual, waiting ones are cancelled. \
                   Deleted, nothing of it is left.",
    params(
        SessionPath,
        ("permanent" = Option<bool>, Query, description = "`true` deletes for good."),
    ),
    responses(
        (status = 204, description = "Done; also if it was archived before."),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn delete(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession(id): OwnedSession,
    _: Writer,
    query: QueryParams,
    _: NoBody,
) -> Result<StatusCode, ApiError> {
    let is_permanent = query.choice("permanent", &[("true", true), ("false", false)])?.unwrap_or(false);

    if is_permanent {
        state.announce(state.store.delete_session(&principal.user, id).await?);
    } else {
        let patch = SessionPatch { status: Some(SessionStatus::Archived), ..SessionPatch::default() };
        state.announce(state.store.update_session(&principal.user, id, &patch).await?);
    }
    Ok(StatusCode::NO_CONTENT)
}

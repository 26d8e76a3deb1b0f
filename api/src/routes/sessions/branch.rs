//! `POST /v1/chat/{id}/branch`

use axum::{Json, extract::State};
use banter_shared::chat::{Principal, Session};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, BranchProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// Which branch becomes current.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchBranch {
    /// The ID of a message of the branch.
    pub message_id: String,
    /// Makes the branch with this version of the message current instead: its position among all versions, from 1.
    #[schema(minimum = 1)]
    pub index: Option<i64>,
}

/// Switches to another branch.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/branch",
    operation_id = "switchBranch",
    tag = "sessions",
    summary = "Switch to another branch",
    description = "Makes the branch with a message the transcript. Below the message, the transcript continues as it last \
                   did. Nothing is deleted.",
    params(SessionPath),
    request_body = SwitchBranch,
    responses(
        (status = 200, description = "The session, with the other transcript.", body = Session),
        AnyProblem,
        BodyProblem,
        BranchProblem,
        NotFoundProblem,
    ),
)]
pub async fn branch(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, .. }: OwnedSession,
    _: WriteAccess,
    JsonBody(body): JsonBody<SwitchBranch>,
) -> Result<Json<Session>, ApiError> {
    let message_id = body.message_id.parse().map_err(|_| ApiError::not_found())?;
    let version = body.index.map(|index| usize::try_from(index).unwrap_or_default());

    Ok(Json(state.announce(state.store.switch_branch(&principal.user, id, message_id, version).await?)))
}

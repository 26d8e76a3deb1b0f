//! `POST /v1/chat/{id}/tasks/{tid}/permissions/{rid}`

use axum::{extract::State, http::StatusCode};
use banter_shared::chat::{PermissionAnswer, PermissionDecision, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedPermission, OwnedSession, WriteAccess},
    openapi::{AnswerProblem, AnyProblem, BodyProblem, ConflictProblem, NotFoundProblem, PermissionPath},
    state::AppState,
};

/// The answer to a permission request; exactly one of the two fields is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerPermission {
    /// `allow` selects the only `allow_once` option or, if there is none, the only `allow_always` option. `reject` does
    /// not require a matching option.
    #[schema(nullable = false)]
    decision: Option<PermissionDecision>,
    /// The `option_id` of one of the request's options.
    #[schema(nullable = false)]
    option_id: Option<String>,
}

impl AnswerPermission {
    fn parse(self) -> Result<PermissionAnswer, ApiError> {
        match (self.decision, self.option_id) {
            (Some(decision), None) => Ok(PermissionAnswer::Decision(decision)),
            (None, Some(id)) => Ok(PermissionAnswer::Option(id)),
            (Some(_), Some(_)) => Err(ApiError::invalid("option_id", "must not be combined with `decision`")),
            (None, None) => Err(ApiError::invalid("decision", "is required unless `option_id` is given")),
        }
    }
}

/// Answers a permission request.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/tasks/{tid}/permissions/{rid}",
    operation_id = "answerPermission",
    tag = "tasks",
    summary = "Answer a permission request",
    description = "Selects one of the request's options. A request can be answered only once. Returns 409 \
                   `permission_answered` if the request has already been answered, `permission_expired` if its time \
                   limit has passed or its attempt has ended, or `task_ended` if the task has ended. Returns 422 \
                   `unknown_option` if the request has no such option, or `option_required` if `\"decision\": \
                   \"allow\"` matches no option or more than one; for both of these codes, `detail` lists the \
                   options.",
    params(PermissionPath),
    request_body = AnswerPermission,
    responses(
        (status = 204, description = "The answer was stored. The worker forwards it to the agent if the agent is still waiting."),
        AnyProblem,
        BodyProblem,
        NotFoundProblem,
        ConflictProblem,
        AnswerProblem,
    ),
)]
pub async fn answer(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id: session_id, .. }: OwnedSession,
    permission: OwnedPermission,
    _: WriteAccess,
    JsonBody(body): JsonBody<AnswerPermission>,
) -> Result<StatusCode, ApiError> {
    let OwnedPermission { task_id, id } = permission;
    let answer = body.parse()?;
    let answered = state.store.answer_permission(&principal.user, session_id, task_id, id, &answer).await?;
    state.announce(answered);

    Ok(StatusCode::NO_CONTENT)
}

//! `POST /v1/chat/{id}/fork`

use axum::{extract::State, response::IntoResponse};
use banter_shared::{
    chat::{Principal, Session},
    store::NewFork,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::create::{check_agent, created, find_created};
use crate::{
    error::ApiError,
    extract::{IdempotencyHeader, OptionalBody, OwnedSession, WriteAccess},
    openapi::{AnyProblem, BodyProblem, ForkProblem, IdempotencyParam, NotFoundProblem, SessionPath},
    state::AppState,
};

/// What to copy, and how the fork differs from the original session.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkSession {
    /// The ID of a message of the last turn to copy; the last completed turn if omitted.
    pub message_id: Option<String>,
    /// The key of the agent that answers in the fork; the original session's agent if omitted.
    pub agent_key: Option<String>,
    /// The title, at most 200 characters; the original session's title if omitted.
    #[schema(max_length = 200)]
    pub title: Option<String>,
}

/// Creates a session with the history of another one.
#[utoipa::path(
    post,
    path = "/v1/chat/{id}/fork",
    operation_id = "forkSession",
    tag = "sessions",
    summary = "Fork a session",
    description = "Creates a session with the history of this one, up to and including a turn. Turns that have not ended \
                   are not copied. The original session does not change. The fork's agent works in the same folder if it \
                   can.",
    params(SessionPath, IdempotencyParam),
    request_body = Option<ForkSession>,
    responses(
        (
            status = 201,
            description = "The new session.",
            body = Session,
            headers(("Location" = String, description = "The path of the new session.")),
        ),
        AnyProblem,
        BodyProblem,
        ForkProblem,
        NotFoundProblem,
    ),
)]
pub async fn fork(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, workplace }: OwnedSession,
    _: WriteAccess,
    key: IdempotencyHeader,
    OptionalBody(body): OptionalBody<ForkSession>,
) -> Result<impl IntoResponse, ApiError> {
    let title = super::parse_title(body.title.as_deref())?;
    let message_id = body.message_id.as_deref().map(str::parse).transpose().map_err(|_| ApiError::not_found())?;
    let key = key.with_body(&body)?;
    if let Some(session) = find_created(&state, &principal, key.as_ref()).await? {
        return Ok(created(session));
    }
    if let Some(agent_key) = &body.agent_key {
        check_agent(&state, agent_key).await?;
    }

    let folder = workplace.folder.as_deref().and_then(|folder| state.catalog.find_folder(folder));
    let agent_key = body.agent_key.as_deref().unwrap_or(&workplace.agent_key);
    let keeps_folder = folder.is_some_and(|folder| state.works_in(agent_key, folder));
    let fork = NewFork { message_id, agent_key: body.agent_key, title, keeps_folder };
    let session = state.announce(state.store.fork_session(&principal.user, id, &fork, key).await?);

    Ok(created(session))
}

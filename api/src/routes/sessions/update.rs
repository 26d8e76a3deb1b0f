//! `PATCH /v1/chat/{id}`

use axum::{Json, extract::State};
use banter_shared::{
    chat::{Principal, Session, SessionStatus},
    store::SessionPatch,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::{check_agent, check_agent_in};
use crate::{
    error::ApiError,
    extract::{JsonBody, OwnedSession, WriteAccess},
    openapi::{AgentChangeProblem, AnyProblem, BodyProblem, NotFoundProblem, SessionPath},
    state::AppState,
};

/// The fields to change; omitted fields keep their values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSession {
    /// The new title, at most 200 characters. An automatic title never overwrites it.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// The key of the agent that answers from the next turn on. It receives the conversation.
    pub agent_key: Option<String>,
    /// `archived` archives the session; `active` restores it.
    pub status: Option<SessionStatus>,
    /// Whether the session is pinned to the top of the list.
    pub pinned: Option<bool>,
}

/// Renames, pins, archives, or restores a session, or changes its agent.
#[utoipa::path(
    patch,
    path = "/v1/chat/{id}",
    operation_id = "updateSession",
    tag = "sessions",
    summary = "Update a session",
    description = "Renames, pins, archives, or restores a session, or changes its agent. The agent cannot change while a task \
                   is running.",
    params(SessionPath),
    request_body = UpdateSession,
    responses(
        (status = 200, description = "The updated session.", body = Session),
        AnyProblem,
        AgentChangeProblem,
        BodyProblem,
        NotFoundProblem,
    ),
)]
pub async fn update(
    State(state): State<AppState>,
    principal: Principal,
    OwnedSession { id, workplace }: OwnedSession,
    _: WriteAccess,
    JsonBody(body): JsonBody<UpdateSession>,
) -> Result<Json<Session>, ApiError> {
    let title = super::parse_title(body.title.as_deref())?;
    if let Some(key) = body.agent_key.as_deref().filter(|key| *key != workplace.agent_key) {
        check_agent(&state, key).await?;
        if let Some(folder) = workplace.folder.as_deref().and_then(|folder| state.catalog.find_folder(folder)) {
            check_agent_in(&state, key, folder)?;
        }
    }
    let patch = SessionPatch { title, agent_key: body.agent_key, status: body.status, pinned: body.pinned };

    Ok(Json(state.announce(state.store.update_session(&principal.user, id, &patch).await?)))
}

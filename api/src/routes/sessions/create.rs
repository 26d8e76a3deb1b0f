//! `POST /v1/chat`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use banter_shared::{
    agents_file::{FolderConfig, Isolation},
    chat::{Principal, Session},
    store::{FolderChoice, IdempotencyKey, NewSession},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    availability::Availability,
    error::{ApiError, Code},
    extract::{IdempotencyHeader, JsonBody, WriteAccess},
    openapi::{AnyProblem, BodyProblem, IdempotencyParam, NewSessionProblem},
    state::AppState,
};

/// A session to create.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The key of the agent that answers, from `GET /v1/agents`.
    pub agent_key: String,
    /// The title, at most 200 characters; derived from the first message if omitted.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// The key of the folder in which the agent works, from `GET /v1/folders`; an empty folder if omitted.
    pub folder: Option<String>,
    /// The git ref from which the session's branch starts, for a folder whose sessions have their own worktrees; the
    /// current commit if omitted.
    #[schema(max_length = 200)]
    pub base: Option<String>,
}

/// Creates a session.
#[utoipa::path(
    post,
    path = "/v1/chat",
    operation_id = "createSession",
    tag = "sessions",
    summary = "Create a session",
    params(IdempotencyParam),
    request_body = CreateSession,
    responses(
        (
            status = 201,
            description = "The session.",
            body = Session,
            headers(("Location" = String, description = "The path of the new session.")),
        ),
        NewSessionProblem,
        AnyProblem,
        BodyProblem,
    ),
)]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    _: WriteAccess,
    key: IdempotencyHeader,
    JsonBody(body): JsonBody<CreateSession>,
) -> Result<impl IntoResponse, ApiError> {
    let title = super::parse_title(body.title.as_deref())?;
    let key = key.with_body(&body)?;
    if let Some(session) = find_created(&state, &principal, key.as_ref()).await? {
        return Ok(created(session));
    }
    check_agent(&state, &body.agent_key).await?;

    let folder = match body.folder {
        Some(folder) => Some(check_folder(&state, &body.agent_key, folder, body.base).await?),
        None if body.base.is_some() => return Err(ApiError::invalid("base", "requires a folder")),
        None => None,
    };

    let new = NewSession { agent_key: body.agent_key, title, folder };
    let session = state.announce(state.store.create_session(&principal.user, new, key).await?);

    Ok(created(session))
}

/// Returns the session that an earlier request with this key created, if there is one. A repeated request succeeds even
/// if the agent has become unavailable.
pub(super) async fn find_created(
    state: &AppState,
    principal: &Principal,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Session>, ApiError> {
    match key {
        Some(key) => Ok(state.store.find_created_session(&principal.user, key).await?),
        None => Ok(None),
    }
}

/// Fails if an agent cannot answer messages.
pub(super) async fn check_agent(state: &AppState, key: &str) -> Result<(), ApiError> {
    match state.find_agent(key).await? {
        None => {
            let detail = "Unknown agent. List the available agents with `GET /v1/agents`.";
            Err(ApiError::new(Code::UnknownAgent, detail))
        }
        Some(Availability::Unavailable(reason)) => Err(ApiError::new(Code::AgentUnavailable, reason)),
        Some(Availability::Available) => Ok(()),
    }
}

/// Fails if an agent cannot work in a folder.
async fn check_folder(
    state: &AppState,
    agent_key: &str,
    key: String,
    base: Option<String>,
) -> Result<FolderChoice, ApiError> {
    let Some(folder) = state.find_folder(&key).await? else {
        let detail = "Unknown folder. List the available folders with `GET /v1/folders`.";
        return Err(ApiError::new(Code::UnknownFolder, detail));
    };
    check_agent_in(state, agent_key, folder.config)?;
    if let Some(reason) = folder.unavailable_reason {
        return Err(ApiError::new(Code::FolderUnavailable, reason));
    }
    if base.is_some() && folder.config.isolation == Isolation::None {
        return Err(ApiError::invalid("base", "requires a folder whose sessions have their own worktrees"));
    }
    if base.as_deref().is_some_and(|base| !is_ref(base)) {
        return Err(ApiError::invalid("base", "must be a branch, a tag, or a commit, at most 200 characters"));
    }
    Ok(FolderChoice { key, base })
}

/// Fails if an agent cannot work in a folder.
pub(super) fn check_agent_in(state: &AppState, agent_key: &str, folder: &FolderConfig) -> Result<(), ApiError> {
    if state.works_in(agent_key, folder) {
        return Ok(());
    }
    let detail = format!("The agent cannot work in the folder “{}”.", folder.name);
    Err(ApiError::new(Code::FolderNotAllowed, detail))
}

/// Returns whether a text can be the name of a git ref. An agent's worker looks it up.
fn is_ref(text: &str) -> bool {
    (1..=200).contains(&text.chars().count())
        && !text.starts_with('-')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Returns the response for a session that was created.
pub(super) fn created(session: Session) -> (StatusCode, [(header::HeaderName, String); 1], Json<Session>) {
    let location = format!("/v1/chat/{}", session.id);
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(session))
}

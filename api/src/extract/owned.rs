//! What a path names: a session of the principal's own, and a message or task in it. Anything else is not found.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use banter_shared::{
    chat::{Principal, TaskDetail},
    id::{MessageId, SessionId},
};

use crate::{error::ApiError, state::AppState};

/// The session of the path: it exists and is the principal's.
#[derive(Clone, Copy, Debug)]
pub struct OwnedSession(pub SessionId);

/// The message of the path: it is in the session of the path.
#[derive(Clone, Copy, Debug)]
pub struct OwnedMessage(pub MessageId);

/// The task of the path, as it was when the request came: it is in the session of the path.
#[derive(Clone, Debug)]
pub struct OwnedTask(pub TaskDetail);

/// An id in the path. A text that is no id names nothing.
async fn id<T: std::str::FromStr>(parts: &mut Parts, state: &AppState, name: &str) -> Result<T, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
    params.iter().find(|(key, _)| *key == name).and_then(|(_, text)| text.parse().ok()).ok_or_else(ApiError::not_found)
}

impl FromRequestParts<AppState> for OwnedSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let id = id(parts, state, "id").await?;
        if state.store.owns_session(&principal.user, id).await? { Ok(Self(id)) } else { Err(ApiError::not_found()) }
    }
}

impl FromRequestParts<AppState> for OwnedMessage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let OwnedSession(session_id) = OwnedSession::from_request_parts(parts, state).await?;
        let id = id(parts, state, "mid").await?;
        if state.store.has_message(session_id, id).await? { Ok(Self(id)) } else { Err(ApiError::not_found()) }
    }
}

impl FromRequestParts<AppState> for OwnedTask {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let OwnedSession(session_id) = OwnedSession::from_request_parts(parts, state).await?;
        let id = id(parts, state, "tid").await?;
        state.store.find_task(session_id, id).await?.map(Self).ok_or_else(ApiError::not_found)
    }
}

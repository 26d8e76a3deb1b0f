//! Extractors for the objects in a path: an attachment, or a session and, in some paths, a message, task, or permission
//! request in that session. If an object does not exist, or the session or attachment belongs to another user, the
//! response is 404.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use banter_shared::{
    chat::{Attachment, Principal, TaskDetail},
    id::{FileId, MessageId, PermissionId, SessionId, TaskId},
    store::Workplace,
};

use crate::{error::ApiError, state::AppState};

/// The session in the path, which exists and belongs to the principal.
#[derive(Clone, Debug)]
pub struct OwnedSession {
    /// The session.
    pub id: SessionId,
    /// The agent of the session, and where it works.
    pub workplace: Workplace,
}

/// The message in the path. It belongs to the session in the path.
#[derive(Clone, Copy, Debug)]
pub struct OwnedMessage(pub MessageId);

/// The task in the path, as it was when this extractor ran. It belongs to the session in the path.
#[derive(Clone, Debug)]
pub struct OwnedTask(pub TaskDetail);

/// The permission request in the path. It belongs to the task in the path.
#[derive(Clone, Copy, Debug)]
pub struct OwnedPermission {
    /// The task.
    pub task_id: TaskId,
    /// The permission request.
    pub id: PermissionId,
}

/// The attachment in the path, which exists and belongs to the principal.
#[derive(Clone, Debug)]
pub struct OwnedAttachment {
    /// The attachment.
    pub attachment: Attachment,
    /// The file with its content.
    pub file_id: FileId,
}

/// Parses an ID in the path. For an invalid ID, the response is 404.
async fn id<T: std::str::FromStr>(parts: &mut Parts, state: &AppState, name: &str) -> Result<T, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
    params.iter().find(|(key, _)| *key == name).and_then(|(_, text)| text.parse().ok()).ok_or_else(ApiError::not_found)
}

impl FromRequestParts<AppState> for OwnedAttachment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let id = id(parts, state, "id").await?;
        let (attachment, file_id) = state.store.find_attachment(&principal.user, id).await?;
        Ok(Self { attachment, file_id })
    }
}

impl FromRequestParts<AppState> for OwnedSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let id = id(parts, state, "id").await?;
        let workplace = state.store.find_workplace(&principal.user, id).await?.ok_or_else(ApiError::not_found)?;
        Ok(Self { id, workplace })
    }
}

impl FromRequestParts<AppState> for OwnedMessage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let OwnedSession { id: session_id, .. } = OwnedSession::from_request_parts(parts, state).await?;
        let id = id(parts, state, "mid").await?;
        if state.store.has_message(session_id, id).await? { Ok(Self(id)) } else { Err(ApiError::not_found()) }
    }
}

impl FromRequestParts<AppState> for OwnedTask {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let OwnedSession { id: session_id, .. } = OwnedSession::from_request_parts(parts, state).await?;
        let id = id(parts, state, "tid").await?;
        state.store.find_task(session_id, id).await?.map(Self).ok_or_else(ApiError::not_found)
    }
}

impl FromRequestParts<AppState> for OwnedPermission {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let OwnedTask(detail) = OwnedTask::from_request_parts(parts, state).await?;
        let id: PermissionId = id(parts, state, "rid").await?;
        if state.store.has_permission(detail.task.id, id).await? {
            Ok(Self { task_id: detail.task.id, id })
        } else {
            Err(ApiError::not_found())
        }
    }
}

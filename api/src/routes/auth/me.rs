//! `GET /v1/auth/me`

use axum::Json;
use banter_shared::chat::{Principal, UserRole};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::AnyProblem;

/// The current user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The user's name within the workspace.
    pub user_id: String,
    /// The workspace.
    pub workspace_id: String,
    /// The role of the API key.
    pub role: UserRole,
}

/// Returns the current user.
#[utoipa::path(
    get,
    path = "/v1/auth/me",
    operation_id = "getMe",
    tag = "auth",
    summary = "Get the current user",
    responses((status = 200, description = "The current user.", body = Me), AnyProblem),
)]
pub async fn me(principal: Principal) -> Json<Me> {
    Json(principal.into())
}

impl From<Principal> for Me {
    fn from(Principal { user, role, key_id: _, login_id: _ }: Principal) -> Self {
        Self { user_id: user.user_id, workspace_id: user.workspace_id, role }
    }
}

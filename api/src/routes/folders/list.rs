//! `GET /v1/folders`

use axum::{Json, extract::State};
use banter_shared::{agents_file::Isolation, chat::Principal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{availability::KnownFolder, error::ApiError, openapi::AnyProblem, state::AppState};

/// A folder in which agents can work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Folder {
    /// The folder's key, which sessions refer to as `folder`.
    pub key: String,
    /// The display name.
    pub name: String,
    /// The absolute path on the workers.
    pub path: String,
    /// The keys of the agents that can work in the folder.
    pub agents: Vec<String>,
    /// Whether each session works in a git worktree of its own.
    pub isolation: Isolation,
    /// The git branch that is checked out; null if the folder is not in a git repository.
    #[schema(required)]
    pub branch: Option<String>,
    /// Whether the folder is not known to be unusable on all workers.
    pub available: bool,
    /// Why the folder is unavailable; null if it is available.
    #[schema(required)]
    pub reason: Option<String>,
}

/// A list of folders.
#[derive(Debug, Serialize, ToSchema)]
pub struct FolderList {
    /// The folders in configuration order.
    pub items: Vec<Folder>,
}

impl From<KnownFolder<'_>> for Folder {
    fn from(folder: KnownFolder<'_>) -> Self {
        let KnownFolder { config, agents, branch, unavailable_reason } = folder;
        Self {
            key: config.key.clone(),
            name: config.name.clone(),
            path: config.path.to_string_lossy().into_owned(),
            agents: agents.into_iter().map(str::to_owned).collect(),
            isolation: config.isolation,
            branch,
            available: unavailable_reason.is_none(),
            reason: unavailable_reason,
        }
    }
}

/// Lists the folders in which agents can work.
#[utoipa::path(
    get,
    path = "/v1/folders",
    operation_id = "listFolders",
    tag = "agents",
    summary = "List folders",
    responses((status = 200, description = "The folders.", body = FolderList), AnyProblem),
)]
pub async fn list(State(state): State<AppState>, _: Principal) -> Result<Json<FolderList>, ApiError> {
    let items = state.list_folders().await?.into_iter().map(Folder::from).collect();

    Ok(Json(FolderList { items }))
}

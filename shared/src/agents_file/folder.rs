//! The folders in which agents can work.

use std::path::PathBuf;

use serde::Serialize;
use utoipa::ToSchema;

/// A folder in which agents can work, such as a project. It is on the workers' machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderConfig {
    /// The key that sessions refer to: `[a-z0-9][a-z0-9_-]{0,63}`, unique.
    pub key: String,
    /// The display name, 1 to 80 characters. Defaults to the key.
    pub name: String,
    /// The absolute path.
    pub path: PathBuf,
    /// The keys of the agents that can work in the folder. If `None`, all agents that run programs can.
    pub agents: Option<Vec<String>>,
    /// Whether sessions work in the folder itself.
    pub isolation: Isolation,
}

/// Whether the sessions of a folder share its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// All sessions work in the folder itself.
    #[default]
    None,
    /// Each session works in a git worktree of its own.
    Worktree,
}

impl FolderConfig {
    /// Returns whether an agent can work in the folder.
    #[must_use]
    pub fn allows(&self, agent_key: &str) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.iter().any(|key| key == agent_key))
    }
}

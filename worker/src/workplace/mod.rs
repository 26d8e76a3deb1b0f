//! Where agents work: their sessions' own folders, or the folders of the operator's choice, possibly in git worktrees.

mod folders;
mod git;
mod removal;
mod snapshots;
mod worktrees;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use banter_shared::{
    agents_file::{AgentCatalog, Isolation},
    chat::{ErrorCode, GitState},
    id::SessionId,
    store::{Claim, FolderReport, TurnChanges},
};
use tokio::task::spawn_blocking;

use self::{
    folders::Folders,
    snapshots::{Snapshots, Workspace},
    worktrees::Worktrees,
};
pub use self::{removal::Removal, snapshots::Before};
use crate::agents::{
    AgentError,
    process::{AgentFolders, ProcessHost},
};

/// The folders in which agents work on this worker's machine.
#[derive(Debug)]
pub struct Workplace {
    configured: Arc<Folders>,
    own: Arc<AgentFolders>,
    snapshots: Snapshots,
    worktrees: Worktrees,
}

impl Workplace {
    /// Uses the folders of this catalog. Keeps everything else in the data folder of the host.
    #[must_use]
    pub fn new(catalog: &AgentCatalog, host: &ProcessHost) -> Self {
        Self {
            configured: Arc::new(Folders::from_catalog(catalog)),
            own: Arc::clone(host.folders()),
            snapshots: Snapshots::new(host),
            worktrees: Worktrees::new(host),
        }
    }

    /// Checks the configured folders.
    pub async fn report(&self) -> Vec<FolderReport> {
        let folders = Arc::clone(&self.configured);
        spawn_blocking(move || folders.report()).await.unwrap_or_default()
    }

    /// Returns the configured folder in which the agent of a claim works; `None` for the session's own folder. Creates
    /// the session's worktree if necessary.
    ///
    /// # Errors
    /// Fails if the folder cannot be used.
    pub async fn find_folder(&self, claim: &Claim) -> Result<Option<PathBuf>, AgentError> {
        let Some(choice) = claim.folder.clone() else { return Ok(None) };
        let folders = Arc::clone(&self.configured);
        let base = choice.base.clone();
        let found = spawn_blocking(move || folders.find(&choice).cloned()).await;
        let folder =
            found.map_err(|_| AgentError::new(ErrorCode::AgentError, "The folder could not be checked."))??;
        match folder.isolation {
            Isolation::None => Ok(Some(folder.path)),
            Isolation::Worktree => self.worktrees.open(claim.session_id, &folder.path, base.as_deref()).await.map(Some),
        }
    }

    /// Takes a snapshot of the folder in which an agent works, before it works there. `folder` is the configured one, if
    /// any. Returns `None` if there is no snapshot.
    pub async fn before(&self, claim: &Claim, folder: Option<&Path>) -> Option<Before> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => self.own.work(claim.session_id).ok()?,
        };
        let workspace = Workspace { session: claim.session_id, folder, is_own: claim.folder.is_none() };
        self.snapshots.before(workspace, claim.turn).await
    }

    /// Returns what was changed since the snapshot before a turn; `None` if this is unknown.
    pub async fn after(&self, before: Before, is_stopped: bool) -> Option<TurnChanges> {
        self.snapshots.after(before, is_stopped).await
    }

    /// Returns the state of the git repository that contains a session's configured folder; `None` if there is none.
    pub async fn git_state(&self, session: SessionId, folder: &Path) -> Option<GitState> {
        self.worktrees.state(session, folder).await
    }
}

//! The folders of the operator's choice in which agents work, on this worker's machine.

use std::{fs, io, path::Path};

use banter_shared::{
    agents_file::{AgentCatalog, FolderConfig},
    chat::ErrorCode,
    store::{FolderChoice, FolderReport},
};

use crate::agents::AgentError;

/// The longest chain of parent folders in which a repository is looked for.
const MAX_DEPTH: usize = 64;

/// The configured folders.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    configured: Vec<FolderConfig>,
}

impl Folders {
    /// Uses the folders of this catalog.
    #[must_use]
    pub fn from_catalog(catalog: &AgentCatalog) -> Self {
        Self { configured: catalog.folders().to_vec() }
    }

    /// Checks all folders.
    #[must_use]
    pub fn report(&self) -> Vec<FolderReport> {
        let report = |folder: &FolderConfig| {
            let reason = check(&folder.path).err().map(|error| unusable(folder, &error));
            FolderReport {
                folder_key: folder.key.clone(),
                is_available: reason.is_none(),
                reason,
                branch: current_branch(&folder.path),
            }
        };
        self.configured.iter().map(report).collect()
    }

    /// Returns the folder that a session uses.
    ///
    /// # Errors
    /// Fails if the folder is not configured or cannot be used on this machine.
    pub fn find(&self, choice: &FolderChoice) -> Result<&FolderConfig, AgentError> {
        let error = |message| AgentError::new(ErrorCode::AgentUnavailable, message);
        let Some(folder) = self.configured.iter().find(|folder| folder.key == choice.key) else {
            return Err(error(format!("The folder “{}” is not configured on this worker.", choice.key)));
        };
        check(&folder.path).map_err(|failure| error(unusable(folder, &failure)))?;
        Ok(folder)
    }
}

/// Returns why a folder cannot be used, as a sentence for the user.
fn unusable(folder: &FolderConfig, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "its account cannot read it",
        io::ErrorKind::NotADirectory => "it is not a folder",
        _ => "it cannot be read",
    };
    format!("The worker cannot use the folder “{}”: {reason}.", folder.name)
}

/// Fails if a folder cannot be read.
fn check(path: &Path) -> io::Result<()> {
    fs::read_dir(path).map(drop)
}

/// Returns the branch that is checked out in the git repository that contains a folder. Reads files of the repository
/// and runs nothing.
fn current_branch(folder: &Path) -> Option<String> {
    let head = folder.ancestors().take(MAX_DEPTH).find_map(|parent| {
        let dot_git = parent.join(".git");
        let directory = match fs::read_to_string(&dot_git) {
            // In a linked worktree, `.git` is a file that names the folder.
            Ok(text) => parent.join(text.strip_prefix("gitdir:")?.trim()),
            Err(_) => dot_git,
        };
        fs::read_to_string(directory.join("HEAD")).ok()
    })?;
    Some(head.trim().strip_prefix("ref: refs/heads/")?.to_owned())
}

//! Snapshots of the folders in which agents work. They show what a turn has changed.
//!
//! A snapshot is a git commit in a private repository of the session, with all files that git does not ignore. Nothing
//! that belongs to the user is changed, except that a ref below `refs/banter/` is added to the user's repository, if the
//! folder is in one.

mod git;
mod patches;
mod repository;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use banter_shared::{chat::ChangedFile, id::SessionId};
use tokio::{sync::Mutex, task::spawn_blocking};

pub use self::git::GitError;
use self::repository::Repository;
use crate::agents::process::ProcessHost;

/// The maximum size of a file in a snapshot, in bytes. Changes to larger files are not shown.
const MAX_FILE_BYTES: u64 = 50 * 1024 * 1024;
/// The file that names the turn to which the current snapshot before a turn belongs.
const TURN_FILE: &str = "turn";

/// The snapshots of all sessions on this worker's machine.
#[derive(Debug)]
pub struct Snapshots {
    host: ProcessHost,
    /// The folder with the private repositories.
    root: PathBuf,
    /// Whether a problem has been logged, so that it is logged only once.
    has_warned: Mutex<bool>,
}

/// A folder before a turn.
#[derive(Debug)]
pub struct Before {
    repository: Repository,
    id: String,
}

impl Snapshots {
    /// Keeps the snapshots in this data folder.
    #[must_use]
    pub fn new(host: &ProcessHost, data_dir: &Path) -> Self {
        Self { host: host.clone(), root: data_dir.join("snapshots"), has_warned: Mutex::new(false) }
    }

    /// Takes a snapshot of a folder before a turn. If an earlier attempt at the turn has done so, returns that snapshot.
    /// Returns `None` if no snapshot can be taken.
    pub async fn before(&self, session: SessionId, turn: i64, folder: &Path) -> Option<Before> {
        match self.take_before(session, turn, folder).await {
            Ok(before) => Some(before),
            Err(error) => {
                self.warn(&error).await;
                None
            }
        }
    }

    async fn take_before(&self, session: SessionId, turn: i64, folder: &Path) -> Result<Before, GitError> {
        let repository = Repository::open(&self.host, &self.root, session, folder).await?;
        let file = repository.file(TURN_FILE);
        let stored = fs::read_to_string(&file).unwrap_or_default();
        if let Some((number, id)) = stored.split_once(' ')
            && number.parse() == Ok(turn)
        {
            return Ok(Before { repository, id: id.to_owned() });
        }
        let id = take(&repository).await?;
        fs::write(file, format!("{turn} {id}"))?;
        Ok(Before { repository, id })
    }

    /// Returns the files that were changed since the snapshot before the turn.
    pub async fn changes(&self, before: &Before) -> Vec<ChangedFile> {
        let changes = async {
            let after = take(&before.repository).await?;
            patches::compare(&before.repository, &before.id, &after).await
        };
        match changes.await {
            Ok(files) => files,
            Err(error) => {
                self.warn(&error).await;
                Vec::new()
            }
        }
    }

    /// Removes the snapshots of a session that was deleted.
    pub async fn remove(&self, session: SessionId) {
        if let Err(error) = repository::remove(&self.host, &self.root, session).await {
            tracing::warn!(session_id = %session, %error, "failed to remove the snapshots of a deleted session");
        }
    }

    /// Logs why a snapshot could not be taken.
    async fn warn(&self, error: &GitError) {
        let mut has_warned = self.has_warned.lock().await;
        if !*has_warned {
            tracing::warn!(%error, "cannot record what agents change in their folders");
        }
        *has_warned = true;
    }
}

/// Takes a snapshot, and returns its ID. If nothing has changed since the last one, returns that one's ID.
async fn take(repository: &Repository) -> Result<String, GitError> {
    let has_changed = update_index(repository).await?;
    let last = repository.last().await;
    if let Some(last) = &last
        && !has_changed
    {
        return Ok(last.clone());
    }
    let tree = repository.git.line(&["write-tree"]).await?;
    let mut arguments = vec!["commit-tree", &tree, "-m", "Snapshot"];
    if let Some(last) = &last {
        if repository.git.line(&["rev-parse", &format!("{last}^{{tree}}")]).await? == tree {
            return Ok(last.clone());
        }
        arguments.extend(["-p", last]);
    }
    let id = repository.git.line(&arguments).await?;
    repository.keep(&id).await?;
    Ok(id)
}

/// Updates the private index to the files in the folder. Returns whether anything has changed.
async fn update_index(repository: &Repository) -> Result<bool, GitError> {
    let mut arguments: Vec<&OsStr> =
        ["ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard"].map(OsStr::new).to_vec();
    if let Some(scope) = &repository.scope {
        arguments.extend([OsStr::new("--"), scope.as_os_str()]);
    }
    let listed = match repository.git.run(&arguments, Vec::new()).await {
        Ok(listed) => listed,
        Err(error) => {
            // The index is damaged, for example because the machine crashed while it was written.
            tracing::info!(%error, "an index of snapshots is unusable; reading all files");
            let _ = fs::remove_file(repository.file("index"));
            let _ = fs::remove_file(repository.file("index.lock"));
            repository.git.run(&arguments, Vec::new()).await?
        }
    };
    let top = repository.git.folder().to_owned();
    let sort = move || sort_paths(&top, &listed);
    let (updated, removed) = spawn_blocking(sort).await.map_err(std::io::Error::other)?;
    let has_changed = !updated.is_empty() || !removed.is_empty();
    if !updated.is_empty() {
        let arguments = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"].map(OsStr::new);
        repository.git.run(&arguments, updated).await?;
    }
    repository.forget(&removed).await?;
    Ok(has_changed)
}

/// Divides a list of paths into those to update in the index and those to remove from it. Each path ends with a NUL.
fn sort_paths(top: &Path, listed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let paths: BTreeSet<&[u8]> =
        listed.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !path.ends_with(b"/")).collect();
    let (mut updated, mut removed) = (Vec::new(), Vec::new());
    for path in paths {
        let full = top.join(OsStr::from_bytes(path));
        let kept = match fs::symlink_metadata(&full) {
            // Git would fail if it could not read the file.
            Ok(found) if found.is_file() => {
                if found.len() > MAX_FILE_BYTES || File::open(&full).is_err() {
                    continue;
                }
                &mut updated
            }
            // A folder is the work tree of another repository, of which git keeps the current commit.
            Ok(found) if found.is_symlink() || found.is_dir() => &mut updated,
            // Pipes, sockets, and devices are not part of snapshots.
            Ok(_) | Err(_) => &mut removed,
        };
        kept.extend_from_slice(path);
        kept.push(0);
    }
    (updated, removed)
}

//! Snapshots of the folders in which agents work. They show what a turn has changed.
//!
//! A snapshot is a git commit in a private repository of the session, with all files that git does not ignore. Nothing
//! that belongs to the user is changed, except that a ref below `refs/banter/` is added to the user's repository, if the
//! folder is in one.

mod patches;
mod repository;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use banter_shared::{count::seconds, id::SessionId, store::TurnChanges};
use tokio::{task::spawn_blocking, time::timeout};

use self::repository::Repository;
use crate::{
    agents::{ATTACHMENTS_FOLDER, process::ProcessHost},
    workplace::git::GitError,
};

/// The maximum size of a file in a snapshot, in bytes. Changes to larger files are not shown.
const MAX_FILE_BYTES: u64 = 50 * 1024 * 1024;
/// The maximum total size of the files that a snapshot adds, in bytes. Larger folders, such as a whole home directory without
/// a repository, have no snapshots.
const MAX_ADDED_BYTES: u64 = 1024 * 1024 * 1024;
/// How long no snapshots are taken of a folder after one has failed. Each failure may delay a turn.
const PAUSE: Duration = Duration::from_mins(10);
/// The file that names the turn to which the current snapshot before a turn belongs.
const TURN_FILE: &str = "turn";
/// The file that names the first snapshot of the session.
const BASE_FILE: &str = "base";
/// Time limits for the snapshots before and after a turn, and for that of a turn that was stopped. Agents wait for the
/// first one, and users for the others.
const BEFORE_LIMIT: Duration = Duration::from_secs(15);
const AFTER_LIMIT: Duration = Duration::from_secs(15);
const STOPPED_LIMIT: Duration = Duration::from_secs(1);
/// The ID of an empty tree, which git knows in every repository.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// The snapshots of all sessions on this worker's machine.
#[derive(Debug)]
pub struct Snapshots {
    host: ProcessHost,
    /// The folder with the private repositories.
    root: PathBuf,
    /// The folders of which no snapshots can be taken, and when this was noticed.
    failed: Mutex<HashMap<PathBuf, Instant>>,
}

/// The folder of a session.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The session.
    pub session: SessionId,
    /// The folder.
    pub folder: PathBuf,
    /// Whether it is the session's own work folder, which is empty at first.
    pub is_own: bool,
}

/// A folder before a turn.
#[derive(Debug)]
pub struct Before {
    workspace: Workspace,
    /// The private repository and the ID of the snapshot; `None` if the folder was empty, so that none was needed.
    snapshot: Option<(Repository, String)>,
}

impl Snapshots {
    /// Keeps the snapshots in the data folder of this host.
    #[must_use]
    pub fn new(host: &ProcessHost) -> Self {
        Self { host: host.clone(), root: host.folders().snapshots(), failed: Mutex::default() }
    }

    /// Takes a snapshot of a folder before a turn. If an earlier attempt at the turn has done so, returns that snapshot.
    /// Returns `None` if no snapshot can be taken.
    pub async fn before(&self, workspace: Workspace, turn: i64) -> Option<Before> {
        let folder = workspace.folder.clone();
        self.within(&folder, BEFORE_LIMIT, self.take_before(workspace, turn)).await
    }

    /// Returns the files that were changed since the snapshot before the turn; `None` if this is unknown.
    pub async fn after(&self, before: Before, is_stopped: bool) -> Option<TurnChanges> {
        let limit = if is_stopped { STOPPED_LIMIT } else { AFTER_LIMIT };
        let folder = before.workspace.folder.clone();
        self.within(&folder, limit, self.compare(before)).await
    }

    async fn take_before(&self, workspace: Workspace, turn: i64) -> Result<Before, GitError> {
        // Most conversations do not involve files.
        if workspace.is_own && !self.root.join(workspace.session.to_string()).exists() && is_empty(&workspace.folder) {
            return Ok(Before { workspace, snapshot: None });
        }
        let repository = self.open(&workspace).await?;
        let file = repository.file(TURN_FILE);
        let stored = fs::read_to_string(&file).unwrap_or_default();
        if let Some((number, id)) = stored.split_once(' ')
            && number.parse() == Ok(turn)
        {
            return Ok(Before { workspace, snapshot: Some((repository, id.to_owned())) });
        }
        let id = take(&repository).await?;
        fs::write(file, format!("{turn} {id}"))?;
        if !repository.file(BASE_FILE).exists() {
            fs::write(repository.file(BASE_FILE), &id)?;
        }
        Ok(Before { workspace, snapshot: Some((repository, id)) })
    }

    async fn compare(&self, before: Before) -> Result<TurnChanges, GitError> {
        let (repository, from) = match before.snapshot {
            Some(snapshot) => snapshot,
            None if is_empty(&before.workspace.folder) => return Ok(TurnChanges::default()),
            None => {
                let repository = self.open(&before.workspace).await?;
                fs::write(repository.file(BASE_FILE), EMPTY_TREE)?;
                (repository, EMPTY_TREE.to_owned())
            }
        };
        let to = take(&repository).await?;
        let of_turn = patches::compare(&repository, &from, &to).await?;
        let base = fs::read_to_string(repository.file(BASE_FILE)).unwrap_or_else(|_| from.clone());
        let of_session = if base == from { of_turn.clone() } else { patches::compare(&repository, &base, &to).await? };
        Ok(TurnChanges { of_turn, of_session })
    }

    async fn open(&self, workspace: &Workspace) -> Result<Repository, GitError> {
        Repository::open(&self.host, &self.root, workspace).await
    }

    /// Returns the result of an operation on a folder, unless it fails or takes too long, or another one has recently failed.
    async fn within<T>(
        &self,
        folder: &Path,
        limit: Duration,
        operation: impl Future<Output = Result<T, GitError>>,
    ) -> Option<T> {
        if self.failed().get(folder).is_some_and(|failed_at| failed_at.elapsed() < PAUSE) {
            return None;
        }
        let error = match timeout(limit, operation).await {
            Ok(Ok(result)) => return Some(result),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not done within {}", seconds(limit)),
        };
        tracing::warn!(error, folder = %folder.display(), "cannot record what agents change in a folder");
        self.failed().insert(folder.to_owned(), Instant::now());
        None
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<PathBuf, Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the snapshots of a session that was deleted.
    pub async fn remove(&self, session: SessionId) {
        if let Err(error) = repository::remove(&self.host, &self.root, session).await {
            tracing::warn!(session_id = %session, %error, "failed to remove the snapshots of a deleted session");
        }
    }
}

/// Returns whether a folder contains nothing but the files that users have sent.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ATTACHMENTS_FOLDER)))
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
    let (updated, removed) = spawn_blocking(sort).await.map_err(io::Error::other)??;
    let has_changed = !updated.is_empty() || !removed.is_empty();
    if !updated.is_empty() {
        let arguments = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"].map(OsStr::new);
        repository.git.run(&arguments, updated).await?;
    }
    repository.forget(&removed).await?;
    Ok(has_changed)
}

/// Divides a list of paths into those to update in the index and those to remove from it. Each path ends with a NUL. Fails if
/// the files are too large.
fn sort_paths(top: &Path, listed: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let paths: BTreeSet<&[u8]> =
        listed.split(|byte| *byte == 0).filter(|path| !path.is_empty() && !path.ends_with(b"/")).collect();
    let (mut updated, mut removed, mut size) = (Vec::new(), Vec::new(), 0);
    for path in paths {
        let full = top.join(OsStr::from_bytes(path));
        let kept = match fs::symlink_metadata(&full) {
            // Git would fail if it could not read the file.
            Ok(found) if found.is_file() => {
                if found.len() > MAX_FILE_BYTES || File::open(&full).is_err() {
                    continue;
                }
                size += found.len();
                if size > MAX_ADDED_BYTES {
                    let message = format!("more than {MAX_ADDED_BYTES} bytes of files are not in a git repository");
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
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
    Ok((updated, removed))
}

//! The private git repository with the snapshots of a session.
//!
//! It has its own index, and a configuration in which nothing is executed and the bytes of files are not converted. If
//! the session works in a repository of the user, the objects are stored there, and a ref `refs/banter/…` keeps them.
//! The index, HEAD, branches, and configuration of that repository are never changed.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use banter_shared::{id::SessionId, private};
use tokio::task::spawn_blocking;

use super::Workspace;
use crate::{
    agents::{ATTACHMENTS_FOLDER, process::ProcessHost},
    workplace::git::{Git, GitError},
};

/// The attributes of all files. They take precedence over those in the files of the user's repository, so that the bytes
/// of files are stored unchanged and no filter applies.
const ATTRIBUTES: &str = "* -text !eol !filter !ident !working-tree-encoding\n";
/// The configuration of the private repository, to which the user's own list of ignored files is added.
const CONFIG: &str = "[core]\n\tfilemode = true\n\tbare = false\n\tautocrlf = false\n\tfsmonitor = false\n\
     \thooksPath = /dev/null\n\tlogAllRefUpdates = false\n\tcompression = 1\n\tprotectHFS = true\n\tprotectNTFS = false\n\
     [gc]\n\tauto = 0\n";
/// The attributes that change the bytes of a file in a way that does not always change their number.
const CONVERTING: [&str; 3] = ["filter", "ident", "working-tree-encoding"];

/// The user's repository that contains the folder of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UserRepository {
    /// The folder that contains the repository's files.
    top: PathBuf,
    /// The folder with the index.
    git_dir: PathBuf,
    /// The folder with the objects and refs.
    common_dir: PathBuf,
    /// The name of the hash algorithm.
    object_format: String,
}

/// The private repository of a session.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    /// Runs git in the private repository.
    pub git: Git,
    /// The folder that contains the private repository.
    directory: PathBuf,
    /// The files whose snapshots are taken, relative to the folder in which git runs; `None` for all.
    pub scope: Option<PathBuf>,
    /// Runs git in the user's repository; `None` if there is none.
    user: Option<Git>,
    /// The folder with the refs of the user's repository, if there is one.
    common_dir: Option<PathBuf>,
    /// The name of the ref that keeps the snapshots.
    reference: String,
}

impl Repository {
    /// Opens the private repository of a session that works in this folder, and creates it if necessary.
    pub async fn open(host: &ProcessHost, root: &Path, workspace: &Workspace) -> Result<Self, GitError> {
        let Workspace { session, folder, is_own } = workspace;
        let directory = root.join(session.to_string());
        let folder = folder.canonicalize()?;
        let user = find_repository(&Git::new(host, &folder)?).await;
        let top = user.as_ref().map_or(&folder, |user| &user.top).clone();
        private::create_folder(&directory)?;
        let is_new = !directory.join("config").exists();
        create_files(&directory, user.as_ref(), *is_own)?;
        // A killed git leaves its locks behind. No other process uses this repository.
        remove_stale(&directory.join("index.lock"))?;
        let mut git = Git::new(host, &top)?
            .with("GIT_DIR", &directory)
            .with("GIT_WORK_TREE", &top)
            .with("GIT_INDEX_FILE", directory.join("index"));
        if let Some(user) = &user {
            git = git.with("GIT_OBJECT_DIRECTORY", user.common_dir.join("objects"));
        }
        let scope = folder.strip_prefix(&top).ok().filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned);
        let user_git = match &user {
            Some(user) => Some(Git::new(host, &top)?.with("GIT_DIR", &user.common_dir)),
            None => None,
        };
        let reference = reference_of(*session);
        let common_dir = user.as_ref().map(|user| user.common_dir.clone());
        let repository = Self { git, directory, scope, user: user_git, common_dir, reference };
        if let Some(user) = user.filter(|_| is_new) {
            repository.adopt_index(host, &user).await?;
        }
        Ok(repository)
    }

    /// Returns the ID of the last snapshot, if there is one.
    pub async fn last(&self) -> Option<String> {
        self.refs().line(&["rev-parse", "--verify", "--quiet", &self.reference]).await.ok()
    }

    /// Makes a snapshot the last one, so that its objects are kept.
    pub async fn keep(&self, id: &str) -> Result<(), GitError> {
        let update = async || self.refs().line(&["update-ref", &self.reference, id]).await.map(drop);
        let Err(error) = update().await else { return Ok(()) };
        // Only this process writes the ref, so a lock is that of a killed one.
        let Some(common_dir) = &self.common_dir else { return Err(error) };
        remove_stale(&common_dir.join(format!("{}.lock", self.reference)))?;
        update().await
    }

    /// Runs git where the ref is.
    fn refs(&self) -> &Git {
        self.user.as_ref().unwrap_or(&self.git)
    }

    /// Returns the path of a file in the private repository.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Starts with a copy of the user's index, so that only the files that differ from it are read. Without it, all files
    /// are read.
    async fn adopt_index(&self, host: &ProcessHost, user: &UserRepository) -> Result<(), GitError> {
        let (from, to) = (user.git_dir.join("index"), self.file("index"));
        match fs::copy(&from, &to) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        private::restrict(&to, private::FILE_MODE);
        let dropped = match self.list_converted(host, user).await {
            Ok(paths) => self.forget(&paths).await,
            Err(error) => Err(error),
        };
        if let Err(error) = dropped {
            // The index may be split, or have extensions that the private repository does not support.
            tracing::info!(%error, "the index of a repository cannot be used; reading all of its files");
            fs::remove_file(&to)?;
        }
        Ok(())
    }

    /// Returns the paths of the files whose objects in the user's repository may differ from their bytes.
    async fn list_converted(&self, host: &ProcessHost, user: &UserRepository) -> Result<Vec<u8>, GitError> {
        let listed = self.git.run(&["ls-files", "--stage", "-z"].map(OsStr::new), Vec::new()).await?;
        let mut entries: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            // `<mode> <object> <stage>\t<path>`
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let mut fields = entry[..tab].split(|byte| *byte == b' ');
            let (mode, object) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            if mode.starts_with(b"100") {
                entries.insert(entry[tab + 1..].to_vec(), object.to_vec());
            }
        }
        let mut paths: Vec<u8> = Vec::new();
        let mut objects: Vec<u8> = Vec::new();
        let mut order = Vec::with_capacity(entries.len());
        for (path, object) in entries {
            paths.extend_from_slice(&path);
            paths.push(0);
            objects.extend_from_slice(&object);
            objects.push(b'\n');
            order.push(path);
        }
        let sizes = self.git.run(&["cat-file", "--batch-check=%(objectsize)"].map(OsStr::new), objects).await?;
        let attributes = Git::new(host, &user.top)?.with("GIT_DIR", &user.git_dir).with("GIT_WORK_TREE", &user.top);
        let arguments: Vec<&OsStr> =
            ["check-attr", "-z", "--stdin"].into_iter().chain(CONVERTING).map(OsStr::new).collect();
        let attributes = attributes.run(&arguments, paths).await?;
        let top = user.top.clone();
        let find = move || {
            let mut converted: Vec<u8> = Vec::new();
            let mut add = |path: &[u8]| {
                converted.extend_from_slice(path);
                converted.push(0);
            };
            for (path, size) in order.iter().zip(sizes.split(|byte| *byte == b'\n')) {
                let size = std::str::from_utf8(size).ok().and_then(|size| size.trim().parse::<u64>().ok());
                let found = fs::symlink_metadata(top.join(OsStr::from_bytes(path))).ok();
                if found.is_some_and(|found| size != Some(found.len())) {
                    add(path);
                }
            }
            // `<path>\0<attribute>\0<value>\0`
            let fields: Vec<&[u8]> = attributes.split(|byte| *byte == 0).collect();
            for attribute in fields.chunks_exact(3) {
                if !matches!(attribute[2], b"unspecified" | b"unset") {
                    add(attribute[0]);
                }
            }
            converted
        };
        spawn_blocking(find).await.map_err(|error| io::Error::other(error).into())
    }

    /// Removes paths from the index, each of which ends with a NUL.
    pub async fn forget(&self, paths: &[u8]) -> Result<(), GitError> {
        if paths.is_empty() {
            return Ok(());
        }
        let arguments = ["update-index", "-z", "--force-remove", "--stdin"].map(OsStr::new);
        self.git.run(&arguments, paths.to_vec()).await.map(drop)
    }
}

/// Returns the name of the ref that keeps the snapshots of a session. It differs from that of the session's branch in more
/// than the folder, because git would otherwise consider short names ambiguous.
fn reference_of(session: SessionId) -> String {
    format!("refs/banter/{session}/snapshots")
}

/// Removes the snapshots of a session.
pub(super) async fn remove(host: &ProcessHost, root: &Path, session: SessionId) -> Result<(), GitError> {
    let directory = root.join(session.to_string());
    if !directory.exists() {
        return Ok(());
    }
    if let Ok(source) = fs::read(directory.join("source")) {
        let common_dir = PathBuf::from(OsString::from_vec(source));
        if common_dir.is_dir() {
            let git = Git::new(host, &common_dir)?.with("GIT_DIR", &common_dir);
            git.line(&["update-ref", "-d", &reference_of(session)]).await?;
        }
    }
    Ok(fs::remove_dir_all(&directory)?)
}

/// Removes a file that a killed process has left behind, if it exists.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the files of the private repository.
fn create_files(directory: &Path, user: Option<&UserRepository>, is_own: bool) -> io::Result<()> {
    for folder in ["objects", "refs", "info"] {
        private::create_folder(&directory.join(folder))?;
    }
    let mut config = CONFIG.to_owned();
    match user {
        Some(user) if user.object_format != "sha1" => {
            config.push_str("[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tobjectFormat = ");
            config.push_str(&user.object_format);
            config.push('\n');
        }
        _ => config.push_str("[core]\n\trepositoryFormatVersion = 0\n"),
    }
    if is_own {
        fs::write(directory.join("info/exclude"), format!("/{ATTACHMENTS_FOLDER}/\n"))?;
    } else if let Some(user) = user {
        // The list has a fixed name in the private repository, so that no path must be quoted.
        match fs::copy(user.common_dir.join("info/exclude"), directory.join("info/exclude")) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(user) = user {
        // Objects must be as accessible as those of the repository, whose folder may restrict the access.
        config.push_str("[core]\n\tsharedRepository = 0644\n");
        fs::write(directory.join("source"), user.common_dir.as_os_str().as_bytes())?;
    }
    fs::write(directory.join("info/attributes"), ATTRIBUTES)?;
    fs::write(directory.join("config"), config)?;
    // A repository without this file is not recognized, so it is written last.
    fs::write(directory.join("HEAD"), "ref: refs/heads/none\n")
}

/// Finds the repository that contains a folder. Repositories whose `.git` refers to an unrelated folder are ignored.
async fn find_repository(git: &Git) -> Option<UserRepository> {
    let arguments = ["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--show-object-format"];
    let found = git.line(&arguments).await.ok()?;
    let lines: Vec<&str> = found.lines().collect();
    let [top, git_dir, common_dir, object_format] = lines.as_slice() else { return None };
    let top = Path::new(top).canonicalize().ok()?;
    let git_dir = Path::new(git_dir).canonicalize().ok()?;
    // This path is relative to the folder in which git runs.
    let common_dir = git.folder().join(common_dir).canonicalize().ok()?;
    let belongs =
        if git_dir == common_dir { git_dir == top.join(".git") } else { is_linked(&top, &git_dir, &common_dir) };
    belongs.then(|| UserRepository { top, git_dir, common_dir, object_format: (*object_format).to_owned() })
}

/// Returns whether a folder is a linked worktree of a repository, as the repository itself says.
fn is_linked(top: &Path, git_dir: &Path, common_dir: &Path) -> bool {
    let back = fs::read_to_string(git_dir.join("gitdir")).unwrap_or_default();
    git_dir.parent() == Some(&common_dir.join("worktrees"))
        && Path::new(back.trim()).canonicalize().is_ok_and(|path| path == top.join(".git"))
}

//! Git worktrees, in which sessions of the same repository work side by side. Each one is on a branch of its own.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use banter_shared::{
    chat::{ErrorCode, GitState},
    id::SessionId,
    private,
};

use crate::{
    agents::{AgentError, process::ProcessHost},
    workplace::git::{Git, GitError},
};

/// The worktrees of all sessions on this worker's machine.
#[derive(Clone, Debug)]
pub struct Worktrees {
    host: ProcessHost,
    /// The folder with the worktrees.
    root: PathBuf,
}

/// What is known about a worktree that has been created completely.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    /// The repository.
    repository: PathBuf,
    /// The path of the session's folder within the repository; usually empty.
    prefix: PathBuf,
    /// The git ref that was asked for; empty for the commit that was checked out.
    base: String,
    /// The commit from which the branch starts.
    commit: String,
}

impl Record {
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.lines();
        Some(Self {
            repository: lines.next()?.into(),
            prefix: lines.next()?.into(),
            base: lines.next()?.to_owned(),
            commit: lines.next()?.to_owned(),
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let Self { repository, prefix, base, commit } = self;
        let text = format!("{}\n{}\n{base}\n{commit}\n", repository.display(), prefix.display());
        // The file appears under its name only when it is complete.
        let partial = path.with_extension("partial");
        fs::write(&partial, text)?;
        fs::rename(partial, path)
    }
}

impl Worktrees {
    /// Keeps the worktrees in the data folder of this host.
    #[must_use]
    pub fn new(host: &ProcessHost) -> Self {
        Self { host: host.clone(), root: host.folders().worktrees() }
    }

    /// Returns the folder in which a session works. Creates the session's worktree if it does not exist, on a new branch
    /// that starts at `base`, or at the current commit of the repository.
    ///
    /// # Errors
    /// Fails if the folder is not in a repository with a commit, or if the base does not exist.
    pub async fn open(&self, session: SessionId, folder: &Path, base: Option<&str>) -> Result<PathBuf, AgentError> {
        let path = self.path(session);
        if let Some(record) = Record::read(&self.record_path(session))
            && path.is_dir()
        {
            return Ok(path.join(record.prefix));
        }
        self.create(session, folder, base).await.map_err(|error| {
            tracing::warn!(session_id = %session, %error, "failed to create a worktree");
            AgentError::new(ErrorCode::AgentUnavailable, error.to_string())
        })
    }

    async fn create(&self, session: SessionId, folder: &Path, base: Option<&str>) -> Result<PathBuf, CreateError> {
        let git = Git::new(&self.host, folder)?;
        let top = git.line(&["rev-parse", "--show-toplevel"]).await.map_err(|_| CreateError::NoRepository)?;
        let repository = Path::new(&top).canonicalize()?;
        let prefix = folder.canonicalize()?.strip_prefix(&repository).map(Path::to_owned).unwrap_or_default();
        let git = Git::new(&self.host, &repository)?;
        let wanted = format!("{}^{{commit}}", base.unwrap_or("HEAD"));
        let commit = git.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).await;
        let commit = commit.map_err(|_| match base {
            Some(base) => CreateError::UnknownBase(base.to_owned()),
            None => CreateError::NoCommit,
        })?;
        let path = self.path(session);
        private::create_folder(&self.root)?;
        // A worker may have been killed while it created the worktree.
        discard(&git, &path).await?;
        let branch = branch_of(session);
        let git = git.without_filters().await?;
        let add = ["worktree", "add", "--quiet", "--no-checkout"].map(OsStr::new).into_iter();
        let reference = format!("refs/heads/{branch}");
        let (start, added): (String, Vec<&OsStr>) =
            if git.line(&["rev-parse", "--verify", "--quiet", &reference]).await.is_ok() {
                // The branch may contain work: the worktree was lost, for example with the data folder.
                let start = git.line(&["merge-base", &commit, &reference]).await;
                let existing = [path.as_os_str(), OsStr::new(&branch)];
                (start.unwrap_or_else(|_| commit.clone()), add.chain(existing).collect())
            } else {
                let new = [OsStr::new("-b"), OsStr::new(&branch), path.as_os_str(), OsStr::new(&commit)];
                (commit.clone(), add.chain(new).collect())
            };
        git.run(&added, Vec::new()).await?;
        Git::new(&self.host, &path)?.without_filters().await?.line(&["reset", "--quiet", "--hard"]).await?;
        let base = base.unwrap_or_default().to_owned();
        let record = Record { repository, prefix, base, commit: start };
        record.write(&self.record_path(session))?;
        Ok(path.join(record.prefix))
    }

    /// Returns the state of the repository that contains a session's folder; `None` if there is none.
    pub async fn state(&self, session: SessionId, folder: &Path) -> Option<GitState> {
        let git = Git::new(&self.host, folder).ok()?.without_filters().await.ok()?;
        let head = git.line(&["symbolic-ref", "--quiet", "HEAD"]).await.ok();
        let branch = head.and_then(|head| Some(head.strip_prefix("refs/heads/")?.to_owned()));
        let status = git.line(&["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all"]).await;
        let dirty = !status.ok()?.is_empty();
        let record = Record::read(&self.record_path(session)).filter(|_| folder.starts_with(self.path(session)));
        let ahead = match &record {
            Some(record) => git.line(&["rev-list", "--count", &format!("{}..HEAD", record.commit)]).await.ok(),
            None => None,
        };
        Some(GitState {
            branch,
            base: record.map(|record| if record.base.is_empty() { short(&record.commit) } else { record.base }),
            ahead: ahead.and_then(|count| count.parse().ok()),
            dirty,
        })
    }

    /// Removes the worktree of a session that was deleted, unless it contains changes that are not committed. Its branch is
    /// removed only if it has no commits of its own.
    pub async fn remove(&self, session: SessionId) {
        let record_path = self.record_path(session);
        let Some(record) = Record::read(&record_path) else { return };
        if let Err(error) = self.try_remove(session, &record).await {
            tracing::warn!(session_id = %session, %error, "failed to remove the worktree of a deleted session");
        }
    }

    async fn try_remove(&self, session: SessionId, record: &Record) -> Result<(), GitError> {
        let path = self.path(session);
        if path.is_dir() {
            let git = Git::new(&self.host, &path)?.without_filters().await?;
            let status = git.line(&["status", "--porcelain", "--untracked-files=normal"]).await?;
            if !status.is_empty() {
                tracing::warn!(path = %path.display(), "kept a worktree with uncommitted changes of a deleted session");
                return Ok(());
            }
        }
        if record.repository.is_dir() {
            let git = Git::new(&self.host, &record.repository)?;
            discard(&git, &path).await?;
            let branch = branch_of(session);
            let own = git.line(&["rev-list", "--count", &format!("{}..refs/heads/{branch}", record.commit)]).await;
            if own.is_ok_and(|count| count == "0") {
                git.line(&["branch", "--quiet", "-D", &branch]).await?;
            }
        }
        Ok(fs::remove_file(self.record_path(session))?)
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.root.join(session.to_string())
    }

    fn record_path(&self, session: SessionId) -> PathBuf {
        self.root.join(format!("{session}.worktree"))
    }
}

/// Removes a worktree, whatever it contains. Nothing happens if it does not exist.
async fn discard(git: &Git, path: &Path) -> Result<(), GitError> {
    if path.exists() {
        // Git does not know a worktree whose creation was interrupted early.
        let arguments = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
        let arguments: Vec<&OsStr> = arguments.into_iter().chain([path.as_os_str()]).collect();
        if git.run(&arguments, Vec::new()).await.is_err() {
            fs::remove_dir_all(path)?;
        }
    }
    git.line(&["worktree", "prune"]).await.map(drop)
}

/// Returns the name of a session's branch.
fn branch_of(session: SessionId) -> String {
    format!("banter/{session}")
}

/// Returns the first characters of the ID of a commit.
fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// A reason why a worktree could not be created, as a sentence for the user.
#[derive(Debug, thiserror::Error)]
enum CreateError {
    #[error("The folder is not in a git repository, which its worktrees require.")]
    NoRepository,
    #[error("The folder's git repository has no commit yet.")]
    NoCommit,
    #[error("The folder's git repository has no branch, tag, or commit “{0}”.")]
    UnknownBase(String),
    #[error("The worktree could not be created on the worker.")]
    Git(#[from] GitError),
    #[error("The worktree could not be created on the worker.")]
    File(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// A repository with a commit, and its worktrees.
    struct Workbench {
        _data: TempDir,
        project: TempDir,
        worktrees: Worktrees,
    }

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@localhost"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    impl Workbench {
        fn new() -> Self {
            let (data, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            git(project.path(), &["init", "--quiet", "--initial-branch=main"]);
            fs::create_dir(project.path().join("app")).unwrap();
            fs::write(project.path().join("app/main.txt"), "one\n").unwrap();
            git(project.path(), &["add", "."]);
            git(project.path(), &["commit", "--quiet", "-m", "First"]);
            let worktrees = Worktrees::new(&ProcessHost::new(data.path()).unwrap());
            Self { _data: data, project, worktrees }
        }

        async fn open(&self, session: SessionId, base: Option<&str>) -> Result<PathBuf, AgentError> {
            self.worktrees.open(session, self.project.path(), base).await
        }
    }

    #[tokio::test]
    async fn sessions_work_side_by_side_on_their_own_branches() {
        let f = Workbench::new();
        let (one, two) = (SessionId::generate(), SessionId::generate());
        fs::write(f.project.path().join("app/main.txt"), "changed by the user\n").unwrap();

        let (first, second) = (f.open(one, None).await.unwrap(), f.open(two, Some("main")).await.unwrap());
        fs::write(first.join("app/main.txt"), "1\n").unwrap();
        git(&first, &["commit", "--quiet", "-am", "By the agent"]);
        fs::write(second.join("new.txt"), "2\n").unwrap();

        assert_eq!(f.open(one, None).await.unwrap(), first, "the worktree is kept");
        assert_eq!(fs::read_to_string(second.join("app/main.txt")).unwrap(), "one\n");
        let state = f.worktrees.state(one, &first).await.unwrap();
        let start = short(&git(f.project.path(), &["rev-parse", "main"]));
        let expected =
            GitState { branch: Some(format!("banter/{one}")), base: Some(start), ahead: Some(1), dirty: false };
        assert_eq!(state, expected);
        let state = f.worktrees.state(two, &second).await.unwrap();
        assert_eq!((state.base.as_deref(), state.ahead, state.dirty), (Some("main"), Some(0), true));
        let state = f.worktrees.state(one, f.project.path()).await.unwrap();
        assert_eq!(state, GitState { branch: Some("main".into()), base: None, ahead: None, dirty: true });
    }

    #[tokio::test]
    async fn removes_only_what_contains_no_work() {
        let f = Workbench::new();
        let (clean, committed, dirty) = (SessionId::generate(), SessionId::generate(), SessionId::generate());
        let paths = [f.open(clean, None).await.unwrap(), f.open(committed, None).await.unwrap()];
        let kept = f.open(dirty, None).await.unwrap();
        fs::write(paths[1].join("app/main.txt"), "1\n").unwrap();
        git(&paths[1], &["commit", "--quiet", "-am", "By the agent"]);
        fs::write(kept.join("new.txt"), "2\n").unwrap();

        for session in [clean, committed, dirty] {
            f.worktrees.remove(session).await;
        }

        assert!(paths.iter().all(|path| !path.exists()) && kept.join("new.txt").exists());
        let branches = git(f.project.path(), &["branch", "--format=%(refname:short)"]);
        assert!(!branches.contains(&clean.to_string()) && branches.contains(&committed.to_string()), "{branches}");
        assert_eq!(git(f.project.path(), &["worktree", "list"]).lines().count(), 2);
    }

    #[tokio::test]
    async fn repeats_an_interrupted_creation() {
        let f = Workbench::new();
        let session = SessionId::generate();
        let path = f.open(session, None).await.unwrap();
        fs::remove_file(path.join("app/main.txt")).unwrap();
        fs::remove_file(f.worktrees.record_path(session)).unwrap();

        assert_eq!(f.open(session, None).await.unwrap(), path);
        assert_eq!(fs::read_to_string(path.join("app/main.txt")).unwrap(), "one\n");
        fs::remove_file(f.worktrees.record_path(session)).unwrap();
        git(f.project.path(), &["worktree", "remove", "--force", path.to_str().unwrap()]);
        fs::create_dir(&path).unwrap();
        assert_eq!(f.open(session, None).await.unwrap(), path);
        git(f.project.path(), &["fsck", "--strict"]);
    }

    #[tokio::test]
    async fn a_lost_worktree_is_created_again_with_the_work_on_its_branch() {
        let f = Workbench::new();
        let session = SessionId::generate();
        let path = f.open(session, None).await.unwrap();
        fs::write(path.join("app/main.txt"), "by the agent\n").unwrap();
        git(&path, &["commit", "--quiet", "-am", "By the agent"]);
        fs::remove_dir_all(&path).unwrap();
        fs::remove_file(f.worktrees.record_path(session)).unwrap();

        assert_eq!(f.open(session, None).await.unwrap(), path);

        assert_eq!(fs::read_to_string(path.join("app/main.txt")).unwrap(), "by the agent\n");
        assert_eq!(f.worktrees.state(session, &path).await.unwrap().ahead, Some(1));
    }

    #[tokio::test]
    async fn a_subfolder_keeps_its_place_and_nothing_configured_runs() {
        use std::os::unix::fs::PermissionsExt as _;

        let f = Workbench::new();
        let marker = f.project.path().join("ran");
        let script = f.project.path().join(".git/script");
        fs::write(&script, format!("#!/bin/sh\necho $0 $@ >> {}\ncat\n", marker.display())).unwrap();
        for hook in ["post-checkout", "reference-transaction", "post-index-change"] {
            fs::copy(&script, f.project.path().join(".git/hooks").join(hook)).unwrap();
        }
        for path in [script.clone(), f.project.path().join(".git/hooks/post-checkout")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (name, value) in [
            ("filter.evil.smudge", script.to_str().unwrap()),
            ("filter.evil.clean", script.to_str().unwrap()),
            ("filter.evil.required", "true"),
            ("core.fsmonitor", script.to_str().unwrap()),
        ] {
            git(f.project.path(), &["config", name, value]);
        }
        fs::write(f.project.path().join(".git/info/attributes"), "* filter=evil\n").unwrap();
        let _ = fs::remove_file(&marker);
        let session = SessionId::generate();

        let path = f.worktrees.open(session, &f.project.path().join("app"), None).await.unwrap();

        assert!(path.ends_with("app") && path.join("main.txt").exists());
        f.worktrees.state(session, &path).await.unwrap();
        f.worktrees.remove(session).await;
        assert!(!marker.exists(), "{}", fs::read_to_string(&marker).unwrap_or_default());
    }

    #[tokio::test]
    async fn explains_why_there_is_no_worktree() {
        let f = Workbench::new();
        let session = SessionId::generate();
        let message = async |base| f.open(session, base).await.unwrap_err().message;

        for base in ["nowhere", "--upload-pack=x", "main:app/main.txt"] {
            let expected = format!("The folder's git repository has no branch, tag, or commit “{base}”.");
            assert_eq!(message(Some(base)).await, expected);
        }
        let plain = tempfile::tempdir().unwrap();
        let error = f.worktrees.open(session, plain.path(), None).await.unwrap_err();
        assert_eq!(error.message, "The folder is not in a git repository, which its worktrees require.");
    }
}

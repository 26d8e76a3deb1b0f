//! The folders and environment variables of agent processes.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, Permissions, TryLockError},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use banter_shared::{id::SessionId, private};

/// The agents' folders in `DATA_DIR`.
#[derive(Clone, Debug)]
pub struct AgentFolders {
    root: PathBuf,
}

impl AgentFolders {
    /// Uses the agents' folders in this data folder, and makes existing ones private.
    ///
    /// # Errors
    /// Fails if the data folder does not exist.
    pub fn new(data_dir: &Path) -> io::Result<Self> {
        let folders = Self { root: data_dir.canonicalize()? };
        folders.restrict();
        Ok(folders)
    }

    /// Makes folders and lock files created by earlier versions private. The permissions of the folders' contents stay
    /// unchanged, because no other account can reach the contents.
    fn restrict(&self) {
        let (work, agents) = (self.root.join("work"), self.root.join("agents"));
        let homes = entries(&agents).into_iter().flat_map(|own| [own.join("home"), own.join("tmp"), own]);
        let paths = entries(&work).into_iter().chain(homes).chain([work, agents]);
        let changed = paths
            .chain([self.snapshots(), self.worktrees()])
            .filter(|path| path.symlink_metadata().is_ok_and(|found| !found.is_symlink()))
            .filter(|path| {
                private::restrict(path, if path.is_dir() { private::FOLDER_MODE } else { private::FILE_MODE })
            })
            .count();
        if changed > 0 {
            tracing::info!(
                changed,
                "agents' folders were readable by other accounts; access is now restricted to this account"
            );
        }
    }

    /// Returns the work folder for a session's agents, creating the folder if it does not exist. The folder is kept
    /// until the session is deleted.
    ///
    /// # Errors
    /// Fails if the folder cannot be created.
    pub fn work(&self, session: SessionId) -> io::Result<PathBuf> {
        private_folder(self.work_path(session))
    }

    /// Returns the path of the folder for snapshots of the folders in which agents work.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// Returns the path of the folder for the worktrees of sessions.
    #[must_use]
    pub fn worktrees(&self) -> PathBuf {
        self.root.join("worktrees")
    }

    /// Returns the path to the file that is locked while an agent process is running for this session.
    #[must_use]
    pub fn lock(&self, session: SessionId) -> PathBuf {
        self.root.join("work").join(format!("{session}.lock"))
    }

    /// Returns whether the session has a work folder or a lock file.
    #[must_use]
    pub fn has_work(&self, session: SessionId) -> bool {
        self.work_path(session).symlink_metadata().is_ok() || self.lock(session).symlink_metadata().is_ok()
    }

    /// Removes the session's work folder and lock file. Returns `false` if an agent is still using them.
    ///
    /// # Errors
    /// Fails if the lock file cannot be opened or a file cannot be removed.
    pub fn remove_work(&self, session: SessionId) -> io::Result<bool> {
        if !self.has_work(session) {
            return Ok(true);
        }
        let lock = private::open_file(&self.lock(session))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        remove_all(&self.work_path(session))?;
        match fs::remove_file(self.lock(session)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    fn work_path(&self, session: SessionId) -> PathBuf {
        self.root.join("work").join(session.to_string())
    }

    /// Returns the environment variables that every agent receives, and creates the agent's home folder and temporary
    /// folder. The home folder is permanent because agents store sessions and credentials in it.
    ///
    /// # Errors
    /// Fails if the folders cannot be created.
    pub fn environment(&self, agent_key: &str) -> io::Result<Vec<(&'static str, OsString)>> {
        let own = self.root.join("agents").join(agent_key);
        let home = private_folder(own.join("home"))?;
        let temporary = private_folder(own.join("tmp"))?;
        Ok(vec![
            ("PATH", search_path()),
            ("HOME", home.into()),
            ("TMPDIR", temporary.into()),
            ("LANG", env::var_os("LANG").unwrap_or_else(|| "C.UTF-8".into())),
            ("TERM", "dumb".into()),
        ])
    }
}

/// Removes a folder and its contents, including folders that an agent has made read-only. Symbolic links are not
/// followed. A missing folder is not an error.
fn remove_all(folder: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(folder)?;
            fs::remove_dir_all(folder)
        }
        removed => removed,
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// Creates a private folder, or makes an existing folder private.
fn private_folder(path: PathBuf) -> io::Result<PathBuf> {
    if !private::create_folder(&path)? {
        private::restrict(&path, private::FOLDER_MODE);
    }
    Ok(path)
}

/// Returns the entries in a folder, or an empty list if the folder cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// Returns the absolute path of a program, or `None` if there is no such program. A name without a slash is looked up
/// on `PATH`.
#[must_use]
pub fn find_program(command: &str) -> Option<PathBuf> {
    let is_program =
        |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if command.contains('/') {
        return std::path::absolute(command).ok().filter(|path| is_program(path));
    }
    let name = OsStr::new(command);
    env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|path| path.is_absolute() && is_program(path))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn removes_a_work_folder_once_no_agent_is_using_it() {
        let data = tempfile::tempdir().unwrap();
        let folders = AgentFolders::new(data.path()).unwrap();
        let (session, other) = (SessionId::generate(), SessionId::generate());
        let kept = folders.work(other).unwrap();
        let work = folders.work(session).unwrap();
        let closed = work.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        std::os::unix::fs::symlink(&kept, work.join("link")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        let held = File::create(folders.lock(session)).unwrap();
        held.lock().unwrap();

        assert!(!folders.remove_work(session).unwrap());
        assert!(folders.has_work(session) && closed.exists());
        drop(held);

        assert!(folders.remove_work(session).unwrap());
        assert!(!folders.has_work(session) && kept.exists());
        assert!(folders.remove_work(session).unwrap(), "removing it again succeeds");
    }

    #[test]
    fn makes_read_only_folders_writable() {
        let data = tempfile::tempdir().unwrap();
        let (outer, inner) = (data.path().join("outer"), data.path().join("outer/inner"));
        fs::create_dir_all(&inner).unwrap();
        for folder in [&inner, &outer] {
            fs::set_permissions(folder, Permissions::from_mode(0o500)).unwrap();
        }

        make_writable(&outer).unwrap();

        for folder in [&inner, &outer] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn finds_only_executable_files() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert!(find_program("/bin/sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
        assert_eq!(find_program("/etc/passwd"), None);
        assert_eq!(find_program("/"), None);
    }
}

//! What surrounds an agent's process: its folders and its variables.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use banter_shared::id::SessionId;

/// The agents' part of `DATA_DIR`.
#[derive(Clone, Debug)]
pub struct Folders {
    root: PathBuf,
}

impl Folders {
    /// The folders below this one.
    ///
    /// # Errors
    /// When it is not there.
    pub fn new(data_dir: &Path) -> io::Result<Self> {
        Ok(Self { root: data_dir.canonicalize()? })
    }

    /// The folder that agents of this session work in. It is kept as long as the session is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn work(&self, session: SessionId) -> io::Result<PathBuf> {
        private(self.work_path(session))
    }

    /// The file that is locked while an agent of this session lives.
    #[must_use]
    pub fn lock(&self, session: SessionId) -> PathBuf {
        self.root.join("work").join(format!("{session}.lock"))
    }

    /// Whether there is anything of this session.
    #[must_use]
    pub fn has_work(&self, session: SessionId) -> bool {
        self.work_path(session).symlink_metadata().is_ok() || self.lock(session).symlink_metadata().is_ok()
    }

    /// Removes both, unless an agent still lives in it: then false.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn remove_work(&self, session: SessionId) -> io::Result<bool> {
        if !self.has_work(session) {
            return Ok(true);
        }
        let lock = File::options().write(true).create(true).truncate(false).open(self.lock(session))?;
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

    /// The few variables that every agent gets; makes the agent's home. It is kept: agents store sessions and credentials
    /// there.
    ///
    /// # Errors
    /// When its folders cannot be made.
    pub fn environment(&self, agent_key: &str) -> io::Result<Vec<(&'static str, OsString)>> {
        let own = self.root.join("agents").join(agent_key);
        let home = private(own.join("home"))?;
        let temporary = private(own.join("tmp"))?;
        Ok(vec![
            ("PATH", search_path()),
            ("HOME", home.into()),
            ("TMPDIR", temporary.into()),
            ("LANG", env::var_os("LANG").unwrap_or_else(|| "C.UTF-8".into())),
            ("TERM", "dumb".into()),
        ])
    }
}

/// Removes a folder with all that is in it, also where an agent has left folders that may not be written to. Links are not
/// followed. One that is not there does not matter.
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

/// Makes a folder that is for nobody else, also of one that was there before.
fn private(path: PathBuf) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    if fs::metadata(&path)?.permissions().mode() & 0o777 != 0o700 {
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
    }
    Ok(path)
}

fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// The program that a name stands for: a path as it is, else the first of that name on `PATH`.
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
    use super::*;

    #[test]
    fn a_work_folder_is_removed_when_nobody_works_in_it_any_more() {
        let data = tempfile::tempdir().unwrap();
        let folders = Folders::new(data.path()).unwrap();
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
        assert!(folders.remove_work(session).unwrap(), "nothing is left to be removed");
    }

    #[test]
    fn a_folder_that_may_not_be_written_to_becomes_so() {
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
    fn a_program_is_a_file_that_may_be_executed() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert!(find_program("/bin/sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
        assert_eq!(find_program("/etc/passwd"), None);
        assert_eq!(find_program("/"), None);
    }
}

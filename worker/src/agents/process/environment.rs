//! What surrounds an agent's process: its folders and its variables.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder},
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

    /// The folder that agents of this session work in. It is kept.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn work(&self, session: SessionId) -> io::Result<PathBuf> {
        private(self.root.join("work").join(session.to_string()))
    }

    /// The file that is locked while an agent of this session lives.
    #[must_use]
    pub fn lock(&self, session: SessionId) -> PathBuf {
        self.root.join("work").join(format!("{session}.lock"))
    }

    /// Removes both.
    pub fn remove_work(&self, session: SessionId) {
        let removed = fs::remove_dir_all(self.root.join("work").join(session.to_string()));
        if let Err(error) = removed.and_then(|()| fs::remove_file(self.lock(session))) {
            tracing::debug!(%error, "cannot remove a work folder");
        }
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

/// Makes a folder that is for nobody else.
fn private(path: PathBuf) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
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
    fn a_program_is_a_file_that_may_be_executed() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert!(find_program("/bin/sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
        assert_eq!(find_program("/etc/passwd"), None);
        assert_eq!(find_program("/"), None);
    }
}

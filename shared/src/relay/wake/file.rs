//! The file that is touched after each commit.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::private;

/// The identity of a file, independent of its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    id: FileId,
}

impl OpenFile {
    /// Opens the file, creating it if it is missing. Anything with this name that is not a regular file is replaced,
    /// including a symbolic link, so that no other file is written.
    fn open(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            fs::remove_file(path)?;
        }
        let file = private::open_file(path)?;
        let id = FileId::from(&file.metadata()?);
        Ok(Self { file, id })
    }
}

/// The wake-up file. It is kept open, because a watch follows the file, not its name.
#[derive(Debug)]
pub(in crate::relay) struct WakeFile {
    path: PathBuf,
    opened: Mutex<OpenFile>,
}

impl WakeFile {
    /// Opens the file next to the database, creating it if it is missing.
    pub(in crate::relay) fn open(database: &Path) -> io::Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-wake");
        let path = PathBuf::from(name);
        let opened = Mutex::new(OpenFile::open(&path)?);
        Ok(Self { path, opened })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Wakes every process that watches the file.
    pub(in crate::relay) fn touch(&self) -> io::Result<()> {
        self.with_current(|opened| opened.file.write_at(b".", 0)).map(drop)
    }

    /// Returns the ID of the file that the name currently refers to, creating the file if it is missing.
    pub(super) fn current_id(&self) -> io::Result<FileId> {
        self.with_current(|opened| Ok(opened.id))
    }

    /// Reopens the file if it was removed or replaced, because other processes now watch the new one.
    fn with_current<T>(&self, act: impl FnOnce(&OpenFile) -> io::Result<T>) -> io::Result<T> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::symlink_metadata(&self.path).ok().is_none_or(|found| FileId::from(&found) != opened.id) {
            *opened = OpenFile::open(&self.path)?;
        }
        act(&opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reopens_a_removed_or_replaced_file() {
        let folder = tempfile::tempdir().unwrap();
        let wake = WakeFile::open(&folder.path().join("chat.db")).unwrap();
        let first = wake.current_id().unwrap();
        assert_eq!(wake.current_id().unwrap(), first);

        fs::remove_file(wake.path()).unwrap();
        wake.touch().unwrap();
        assert_eq!(fs::read(wake.path()).unwrap(), b".");

        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        fs::rename(&other, wake.path()).unwrap();
        wake.touch().unwrap();
        assert_eq!(fs::read(wake.path()).unwrap(), b".");
    }

    #[test]
    fn replaces_a_symbolic_link_and_leaves_its_target_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chat.db");
        let precious = folder.path().join("precious");
        fs::write(&precious, "text").unwrap();
        let link = || std::os::unix::fs::symlink(&precious, folder.path().join("chat.db-wake")).unwrap();

        link();
        let wake = WakeFile::open(&database).unwrap();
        wake.touch().unwrap();
        fs::remove_file(wake.path()).unwrap();
        link();
        wake.touch().unwrap();

        assert_eq!(fs::read_to_string(&precious).unwrap(), "text");
        assert_eq!(fs::read(wake.path()).unwrap(), b".");
    }

    #[test]
    fn fails_while_the_folder_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let wake = WakeFile::open(&data.join("chat.db")).unwrap();

        fs::remove_dir_all(&data).unwrap();
        assert!(wake.touch().is_err());
        fs::create_dir(&data).unwrap();

        wake.touch().unwrap();
    }
}

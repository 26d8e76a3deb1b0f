//! A backup that is not complete yet.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{
    private,
    store::files::{DatabaseFiles, remove_if_present, sync_folder},
};

/// An unfinished backup. Dropping it removes its files.
pub(super) struct UnfinishedBackup {
    pub(super) path: PathBuf,
    /// The file, which is locked so that two backups never write to it at the same time.
    file: File,
}

impl UnfinishedBackup {
    /// Creates an empty file next to the target, replacing any file that a previous backup left behind.
    pub(super) fn create(target: &Path) -> Result<Self, TryLockError> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".partial");
        // The path is absolute, because SQLite would parse a name that begins with `file:` as a URI.
        let path = std::path::absolute(target.with_file_name(name)).map_err(TryLockError::Error)?;
        let file = private::open_own_file(&path).map_err(TryLockError::Error)?;
        match file.try_lock() {
            // If the file system does not support locks, the backup continues without one.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(TryLockError::Error(error));
            }
            Err(TryLockError::WouldBlock) => return Err(TryLockError::WouldBlock),
            _ => {}
        }
        let unfinished = Self { path, file };
        unfinished.empty().map_err(TryLockError::Error)?;
        Ok(unfinished)
    }

    /// Removes the content of the file, so that another snapshot can be written.
    pub(super) fn empty(&self) -> io::Result<()> {
        // A killed backup may have left a journal, which SQLite would apply to this backup.
        remove_if_present(&DatabaseFiles::new(&self.path).companion("-journal"))?;
        self.file.set_len(0)
    }

    /// Syncs the finished file, renames it to its final name, and returns its size in bytes.
    pub(super) fn publish(self, target: &Path) -> io::Result<u64> {
        self.file.sync_all()?;
        let written = self.file.metadata()?;
        let size = written.len();
        // If other accounts can write to the folder, the name may now refer to a different file.
        let named = fs::symlink_metadata(&self.path)?;
        if (named.dev(), named.ino()) != (written.dev(), written.ino()) {
            return Err(io::Error::other("the file was replaced while it was being written"));
        }
        fs::rename(&self.path, target)?;
        sync_folder(target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        Ok(size)
    }
}

impl Drop for UnfinishedBackup {
    fn drop(&mut self) {
        // After publishing, no file has this name, and there is nothing to remove.
        if let Err(error) = DatabaseFiles::new(&self.path).remove() {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an incomplete backup");
        }
    }
}

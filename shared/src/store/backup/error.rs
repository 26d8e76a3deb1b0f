//! Backup errors.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    attachments::{StorageError, TransferError},
    store::{NewerSchema, StoreError, sqlite},
};

/// The reason why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database does not exist.
    #[error("there is no database at {}; check DATABASE_URL", .0.display())]
    NoDatabase(PathBuf),
    /// The target exists.
    #[error("{} already exists; choose another name, or pass --overwrite", .0.display())]
    Exists(PathBuf),
    /// The target is a folder, a special file, or a dangling symbolic link.
    #[error("{} is not a regular file; pass a path to a file", .0.display())]
    NotAFile(PathBuf),
    /// The target is the database or one of its companion files.
    #[error("{} is one of the database's own files; choose another name", .0.display())]
    IsDatabase(PathBuf),
    /// Another backup to the same target is running.
    #[error("another backup to {} is running", .0.display())]
    Running(PathBuf),
    /// A restore is replacing the database, or another process held the migration lock for too long.
    #[error("a restore is in progress; try again after `api restore` finishes")]
    BeingRestored,
    /// The database file is itself a backup, but the write-ahead log next to it belongs to another database.
    #[error("{path} is a backup, but {path}-wal belongs to the database that it replaced; see docs/operations.md", path = .0.display())]
    ForeignLog(PathBuf),
    /// A newer version has migrated the database.
    #[error(
        "{} has schema version {}, but this program supports schema versions up to {}; back up with the newer version",
        .0.display(), .1.found, .1.known
    )]
    NewerSchema(PathBuf, NewerSchema),
    /// The target's disk is full.
    #[error("not enough disk space for {}", .0.display())]
    NoSpace(PathBuf),
    /// The target or a lock file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The database could not be read, or the copy could not be written.
    #[error("cannot copy the database to {}", path.display())]
    Copy {
        /// The target.
        path: PathBuf,
        /// The database error.
        #[source]
        source: StoreError,
    },
    /// The folder for files could not be created, read, or cleaned up.
    #[error("cannot write to {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The folder for files could not be opened.
    #[error("cannot write to {}", path.display())]
    Storage {
        /// The folder.
        path: PathBuf,
        /// The error.
        #[source]
        source: StorageError,
    },
    /// The folder for files is the storage itself.
    #[error("{} contains the files of attachments in use; choose another name", .0.display())]
    IsStorage(PathBuf),
    /// The files of attachments could not be copied.
    #[error(transparent)]
    Files(#[from] TransferError),
    /// Each snapshot of the database referred to files that were deleted before they could be copied.
    #[error("files are being deleted faster than they can be copied; try again")]
    FilesDeleted,
    /// The copy is corrupted, which means that the database is corrupted or the disk is failing.
    #[error("the copy is corrupted ({0}); run `api check`")]
    Damaged(String),
}

impl BackupError {
    /// Creates the error for a target or a lock file that cannot be written.
    pub(super) fn write(target: &Path, source: io::Error) -> Self {
        Self::Write { path: target.to_path_buf(), source }
    }

    /// Creates the error for a database that cannot be read, or whose copy cannot be written.
    pub(super) fn copy(target: &Path, source: sqlx::Error) -> Self {
        if sqlite::is_full(&source) {
            return Self::NoSpace(target.to_path_buf());
        }
        Self::Copy { path: target.to_path_buf(), source: source.into() }
    }
}

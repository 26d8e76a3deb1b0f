//! Restore errors.

use std::{io, path::PathBuf};

use crate::{
    attachments::{StorageError, TransferError},
    store::{NewerSchema, StoreError},
};

/// The reason why a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Another process is using the database.
    #[error("{} is in use by {user}; stop all `api` and `worker` processes first", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// A description of the process.
        user: String,
    },
    /// The source cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The source.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The source is the database.
    #[error("{} is the current database; pass a backup instead", .0.display())]
    IsDatabase(PathBuf),
    /// A process has the source open.
    #[error("{} is in use by {user}; copy it with `api backup` first", path.display())]
    SourceInUse {
        /// The source.
        path: PathBuf,
        /// A description of the process.
        user: String,
    },
    /// The source is not a Banter database, or is not a regular file.
    #[error("{} is not a Banter database", .0.display())]
    NotBanter(PathBuf),
    /// The source was migrated by a newer version.
    #[error(
        "{} has schema version {}, but this program (version {}) supports schema versions up to {}; restore it with the newer version",
        .0.display(), .1.found, env!("CARGO_PKG_VERSION"), .1.known
    )]
    NewerSchema(PathBuf, NewerSchema),
    /// The source is corrupted.
    #[error("{} is corrupted: {what}", path.display())]
    Damaged {
        /// The source.
        path: PathBuf,
        /// SQLite's message.
        what: String,
    },
    /// The disk has too little space for the copy.
    #[error("not enough disk space for a copy of {} in {}", .0.display(), .1.display())]
    NoSpace(PathBuf, PathBuf),
    /// A file in the database's folder could not be written, renamed, or locked.
    #[error("cannot write to {}", path.display())]
    Write {
        /// The database's folder.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The storage for attachments, or the folder with the files of the backup, could not be opened or read.
    #[error("cannot read {place}")]
    Storage {
        /// The URL of the storage.
        place: String,
        /// The error of the storage.
        #[source]
        source: StorageError,
    },
    /// The files of attachments could not be copied.
    #[error(transparent)]
    Files(#[from] TransferError),
    /// The copy could not be migrated.
    #[error("cannot migrate the copy of {}", path.display())]
    Migrate {
        /// The source.
        path: PathBuf,
        /// The migration error.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The database or the copy of the source could not be opened, read, or written.
    #[error("cannot open {}", path.display())]
    Store {
        /// The source, or the database.
        path: PathBuf,
        /// The database error.
        #[source]
        source: StoreError,
    },
}

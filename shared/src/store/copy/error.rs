//! Copy errors.

use std::path::PathBuf;

use crate::store::{OpenError, StoreError};

/// The reason why a copy failed. Except for [`CopyError::Differs`], running the copy again continues it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source and the target are the same database.
    #[error("--to is the current database; pass the URL of another one")]
    SameDatabase,
    /// The source does not exist.
    #[error("there is no database at {}; check DATABASE_URL", .0.display())]
    NoDatabase(PathBuf),
    /// The source could not be opened or migrated.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The target could not be opened or migrated.
    #[error("{}", .0.to_string().replacen("DATABASE_URL", "--to", 1))]
    Target(#[source] OpenError),
    /// Another process is using one of the databases.
    #[error("{path} is in use by {user}; stop all `api` and `worker` processes first")]
    InUse {
        /// The database file or server.
        path: String,
        /// A description of the process.
        user: String,
    },
    /// The target contains data.
    #[error("{path} is not empty (the table {table} has rows); pass the URL of an empty database")]
    NotEmpty {
        /// The target.
        path: String,
        /// A table with rows.
        table: &'static str,
    },
    /// The target is an unfinished copy of another database.
    #[error("{0} is an unfinished copy of another database; pass the URL of an empty database")]
    OtherCopy(String),
    /// A database could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The database file or server.
        path: String,
        /// The database error.
        #[source]
        source: StoreError,
    },
    /// The target could not be read or written.
    #[error("cannot write to {path}")]
    Write {
        /// The target.
        path: String,
        /// The database error.
        #[source]
        source: StoreError,
    },
    /// The target does not contain the same rows. The source was changed after the copy had begun.
    #[error(
        "{path} differs from the source in the table {table} ({found} of {expected} rows); the source was changed after \
         the copy had begun. Copy to an empty database"
    )]
    Differs {
        /// The target.
        path: String,
        /// The table.
        table: &'static str,
        /// The number of rows in the source.
        expected: u64,
        /// The number of rows in the target.
        found: u64,
    },
}

impl CopyError {
    /// Attributes an error to the target instead of the source.
    pub(super) fn into_target(self) -> Self {
        match self {
            Self::Source(error) => Self::Target(error),
            other => other,
        }
    }
}

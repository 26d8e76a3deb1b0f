//! Why a conversation was not stored.

use std::io;

use crate::{attachments::StorageError, store::StoreError, upkeep::FileError};

/// The reason why a conversation was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the storage for files is unavailable")]
    Storage(#[from] StorageError),
    #[error("a file cannot be read: {0}")]
    File(#[from] io::Error),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Store(error) => Self::Store(error),
            FileError::Storage(error) => Self::Storage(error),
        }
    }
}

impl Failure {
    /// Returns the reason for the user.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Store(StoreError::StorageLimit { limit }) => {
                format!("its files would exceed the limit of {limit} bytes for all your files")
            }
            Self::Store(StoreError::Corrupt(reason)) => reason.clone(),
            Self::Store(
                StoreError::Busy | StoreError::Unavailable(_) | StoreError::Unwritable(_) | StoreError::DiskFull,
            ) => "the database is busy or unavailable. Import the file again".into(),
            Self::Store(_) => "the database returned an error".into(),
            Self::Storage(_) | Self::File(_) => self.to_string(),
        }
    }
}

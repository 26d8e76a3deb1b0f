//! Attachments: the files that are part of messages.

pub mod create;
pub mod delete;
pub mod file_name;
pub mod get;
pub mod list;

use banter_shared::{attachments::StorageError, upkeep::FileError};

use crate::error::{ApiError, Code};

/// Maps an error of the store or the storage to a response.
fn file_error(error: FileError) -> ApiError {
    match error {
        FileError::Store(error) => error.into(),
        FileError::Storage(error) => storage_error(error),
    }
}

/// Maps an error of the storage to a response.
fn storage_error(error: StorageError) -> ApiError {
    ApiError::new(Code::StoreUnavailable, "The storage for files is unavailable. Send the same request again later.")
        .caused_by(error)
}

//! Attachments: the files that are part of messages.

pub mod create;
pub mod delete;
pub mod file_name;
pub mod get;

use banter_shared::attachments::StorageError;

use crate::error::{ApiError, Code};

/// Maps an error of the storage to a response.
fn storage_error(error: StorageError) -> ApiError {
    ApiError::new(Code::StoreUnavailable, "The storage for files is unavailable. Send the same request again later.")
        .caused_by(error)
}

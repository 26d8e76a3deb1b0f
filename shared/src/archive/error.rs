//! Why an export cannot be completed.

use std::io;

use tokio::task::JoinError;
use zip::result::ZipError;

use crate::{attachments::StorageError, store::StoreError};

/// The error for an export that cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed, or the session was deleted during the export.
    #[error("cannot read the chats: {0}")]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error("cannot read a file: {0}")]
    Storage(#[from] StorageError),
    /// A message cannot be converted.
    #[error("cannot convert a message: {0}")]
    Json(#[from] serde_json::Error),
    /// The conversion of a message panicked.
    #[error("cannot convert a message: {0}")]
    Conversion(#[from] JoinError),
    /// The zip file cannot be written.
    #[error("cannot write the zip file: {0}")]
    Zip(#[from] ZipError),
    /// The output cannot be written.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

//! Compares all stored files with the storage, and copies them to another one. Processes may change both meanwhile.

use futures::{StreamExt as _, TryStreamExt as _};

use crate::{
    attachments::{Storage, StorageError, StoredFile, Transfer, TransferError, TransferReport},
    id::FileId,
    store::{Store, StoreError},
};

/// The maximum number of objects that are checked at once.
const CHECKS_IN_FLIGHT: usize = 16;

/// The reason why the files could not be checked or copied.
#[derive(Debug, thiserror::Error)]
pub enum StoredFilesError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The storage failed.
    #[error("cannot read ATTACHMENTS_URL")]
    Storage(#[from] StorageError),
    /// A file could not be copied.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCheck {
    /// The number of files.
    pub files: usize,
    /// The files whose object is missing or has another size.
    pub missing: Vec<FileId>,
}

/// Checks that the storage contains an object of the right size for each file.
///
/// # Errors
/// Returns an error if the storage or the store fails.
pub async fn check(store: &Store, storage: &Storage) -> Result<FileCheck, StoredFilesError> {
    let mut report = FileCheck::default();
    let mut after = None;
    loop {
        let files = store.list_stored_files(after).await?;
        let Some(last) = files.last() else { return Ok(report) };
        after = Some(last.id);
        let sizes = futures::stream::iter(&files).map(async |file| Ok((file, storage.find_size(file.id).await?)));
        let is_missing = async |(file, size): (&StoredFile, Option<u64>)| {
            Ok::<_, StorageError>((size != Some(file.size)).then_some(file.id))
        };
        let missing: Vec<FileId> =
            sizes.buffer_unordered(CHECKS_IN_FLIGHT).try_filter_map(is_missing).try_collect().await?;
        // The others were deleted in the meantime.
        report.missing.extend(store.list_still_stored(&missing).await?);
        report.files += files.len();
    }
}

/// Copies the objects of all files. An object that the target already contains is not copied again.
///
/// # Errors
/// Returns an error if one of the storages or the store fails.
pub async fn copy(store: &Store, transfer: &Transfer) -> Result<TransferReport, StoredFilesError> {
    let mut report = TransferReport::default();
    let mut after = None;
    loop {
        let files = store.list_stored_files(after).await?;
        let Some(last) = files.last() else { return Ok(report) };
        after = Some(last.id);
        let mut copied = transfer.run(&files).await?;
        copied.missing = store.list_still_stored(&copied.missing).await?;
        report.add(copied);
    }
}

//! Restores, which replace the database with a backup.
//!
//! Guarantees:
//! - At any moment, even after `kill -9` or a power failure, the database's name refers to either the complete old
//!   database or the complete restored one.
//! - The source is never modified.
//! - The old database is kept under another name, and the files of its attachments are kept for [`FILES_KEPT`].
//!
//! A restore performs these steps:
//! 1. Copy the source next to the database, and verify and migrate the copy.
//! 2. Copy the files that the storage lacks.
//! 3. Write the entire old write-ahead log into the old database, so that the log cannot be applied to the new one.
//! 4. Give the old database a second name.
//! 5. Rename the copy to the database's name.

mod attachments;
mod error;
mod replacement;
mod staging;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

pub use error::RestoreError;

use super::files::{DatabaseFiles, describe_user, is_same_file};
use crate::{
    attachments::{Storage, TransferReport},
    clock::Timestamp,
};
use replacement::replace;
use staging::stage;

/// How long a restore waits for a process that is opening the database.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// How long the files that only the previous database uses are kept, so that it can be restored.
const FILES_KEPT: Duration = Duration::from_hours(30 * 24);

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The number of sessions in the restored database.
    pub sessions: i64,
    /// The number of messages in the restored database.
    pub messages: i64,
    /// What was copied to the storage for attachments.
    pub files: TransferReport,
    /// The path of the previous database, if there was one.
    pub previous: Option<PathBuf>,
}

/// Replaces `database` with a copy of `source`, after copying the files of its attachments to the storage.
///
/// # Errors
/// Returns an error if the restore failed. The database's content is then unchanged, unless the only failure was the
/// final sync of its folder.
pub async fn restore(
    database: &Path,
    storage: &Storage,
    source: &Path,
    now: Timestamp,
) -> Result<RestoreReport, RestoreError> {
    let files = DatabaseFiles::new(database);
    let write = |source| RestoreError::Write { path: files.folder().to_path_buf(), source };
    check_source(&files, source)?;
    files.create_folder().map_err(write)?;
    let in_use = |user| RestoreError::InUse { path: database.to_path_buf(), user };
    let Some(_lock) = files.lock_migration(Some(LOCK_LIMIT)).await.map_err(write)? else {
        return Err(in_use(describe_user(None)));
    };
    let alone = files.enter_alone().map_err(write)?;
    let user = files.find_user().map_err(write)?;
    if user.is_some() || alone.is_none() {
        return Err(in_use(describe_user(user)));
    }
    files.remove_leftovers().map_err(write)?;

    let staged = files.staged();
    let replaced = async {
        let (sessions, messages) = stage(&staged, source).await?;
        let files_copied = attachments::restore(&files, &staged, source, storage, now).await?;
        let previous = replace(&files, &staged, now).await?;
        Ok(RestoreReport { sessions, messages, files: files_copied, previous })
    };
    replaced.await.inspect_err(|_| {
        // Files that cannot be removed now are removed when the database is next opened.
        let _ = staged.remove();
    })
}

fn check_source(files: &DatabaseFiles, source: &Path) -> Result<(), RestoreError> {
    let read = |error| RestoreError::Read { path: source.to_path_buf(), source: error };
    if !fs::metadata(source).map_err(read)?.is_file() {
        return Err(RestoreError::NotBanter(source.to_path_buf()));
    }
    if is_same_file(files.database(), source) {
        return Err(RestoreError::IsDatabase(source.to_path_buf()));
    }
    match DatabaseFiles::new(source).find_user().map_err(read)? {
        Some(user) => Err(RestoreError::SourceInUse { path: source.to_path_buf(), user: describe_user(Some(user)) }),
        None => Ok(()),
    }
}

//! Restores, which replace the database with a backup.
//!
//! Guarantees:
//! - At any moment, even after `kill -9` or a power failure, the database's name refers to either the complete old
//!   database or the complete restored one.
//! - The source is never modified.
//! - The old database is kept under another name.
//!
//! A restore performs these steps:
//! 1. Copy the source next to the database, and verify and migrate the copy.
//! 2. Write the entire old write-ahead log into the old database, so that the log cannot be applied to the new one.
//! 3. Give the old database a second name.
//! 4. Rename the copy to the database's name.

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
use crate::clock::Timestamp;
use replacement::replace;
use staging::stage;

/// How long a restore waits for a process that is opening the database.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// The result of a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The number of sessions in the restored database.
    pub sessions: i64,
    /// The number of messages in the restored database.
    pub messages: i64,
    /// The path of the previous database, if there was one.
    pub previous: Option<PathBuf>,
}

/// Replaces `database` with a copy of `source`.
///
/// # Errors
/// Returns an error if the restore failed. The database's content is then unchanged, unless the only failure was the
/// final sync of its folder.
pub async fn restore(database: &Path, source: &Path, now: Timestamp) -> Result<RestoreReport, RestoreError> {
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
    let replaced = match stage(&staged, source).await {
        Ok((sessions, messages)) => replace(&files, &staged, now).await.map(|previous| (sessions, messages, previous)),
        Err(error) => Err(error),
    };
    let (sessions, messages, previous) = replaced.inspect_err(|_| {
        // Files that cannot be removed now are removed when the database is next opened.
        let _ = staged.remove();
    })?;
    Ok(RestoreReport { sessions, messages, previous })
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

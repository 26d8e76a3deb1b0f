//! The files of attachments in a backup.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use sqlx::SqliteConnection;

use super::BackupError;
use crate::{
    attachments::{Storage, StorageUrl, StoredFile, Transfer, TransferReport},
    companion::companion_path,
    id::FileId,
    private,
    store::files::{is_same_file, sync_folder},
};

/// The suffix of the folder with the files of a backup.
const FILES: &str = ".files";
/// The number of files that are listed at once.
const BATCH: i64 = 1000;

/// Returns the folder with the files of a backup.
pub(in crate::store) fn files_folder(backup: &Path) -> PathBuf {
    companion_path(backup, FILES)
}

/// Returns whether a database has a table of files, which earlier versions do not create.
pub(in crate::store) async fn has_files(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let query = "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'stored_file'";
    sqlx::query_scalar(query).fetch_one(connection).await
}

/// Returns the next files after this one whose objects are complete, in the order of their IDs.
pub(in crate::store) async fn list_stored(
    connection: &mut SqliteConnection,
    after: Option<FileId>,
) -> Result<Vec<StoredFile>, sqlx::Error> {
    let rows: Vec<(FileId, i64, String)> = sqlx::query_as(
        "SELECT id, size, sha256 FROM stored_file WHERE status = 'stored' AND id > $1 ORDER BY id LIMIT $2 + 0",
    )
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(BATCH)
    .fetch_all(connection)
    .await?;
    let files = rows.into_iter();
    Ok(files.map(|(id, size, sha256)| StoredFile { id, size: size.try_into().unwrap_or_default(), sha256 }).collect())
}

/// The files of a backup that is being written.
pub(super) struct BackupFiles<'a> {
    storage: &'a Storage,
    target: &'a Path,
    /// Copies into the folder of the backup. `None` until there is a file to copy.
    transfer: Option<Transfer>,
    /// The files of the latest snapshot.
    listed: HashSet<FileId>,
    report: TransferReport,
}

impl<'a> BackupFiles<'a> {
    /// Fails if the folder of the backup is the storage, from which nothing must be removed.
    pub(super) fn new(storage: &'a Storage, target: &'a Path) -> Result<Self, BackupError> {
        let path = files_folder(target);
        if is_storage(storage, &path) {
            return Err(BackupError::IsStorage(path));
        }
        Ok(Self { storage, target, transfer: None, listed: HashSet::new(), report: TransferReport::default() })
    }

    /// Copies the files to which a database refers.
    pub(super) async fn copy_all(&mut self, database: &mut SqliteConnection) -> Result<(), BackupError> {
        let read_error = |error| BackupError::copy(self.target, error);
        self.listed.clear();
        self.report.missing.clear();
        if !has_files(database).await.map_err(read_error)? {
            return Ok(());
        }
        let mut after = None;
        loop {
            let files = list_stored(database, after).await.map_err(read_error)?;
            let Some(last) = files.last() else { return Ok(()) };
            after = Some(last.id);
            self.listed.extend(files.iter().map(|file| file.id));
            let transfer = match self.transfer.take() {
                Some(transfer) => transfer,
                None => self.open()?,
            };
            let copied = self.transfer.insert(transfer).run(&files).await?;
            self.report.add(copied);
        }
    }

    /// Returns whether a missing file was deleted after the snapshot, instead of being lost. `database` is the one in
    /// use.
    pub(super) async fn were_deleted(&self, database: &mut SqliteConnection) -> Result<bool, BackupError> {
        for id in &self.report.missing {
            let query = sqlx::query_scalar("SELECT COUNT(*) > 0 FROM stored_file WHERE id = $1 AND status = 'stored'");
            let found = query.bind(*id).fetch_one(&mut *database).await;
            let is_stored: bool = found.map_err(|error| BackupError::copy(self.target, error))?;
            if !is_stored {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the files of a previous backup with the same name that this one does not contain. Returns the folder if
    /// the backup contains files, their number, and what was copied.
    pub(super) fn finish(self) -> Result<(Option<PathBuf>, usize, TransferReport), BackupError> {
        let path = files_folder(self.target);
        match remove_others(&path, &self.listed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::Folder { path, source: error });
            }
            _ => {}
        }
        let files = self.listed.len() - self.report.missing.len();
        Ok(((files > 0).then_some(path), files, self.report))
    }

    /// Removes all files.
    pub(super) fn discard(self) {
        let path = files_folder(self.target);
        match remove_others(&path, &HashSet::new()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "cannot remove the files of an incomplete backup");
            }
            _ => {}
        }
    }

    fn open(&self) -> Result<Transfer, BackupError> {
        let path = files_folder(self.target);
        let mut linked = list_siblings(&path).map_err(|source| BackupError::Folder { path: path.clone(), source })?;
        // A backup must not share files with the storage.
        linked.retain(|sibling| !is_storage(self.storage, sibling));
        let to = Storage::open(StorageUrl::Folder(path.clone()))
            .map_err(|source| BackupError::Storage { path: path.clone(), source })?;
        private::restrict(&path, private::FOLDER_MODE);
        Ok(Transfer { from: self.storage.clone(), to, linked })
    }
}

/// Returns whether the storage is this folder.
fn is_storage(storage: &Storage, folder: &Path) -> bool {
    matches!(storage.url(), StorageUrl::Folder(own) if is_same_file(own, folder))
}

/// Returns the folders with the files of other backups, next to this one.
fn list_siblings(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let is_files = entry.file_name().as_encoded_bytes().ends_with(FILES.as_bytes());
        if is_files && entry.file_name() != folder.file_name().unwrap_or_default() && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Removes the objects in a folder that are not listed, what crashed processes have written, and the folders that are
/// empty then. Leaves everything else in the folder unchanged.
fn remove_others(folder: &Path, listed: &HashSet<FileId>) -> io::Result<()> {
    for group in fs::read_dir(folder)? {
        let group = group?.path();
        if !group.is_dir() {
            continue;
        }
        for object in fs::read_dir(&group)? {
            let object = object?;
            let name = object.file_name().to_string_lossy().into_owned();
            let (id, is_complete) = match name.split_once('#') {
                Some((id, _)) => (id, false),
                None => (name.as_str(), true),
            };
            let Ok(id) = id.parse::<FileId>() else { continue };
            if !is_complete || !listed.contains(&id) {
                fs::remove_file(object.path())?;
            }
        }
        remove_if_empty(&group)?;
    }
    sync_folder(folder)?;
    remove_if_empty(folder)
}

fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}

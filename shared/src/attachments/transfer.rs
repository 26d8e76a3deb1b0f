//! Copies objects from one storage to another, for backups, restores, and moves.
//!
//! An object in the target is complete and has the expected content, or does not exist. Objects that the target already
//! contains are not copied again.

use std::{error::Error, fs, io, path::PathBuf};

use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::{Storage, StorageError, StorageUrl};
use crate::id::FileId;

/// The maximum number of objects that are copied at once. Each one needs up to 15 MiB if the target is a bucket.
const OBJECTS_IN_FLIGHT: usize = 4;

/// A file whose object is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its ID, which names the object.
    pub id: FileId,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 hash of the content, as lowercase hexadecimal digits.
    pub sha256: String,
}

/// The reason why objects could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The source failed.
    #[error("cannot read a file from {0}")]
    Read(StorageUrl, #[source] Box<StorageError>),
    /// The target's disk is full.
    #[error("not enough disk space for {0}")]
    NoSpace(StorageUrl),
    /// The target failed.
    #[error("cannot write a file to {0}")]
    Write(StorageUrl, #[source] Box<StorageError>),
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferReport {
    /// The number of objects that the target already contained.
    pub present: u64,
    /// The number of objects that were copied.
    pub copied: u64,
    /// The total size of these objects in bytes.
    pub copied_bytes: u64,
    /// The files of which the source has no intact object.
    pub missing: Vec<FileId>,
}

impl TransferReport {
    /// Adds what another transfer copied.
    pub fn add(&mut self, other: Self) {
        self.present += other.present;
        self.copied += other.copied;
        self.copied_bytes += other.copied_bytes;
        self.missing.extend(other.missing);
    }
}

/// What happened to one object.
enum Outcome {
    Present,
    Copied,
    Missing,
}

/// Copies objects from one storage to another.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The source.
    pub from: Storage,
    /// The target.
    pub to: Storage,
    /// Folders with the same layout as the target, on the same disk. Their files are linked instead of copied if the
    /// target is a folder.
    pub linked: Vec<PathBuf>,
}

impl Transfer {
    /// Copies the objects of these files that the target does not contain.
    ///
    /// # Errors
    /// Returns an error if one of the storages fails. A missing or damaged object in the source is not an error, but is
    /// part of the report.
    pub async fn run(&self, files: &[StoredFile]) -> Result<TransferReport, TransferError> {
        let outcomes = futures::stream::iter(files).map(async |file| Ok((file, self.copy(file).await?)));
        let add = async |mut report: TransferReport, (file, outcome): (&StoredFile, Outcome)| {
            match outcome {
                Outcome::Present => report.present += 1,
                Outcome::Copied => {
                    report.copied += 1;
                    report.copied_bytes += file.size;
                }
                Outcome::Missing => report.missing.push(file.id),
            }
            Ok(report)
        };
        outcomes.buffer_unordered(OBJECTS_IN_FLIGHT).try_fold(TransferReport::default(), add).await
    }

    async fn copy(&self, file: &StoredFile) -> Result<Outcome, TransferError> {
        let write = |error| self.write_error(error);
        if is_intact(&self.to, file).await.map_err(write)? {
            return Ok(Outcome::Present);
        }
        for folder in &self.linked {
            if self.link(folder, file).is_err() {
                continue;
            }
            if is_intact(&self.to, file).await.map_err(write)? {
                return Ok(Outcome::Present);
            }
            self.to.delete(file.id).await.map_err(write)?;
        }
        let mut pieces = match self.from.stream(file.id).await {
            Err(StorageError::NotFound) => return Ok(Outcome::Missing),
            opened => opened.map_err(|error| self.read_error(error))?,
        };
        self.to.delete_unfinished(file.id).await.map_err(write)?;
        let mut writing = self.to.write(file.id).await.map_err(write)?;
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    writing.abort().await;
                    return match error {
                        StorageError::NotFound => Ok(Outcome::Missing),
                        error => Err(self.read_error(error)),
                    };
                }
            };
            hash.update(&piece);
            size += piece.len() as u64;
            writing.add(piece).await.map_err(write)?;
        }
        if size != file.size || crate::hex::encode(&hash.finalize()) != file.sha256 {
            writing.abort().await;
            return Ok(Outcome::Missing);
        }
        writing.finish().await.map_err(write)?;
        Ok(Outcome::Copied)
    }

    /// Gives a file in another folder a second name in the target.
    fn link(&self, folder: &std::path::Path, file: &StoredFile) -> io::Result<()> {
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        let name = self.to.file(file.id).ok_or_else(unsupported)?;
        let StorageUrl::Folder(target) = self.to.url() else { return Err(unsupported()) };
        let linked = folder.join(name.strip_prefix(target).map_err(io::Error::other)?);
        if fs::symlink_metadata(&linked)?.len() != file.size {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(parent) = name.parent() {
            crate::private::create_folder(parent)?;
        }
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::hard_link(&linked, &name)?,
        }
        match name.parent() {
            Some(parent) => fs::File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }

    fn read_error(&self, error: StorageError) -> TransferError {
        TransferError::Read(self.from.url().clone(), error.into())
    }

    fn write_error(&self, error: StorageError) -> TransferError {
        let url = self.to.url().clone();
        if is_full(&error) { TransferError::NoSpace(url) } else { TransferError::Write(url, error.into()) }
    }
}

/// Returns whether the storage contains the object of a file. In a folder, the content is read and compared with its
/// hash; in a bucket, which detects damage itself, only the size is compared.
///
/// # Errors
/// Returns an error if the storage fails.
pub async fn is_intact(storage: &Storage, file: &StoredFile) -> Result<bool, StorageError> {
    if storage.find_size(file.id).await? != Some(file.size) {
        return Ok(false);
    }
    if let StorageUrl::Bucket { .. } = storage.url() {
        return Ok(true);
    }
    let mut hash = Sha256::new();
    let mut pieces = match storage.stream(file.id).await {
        Err(StorageError::NotFound) => return Ok(false),
        opened => opened?,
    };
    while let Some(piece) = pieces.try_next().await? {
        hash.update(&piece);
    }
    Ok(crate::hex::encode(&hash.finalize()) == file.sha256)
}

/// Returns whether an error was caused by a full disk.
fn is_full(error: &StorageError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        next = error.source();
    }
    false
}

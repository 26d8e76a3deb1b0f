//! Reads, writes, and deletes objects.

use std::{fmt, io, ops::Range, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, RetryConfig,
    WriteMultipart,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path,
};

use super::StorageUrl;
use crate::{id::FileId, private};

/// The size of the parts in which an object is written to a bucket. S3 requires at least 5 MiB.
const BUCKET_PART_BYTES: usize = 5 * 1024 * 1024;
/// The size of the parts in which an object is written to a folder.
const FOLDER_PART_BYTES: usize = 256 * 1024;
/// The maximum number of parts that are written at once, which limits the memory that an upload needs.
const PARTS_IN_FLIGHT: usize = 2;

/// How long to wait for a connection to a bucket.
const CONNECT_TIMEOUT: &str = "3 seconds";
/// How long to wait for a response from a bucket, including while a part is sent, and for each of its pieces.
const READ_TIMEOUT: &str = "20 seconds";
/// How long a request may take, including the time that a slow client needs to receive the response.
const REQUEST_TIMEOUT: &str = "1 hour";
/// How often and how long to retry a request to a bucket. Clients retry as well, and wait meanwhile.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(1), base: 2.0 },
    max_retries: 3,
    retry_timeout: Duration::from_secs(5),
};

/// The error for a failed read, write, or deletion of an object.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The object does not exist.
    #[error("the object does not exist")]
    NotFound,
    /// The folder cannot be created.
    #[error("cannot create the folder: {0}")]
    Folder(#[source] io::Error),
    /// Any other error.
    #[error(transparent)]
    Failed(object_store::Error),
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Failed(other),
        }
    }
}

/// The place where the contents of attachments are stored. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    url: StorageUrl,
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Storage").field(&self.url).finish()
    }
}

impl Storage {
    /// Opens the storage. Creates the folder as a private one if it is missing; a bucket must exist, and is not
    /// contacted.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created, or if the settings of the bucket are invalid.
    pub fn open(url: StorageUrl) -> Result<Self, StorageError> {
        let (objects, prefix): (Arc<dyn ObjectStore>, Path) = match &url {
            StorageUrl::Folder(folder) => {
                private::create_folder(folder).map_err(StorageError::Folder)?;
                let objects = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
                (Arc::new(objects), Path::default())
            }
            StorageUrl::Bucket { bucket, prefix } => {
                let client = [
                    (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT),
                    (ClientConfigKey::ReadTimeout, READ_TIMEOUT),
                    (ClientConfigKey::Timeout, REQUEST_TIMEOUT),
                ];
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(RETRIES);
                let objects = client
                    .into_iter()
                    .fold(builder, |builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value))
                    .build()?;
                (Arc::new(objects), Path::parse(prefix).map_err(object_store::Error::from)?)
            }
        };
        Ok(Self { url, objects, prefix })
    }

    /// Returns the name of an object. Folders with two digits keep listings of large storages usable; the last digits
    /// of an ID are random.
    fn path(&self, id: FileId) -> Path {
        let name = id.to_string();
        let folder = name[name.len() - 2..].to_owned();
        self.prefix.clone().join(folder).join(name)
    }

    /// Begins to write an object, which does not exist before [`Writing::finish`].
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn write(&self, id: FileId) -> Result<Writing, StorageError> {
        let upload = self.objects.put_multipart(&self.path(id)).await?;
        let part_bytes = match &self.url {
            StorageUrl::Folder(_) => FOLDER_PART_BYTES,
            StorageUrl::Bucket { .. } => BUCKET_PART_BYTES,
        };
        Ok(Writing { parts: WriteMultipart::new_with_chunk_size(upload, part_bytes) })
    }

    /// Reads a range of an object as it arrives.
    ///
    /// # Errors
    /// Returns [`StorageError::NotFound`], or another error if the storage fails.
    pub async fn read(
        &self,
        id: FileId,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.objects.get_opts(&self.path(id), options).await?;
        Ok(found.into_stream().map_err(StorageError::from).boxed())
    }

    /// Reads an entire object into memory.
    ///
    /// # Errors
    /// Returns [`StorageError::NotFound`], or another error if the storage fails.
    pub async fn read_all(&self, id: FileId) -> Result<Bytes, StorageError> {
        Ok(self.objects.get(&self.path(id)).await?.bytes().await?)
    }

    /// Reads an entire object as it arrives, whatever its size.
    ///
    /// # Errors
    /// Returns [`StorageError::NotFound`], or another error if the storage fails.
    pub async fn stream(&self, id: FileId) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
        let found = self.objects.get(&self.path(id)).await?;
        Ok(found.into_stream().map_err(StorageError::from).boxed())
    }

    /// Returns the size of an object in bytes, or `None` if the object does not exist.
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn find_size(&self, id: FileId) -> Result<Option<u64>, StorageError> {
        match self.objects.head(&self.path(id)).await.map_err(StorageError::from) {
            Ok(found) => Ok(Some(found.size)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object, if it exists, and what a crashed process has written of it.
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn delete(&self, id: FileId) -> Result<(), StorageError> {
        match self.objects.delete(&self.path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => self.delete_unfinished(id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what a crashed process has written of an object.
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn delete_unfinished(&self, id: FileId) -> Result<(), StorageError> {
        let Some(unfinished) = self.unfinished_file(id) else { return Ok(()) };
        match tokio::fs::remove_file(unfinished).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StorageError::Folder(error)),
            _ => Ok(()),
        }
    }

    /// Checks that the storage can be read, by requesting an object that does not exist.
    ///
    /// # Errors
    /// Returns an error if the storage fails, for example because it rejects the credentials.
    pub async fn check_readable(&self) -> Result<(), StorageError> {
        match self.stream(FileId::generate()).await {
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns where the storage is.
    #[must_use]
    pub const fn url(&self) -> &StorageUrl {
        &self.url
    }

    /// Returns the file that contains an object, if the storage is a folder.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<PathBuf> {
        let StorageUrl::Folder(folder) = &self.url else { return None };
        Some(folder.join(self.path(id).as_ref()))
    }

    /// Returns the file that `LocalFileSystem` renames when an object is complete. It has the name of the object with a
    /// number, which is always 1 because nothing else writes the same object. A bucket discards incomplete uploads
    /// itself, if it has a lifecycle rule for this.
    fn unfinished_file(&self, id: FileId) -> Option<PathBuf> {
        let mut name = self.file(id)?.into_os_string();
        name.push("#1");
        Some(name.into())
    }
}

/// An object that is being written. If it is dropped, the object does not exist.
pub struct Writing {
    parts: WriteMultipart,
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing").finish_non_exhaustive()
    }
}

impl Writing {
    /// Adds a piece. Waits while too much is being written.
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn add(&mut self, piece: Bytes) -> Result<(), StorageError> {
        self.parts.wait_for_capacity(PARTS_IN_FLIGHT).await?;
        self.parts.put(piece);
        Ok(())
    }

    /// Completes the object. When this returns, the content survives a power failure.
    ///
    /// # Errors
    /// Returns an error if the storage fails.
    pub async fn finish(self) -> Result<(), StorageError> {
        self.parts.finish().await?;
        Ok(())
    }

    /// Discards what has been written.
    pub async fn abort(self) {
        if let Err(error) = self.parts.abort().await {
            tracing::debug!(%error, "failed to discard an incomplete upload");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::*;

    fn open(folder: &FilePath) -> Storage {
        Storage::open(StorageUrl::Folder(folder.join("files"))).unwrap()
    }

    fn files(folder: &FilePath) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }

    async fn read(storage: &Storage, id: FileId, range: Range<u64>) -> Vec<u8> {
        let pieces: Vec<Bytes> = storage.read(id, range).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn reads_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path());
        let (id, empty) = (FileId::generate(), FileId::generate());
        let content: Vec<u8> = (0..12_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();

        let mut writing = storage.write(id).await.unwrap();
        for piece in content.chunks(700_001) {
            writing.add(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        writing.finish().await.unwrap();
        storage.write(empty).await.unwrap().finish().await.unwrap();

        assert!(storage.read_all(id).await.unwrap() == content);
        assert_eq!(read(&storage, id, 4_999_999..5_000_003).await, content[4_999_999..5_000_003]);
        assert_eq!(read(&storage, empty, 0..0).await, b"");
        assert_eq!(storage.read_all(empty).await.unwrap(), b""[..]);
    }

    #[tokio::test]
    async fn deletes_complete_and_incomplete_objects() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path());
        let [complete, aborted, crashed] = [(); 3].map(|()| FileId::generate());
        let mut writing = storage.write(complete).await.unwrap();
        writing.add(Bytes::from_static(b"x")).await.unwrap();
        writing.finish().await.unwrap();
        storage.write(aborted).await.unwrap().abort().await;
        let mut writing = storage.write(crashed).await.unwrap();
        writing.add(Bytes::from(vec![0; 2 * FOLDER_PART_BYTES])).await.unwrap();
        // A process that crashes runs no destructors.
        std::mem::forget(writing);

        assert!(matches!(storage.read_all(crashed).await, Err(StorageError::NotFound)));
        assert_eq!(files(folder.path()), 2);
        for id in [complete, aborted, crashed, FileId::generate()] {
            storage.delete(id).await.unwrap();
        }

        assert_eq!(files(folder.path()), 0);
    }
}

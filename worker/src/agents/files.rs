//! The contents of a turn's attachments.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use banter_shared::{
    attachments::{Storage, StorageError},
    chat::{Attachment, ErrorCode, UserRef, split_extension},
    store::{Store, StoreError},
};
use bytes::Bytes;
use tokio::{fs, io::AsyncWriteExt as _};
use uuid::Uuid;

use super::AgentError;

/// The folder for attachments in a session's work folder.
pub(crate) const FOLDER: &str = "attachments";
/// The maximum number of files with the same name in a work folder.
const MAX_COPIES: u32 = 1000;

/// Reads the contents of attachments.
#[async_trait]
pub trait Files: fmt::Debug + Send + Sync {
    /// Reads the content of an attachment.
    ///
    /// # Errors
    /// Fails if the content cannot be read.
    async fn read(&self, attachment: &Attachment) -> Result<Bytes, AgentError>;
}

/// The files of a user in the installation's storage.
#[derive(Clone, Debug)]
pub struct StoredFiles {
    /// The store.
    pub store: Store,
    /// The storage.
    pub storage: Storage,
    /// The owner of the attachments.
    pub user: UserRef,
}

#[async_trait]
impl Files for StoredFiles {
    async fn read(&self, attachment: &Attachment) -> Result<Bytes, AgentError> {
        let name = &attachment.name;
        let file_id = match self.store.find_attachment(&self.user, attachment.id).await {
            Ok((_, file_id)) => file_id,
            Err(StoreError::NotFound) => {
                return Err(AgentError::new(ErrorCode::AgentRefused, format!("The file “{name}” no longer exists.")));
            }
            Err(error) => return Err(unreadable(name, &error)),
        };
        match self.storage.read_all(file_id).await {
            Ok(content) => Ok(content),
            Err(error @ StorageError::NotFound) => {
                tracing::error!(attachment = %attachment.id, %error, "the content of an attachment is missing");
                let message = format!(
                    "The content of “{name}” is missing on the worker. The api and the worker must have the same \
                     ATTACHMENTS_URL."
                );
                Err(AgentError::new(ErrorCode::AgentUnavailable, message))
            }
            Err(error) => Err(unreadable(name, &error)),
        }
    }
}

fn unreadable(name: &str, error: &dyn std::error::Error) -> AgentError {
    tracing::warn!(%error, "failed to read an attachment");
    AgentError::new(ErrorCode::AgentError, format!("The file “{name}” could not be read on the worker."))
}

/// Writes an attachment into a session's work folder, unless the same file is already there. Returns its path.
///
/// # Errors
/// Fails if the content cannot be read, or if the file cannot be written.
pub async fn place(files: &dyn Files, attachment: &Attachment, work_folder: &Path) -> Result<PathBuf, AgentError> {
    let content = files.read(attachment).await?;
    write_copy(&work_folder.join(FOLDER), &attachment.name, &content).await.map_err(|error| {
        tracing::warn!(%error, "failed to write an attachment into a work folder");
        let message = format!("The file “{}” could not be written into the agent's work folder.", attachment.name);
        AgentError::new(ErrorCode::AgentError, message)
    })
}

/// Writes a file. If the folder contains another file with this name, adds a number to the name.
async fn write_copy(folder: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    match fs::create_dir(folder).await {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // The agent can replace the folder with a link to a folder elsewhere.
    if !fs::symlink_metadata(folder).await?.is_dir() {
        return Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is not a folder", folder.display())));
    }
    // A file appears under its name only when it is complete.
    let partial = folder.join(format!(".{}.partial", Uuid::now_v7().simple()));
    let written = async {
        let mut file = fs::File::options().write(true).create_new(true).open(&partial).await?;
        file.write_all(content).await?;
        file.flush().await?;
        for number in 1..=MAX_COPIES {
            let path = folder.join(numbered(name, number));
            match fs::hard_link(&partial, &path).await {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if has_content(&path, content).await {
                        return Ok(path);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "too many files have the same name"))
    };
    let written = written.await;
    let _ = fs::remove_file(&partial).await;
    written
}

async fn has_content(path: &Path, content: &[u8]) -> bool {
    let is_same_size =
        fs::symlink_metadata(path).await.is_ok_and(|found| found.is_file() && found.len() == content.len() as u64);
    is_same_size && fs::read(path).await.is_ok_and(|found| found == content)
}

/// Returns the name of the copy with this number, such as `notes-2.txt`. The first copy has the original name. The
/// result is at most as long as file systems allow.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    let suffix = format!("-{number}{extension}");
    let room = banter_shared::chat::MAX_FILE_NAME_BYTES.saturating_sub(suffix.len());
    format!("{}{suffix}", &stem[..stem.floor_char_boundary(room)])
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use banter_shared::{
        clock::{Clock as _, SystemClock},
        id::AttachmentId,
    };

    use super::*;

    /// Files in memory.
    #[derive(Debug, Default)]
    pub(in crate::agents) struct MemoryFiles(HashMap<AttachmentId, Bytes>);

    impl MemoryFiles {
        /// Adds a file and returns its attachment.
        pub(in crate::agents) fn add(&mut self, name: &str, media_type: &str, content: &'static [u8]) -> Attachment {
            let attachment = Attachment {
                id: AttachmentId::generate(),
                name: name.to_owned(),
                media_type: media_type.to_owned(),
                size: i64::try_from(content.len()).unwrap(),
                sha256: String::new(),
                width: None,
                height: None,
                created_at: SystemClock.now(),
            };
            self.0.insert(attachment.id, Bytes::from_static(content));
            attachment
        }
    }

    #[async_trait]
    impl Files for MemoryFiles {
        async fn read(&self, attachment: &Attachment) -> Result<Bytes, AgentError> {
            let missing = || AgentError::new(ErrorCode::AgentError, "missing");
            self.0.get(&attachment.id).cloned().ok_or_else(missing)
        }
    }

    async fn place_in(folder: &Path, name: &str, content: &'static [u8]) -> Result<PathBuf, AgentError> {
        let mut files = MemoryFiles::default();
        let attachment = files.add(name, "text/plain", content);
        place(&files, &attachment, folder).await
    }

    #[tokio::test]
    async fn places_each_content_once_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = async |name: &str, content| {
            let path = place_in(folder.path(), name, content).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
            path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
        };

        assert_eq!(place("notes.txt", b"a").await, "attachments/notes.txt");
        assert_eq!(place("notes.txt", b"a").await, "attachments/notes.txt");
        assert_eq!(place("notes.txt", b"b").await, "attachments/notes-2.txt");
        assert_eq!(place("notes.txt", b"b").await, "attachments/notes-2.txt");
        assert_eq!(place("README", b"").await, "attachments/README");
    }

    #[tokio::test]
    async fn follows_no_link_that_the_agent_has_created() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(FOLDER)).unwrap();
        assert!(place_in(folder.path(), "a.txt", b"a").await.is_err());

        std::fs::remove_file(folder.path().join(FOLDER)).unwrap();
        std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("a.txt"), folder.path().join(FOLDER).join("a.txt")).unwrap();
        let path = place_in(folder.path(), "a.txt", b"a").await.unwrap();

        assert!(path.ends_with("a-2.txt"));
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn numbers_names_within_the_limit() {
        assert_eq!(numbered("a.tar.gz", 2), "a.tar-2.gz");
        assert_eq!(numbered(".profile", 2), ".profile-2");
        assert_eq!(numbered("README", 12), "README-12");
        let long = format!("{}.txt", "é".repeat(125));
        assert_eq!(numbered(&long, 10).len(), 255);
    }
}

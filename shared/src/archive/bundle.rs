//! Exports all chats of a user as a zip file.
//!
//! | entry | contents |
//! |---|---|
//! | `conversations/ID.json` | a chat, in the same format as its own export |
//! | `attachments/SHA256` | the content of a file, once even if it is part of several messages |
//! | `manifest.json` | a [`Manifest`]; the last entry, so an incomplete zip file has none |

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, future::ready, stream};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWrite, DuplexStream};
use zip::CompressionMethod;

use super::{
    error::ExportError,
    format::{FORMAT_NAME, FORMAT_VERSION},
    json::JsonDocument,
    reader::{Reader, Scope},
    zip_output::ZipOutput,
};
use crate::{
    attachments::{Storage, StorageError},
    chat::{Attachment, UserRef},
    clock::Timestamp,
    id::SessionId,
    store::{Store, StoreError},
};

/// The size of the buffer between the zip file and the client, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// The contents of a zip file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The name of the format, [`FORMAT_NAME`].
    pub format: &'static str,
    /// The version of the format.
    pub version: u32,
    /// When the export began.
    pub exported_at: Timestamp,
    /// The number of chats.
    pub conversations: usize,
    /// The number of different files.
    pub attachments: usize,
    /// The SHA-256 hashes of files that are part of messages, but are missing from the storage.
    pub missing: Vec<String>,
}

/// How much has been exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of chats that have been written.
    pub done: usize,
    /// The number of chats.
    pub total: usize,
}

/// Exports all chats of a user as a stream, which is a zip file.
pub fn export_all(
    store: Store,
    storage: Storage,
    user: UserRef,
) -> impl Stream<Item = Result<Bytes, ExportError>> + Send {
    let (reader, writer) = tokio::io::duplex(BUFFER_BYTES);
    let work = async move { Box::pin(write_bundle(&store, &storage, &user, writer, |_| {})).await };
    let pieces = stream::try_unfold(reader, read_piece);
    // Polling the stream also writes the file. A failure is the last item.
    let failure = stream::once(work).filter_map(|result| ready(result.err().map(Err)));
    stream::select(pieces, failure)
}

/// Reads the next piece of the file; `None` at its end.
async fn read_piece(mut reader: DuplexStream) -> Result<Option<(Bytes, DuplexStream)>, ExportError> {
    let mut piece = BytesMut::with_capacity(BUFFER_BYTES);
    let length = reader.read_buf(&mut piece).await?;
    Ok((length > 0).then(|| (piece.freeze(), reader)))
}

/// Writes all chats of a user to a zip file. `on_progress` is called after each chat.
///
/// # Errors
/// Returns an error if a chat or a file cannot be read, or if the output cannot be written. The output is then
/// incomplete.
pub async fn write_bundle<W: AsyncWrite + Unpin + Send>(
    store: &Store,
    storage: &Storage,
    user: &UserRef,
    output: W,
    mut on_progress: impl FnMut(Progress) + Send,
) -> Result<Manifest, ExportError> {
    let now = store.clock().now();
    let ids = store.list_session_ids(user).await?;
    let mut bundle =
        Bundle { store, storage, user, now, zip: ZipOutput::new(output), written: HashSet::new(), missing: Vec::new() };
    let mut conversations = 0;
    for (index, id) in ids.iter().enumerate() {
        conversations += usize::from(bundle.add_conversation(*id).await?);
        on_progress(Progress { done: index + 1, total: ids.len() });
    }
    let manifest = Manifest {
        format: FORMAT_NAME,
        version: FORMAT_VERSION,
        exported_at: now,
        conversations,
        attachments: bundle.written.len() - bundle.missing.len(),
        missing: bundle.missing,
    };
    let mut json = serde_json::to_vec_pretty(&manifest)?;
    json.push(b'\n');
    bundle.zip.begin("manifest.json", CompressionMethod::Deflated)?;
    bundle.zip.write(&json).await?;
    bundle.zip.finish().await?;
    Ok(manifest)
}

/// A zip file that is being written.
struct Bundle<'a, W> {
    store: &'a Store,
    storage: &'a Storage,
    user: &'a UserRef,
    now: Timestamp,
    zip: ZipOutput<W>,
    /// The hashes of the files that have been written or are missing.
    written: HashSet<String>,
    missing: Vec<String>,
}

impl<W: AsyncWrite + Unpin + Send> Bundle<'_, W> {
    /// Writes a chat and its files. Returns false if the chat was deleted after the export began.
    async fn add_conversation(&mut self, id: SessionId) -> Result<bool, ExportError> {
        let session = match self.store.get_session(self.user, id).await {
            Ok(session) => session,
            Err(StoreError::NotFound) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut reader = Reader::new(self.store.clone(), self.user.clone(), id, Scope::AllBranches);
        let mut document = JsonDocument::default();
        let mut files: Vec<Attachment> = Vec::new();
        let name = format!("conversations/{id}.json");
        self.zip.begin(&name, CompressionMethod::Deflated)?;
        self.zip.write(JsonDocument::begin(&session, self.now)?.as_bytes()).await?;
        loop {
            let next = match reader.next().await {
                Ok(Some(next)) => next,
                // If the chat was deleted just now, its document ends early.
                Ok(None) | Err(StoreError::NotFound) => break,
                Err(error) => return Err(error.into()),
            };
            files.extend(next.message.attachments.iter().filter(|file| !self.written.contains(&file.sha256)).cloned());
            self.zip.write(document.entry(next)?.as_bytes()).await?;
        }
        self.zip.write(JsonDocument::END.as_bytes()).await?;
        for file in files {
            self.add_file(&file).await?;
        }
        Ok(true)
    }

    /// Writes a file, unless a file with the same content has been written.
    async fn add_file(&mut self, file: &Attachment) -> Result<(), ExportError> {
        if !self.written.insert(file.sha256.clone()) {
            return Ok(());
        }
        let size = u64::try_from(file.size).unwrap_or_default();
        let content = match self.store.find_attachment(self.user, file.id).await {
            Ok((_, file_id)) => match self.storage.find_size(file_id).await? {
                Some(found) if found == size => self.storage.read(file_id, 0..size).await,
                _ => Err(StorageError::NotFound),
            },
            Err(StoreError::NotFound) => Err(StorageError::NotFound),
            Err(error) => return Err(error.into()),
        };
        let mut content = match content {
            Ok(content) => content,
            Err(StorageError::NotFound) => {
                self.missing.push(file.sha256.clone());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        // Images are already compressed.
        let compression = if file.is_image() { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        self.zip.begin(&format!("attachments/{}", file.sha256), compression)?;
        while let Some(piece) = content.try_next().await? {
            self.zip.write(&piece).await?;
        }
        Ok(())
    }
}

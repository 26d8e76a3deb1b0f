//! Exports a chat as a stream.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    document::{Document, ExportFormat},
    embedded_image::EmbeddedImage,
    error::ExportError,
    reader::{Entry, Reader, Scope},
};
use crate::{
    attachments::{Storage, StorageError},
    chat::{Message, Session, UserRef},
    store::Store,
};

/// The maximum size of an image in an HTML page, in bytes. Larger images are listed as files.
const MAX_IMAGE_BYTES: i64 = 4 * 1024 * 1024;
/// The maximum size of all images of a message in an HTML page, in bytes.
const MAX_MESSAGE_IMAGE_BYTES: i64 = 8 * 1024 * 1024;
/// The maximum size of all images in an HTML page, in bytes. Browsers cannot show much larger pages well.
const MAX_PAGE_IMAGE_BYTES: i64 = 64 * 1024 * 1024;

/// One permit for each message that a process converts at once. Converting a long message with much formatting takes
/// many times its size.
static CONVERSIONS: Semaphore = Semaphore::const_new(2);

/// The state of an export between two pieces.
struct Export {
    store: Store,
    storage: Storage,
    user: UserRef,
    reader: Reader,
    document: Document,
    /// How many more bytes of images the document may embed.
    image_bytes: i64,
    is_done: bool,
}

/// Exports one of the user's sessions. The stream consists of one piece per message, and reads ahead at most one page
/// of messages. If the session is deleted in the meantime, the stream ends with an error.
///
/// # Errors
/// Returns an error if the beginning of the document cannot be written.
pub fn export_session(
    store: Store,
    storage: Storage,
    user: UserRef,
    session: &Session,
    format: ExportFormat,
) -> Result<impl Stream<Item = Result<Bytes, ExportError>> + Send + use<>, ExportError> {
    let now = store.clock().now();
    let document = Document::new(format, session, now);
    let begin = document.begin(session, now)?;
    let scope = if format == ExportFormat::Json { Scope::AllBranches } else { Scope::Transcript };
    let reader = Reader::new(store.clone(), user.clone(), session.id, scope);
    let export = Export { store, storage, user, reader, document, image_bytes: MAX_PAGE_IMAGE_BYTES, is_done: false };
    let rest = stream::try_unfold(export, Export::next);
    Ok(stream::iter([Ok(Bytes::from(begin))]).chain(rest))
}

impl Export {
    /// Returns the next message, or the end of the document.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ExportError> {
        if self.is_done {
            return Ok(None);
        }
        let Some(entry) = self.reader.next().await? else {
            self.is_done = true;
            return Ok(Some((Bytes::from_static(self.document.end().as_bytes()), self)));
        };
        let images = if self.document.has_images() { self.images(&entry.message).await? } else { Vec::new() };
        let (document, piece) = convert(self.document, entry, images).await?;
        self.document = document;
        Ok(Some((Bytes::from(piece), self)))
    }

    /// Reads the images of a message that fit into the limits.
    async fn images(&mut self, message: &Message) -> Result<Vec<EmbeddedImage>, ExportError> {
        let mut images = Vec::new();
        let mut message_bytes = MAX_MESSAGE_IMAGE_BYTES;
        for file in message.attachments.iter().filter(|file| file.is_image()) {
            if file.size > MAX_IMAGE_BYTES.min(message_bytes).min(self.image_bytes) {
                continue;
            }
            let (_, file_id) = self.store.find_attachment(&self.user, file.id).await?;
            let content = match self.storage.read_all(file_id).await {
                Ok(content) => content,
                // The storage was lost or replaced. The file is still listed.
                Err(StorageError::NotFound) => continue,
                Err(error) => return Err(error.into()),
            };
            message_bytes -= file.size;
            self.image_bytes -= file.size;
            let url = format!("data:{};base64,{}", file.media_type, BASE64_STANDARD.encode(content));
            images.push(EmbeddedImage { sha256: file.sha256.clone(), url });
        }
        Ok(images)
    }
}

/// Converts a message in a thread for blocking work: a long one in Markdown takes a while.
async fn convert(
    mut document: Document,
    entry: Entry,
    images: Vec<EmbeddedImage>,
) -> Result<(Document, String), ExportError> {
    // The semaphore is never closed.
    let permit = CONVERSIONS.acquire().await.ok();
    spawn_blocking(move || {
        let _permit = permit;
        let piece = document.entry(entry, &images)?;
        Ok((document, piece))
    })
    .await?
}

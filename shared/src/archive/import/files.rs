//! Stores the files of a conversation before the conversation itself.

use std::{
    fs::File,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::task::spawn_blocking;
use zip::ZipArchive;

use super::{
    conversation::{ImportedConversation, ImportedFile, ImportedMessage},
    failure::Failure,
    input,
    tree::push_paragraph,
};
use crate::{
    attachments::{Inspector, Storage},
    chat::{self, Attachment, FileName, MAX_ANSWER_BYTES, MAX_CONTENT_BYTES, UserRef, sanitize_agent_text},
    clock::Timestamp,
    config::AttachmentLimits,
    id::{AttachmentId, FileId},
    store::{NewAttachment, Store},
    upkeep::{self, FileError},
};

/// The size of the pieces in which a file is written to the storage, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// How much of a text that is too long for a message remains in it, in bytes. All of it is in a file.
const EXCERPT_BYTES: usize = 2000;

/// The zip file that is being imported; `None` if it is not a zip file.
pub(super) type SharedArchive = Arc<Mutex<Option<ZipArchive<File>>>>;

/// A file that is ready to be stored.
struct ReadyFile {
    name: String,
    media_type: Option<String>,
    content: Bytes,
    created_at: Option<Timestamp>,
}

/// Stores the files of a conversation.
pub(super) struct FileStorage<'a> {
    store: &'a Store,
    storage: &'a Storage,
    limits: AttachmentLimits,
    user: &'a UserRef,
    /// The zip file that is being imported.
    archive: &'a SharedArchive,
    stored: Vec<AttachmentId>,
}

impl<'a> FileStorage<'a> {
    pub(super) const fn new(
        store: &'a Store,
        storage: &'a Storage,
        limits: AttachmentLimits,
        user: &'a UserRef,
        archive: &'a SharedArchive,
    ) -> Self {
        Self { store, storage, limits, user, archive, stored: Vec::new() }
    }

    /// Stores all files of a conversation.
    pub(super) async fn store_all(
        &mut self,
        conversation: ImportedConversation,
    ) -> Result<chat::ImportedConversation<Attachment>, Failure> {
        let mut turns = Vec::with_capacity(conversation.turns.len());
        for turn in conversation.turns {
            let question = self.store_message(turn.question, MAX_CONTENT_BYTES).await?;
            let answer = match turn.answer {
                Some(answer) => Some(self.store_message(answer, MAX_ANSWER_BYTES).await?),
                None => None,
            };
            turns.push(chat::ImportedTurn {
                number: turn.number,
                parent: turn.parent,
                question,
                answer,
                task: turn.task,
            });
        }
        Ok(chat::ImportedConversation {
            source: conversation.source,
            session_id: conversation.session_id,
            title: conversation.title,
            agent_key: conversation.agent_key,
            status: conversation.status,
            pinned_at: conversation.pinned_at,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            last_activity_at: conversation.last_activity_at,
            last_read_seq: conversation.last_read_seq,
            forked_from: conversation.forked_from,
            turns,
            current: conversation.current,
        })
    }

    /// Deletes the files that were stored. What cannot be deleted is deleted after a day, because no message uses it.
    pub(super) async fn discard(self) {
        for id in self.stored {
            if let Err(error) = self.store.delete_attachment(self.user, id).await {
                tracing::warn!(%error, "failed to delete a file of a conversation that was not imported");
            }
        }
    }

    /// Stores the files of a message. A text that exceeds the limit becomes a file, and its beginning remains.
    async fn store_message(
        &mut self,
        message: ImportedMessage,
        max_bytes: usize,
    ) -> Result<chat::ImportedMessage<Attachment>, Failure> {
        let mut text = sanitize_agent_text(&message.text).into_owned();
        let mut files = Vec::with_capacity(message.files.len());
        if text.len() > max_bytes {
            let excerpt = format!("{}…", &text[..text.floor_char_boundary(EXCERPT_BYTES)]);
            let content = std::mem::replace(&mut text, excerpt).into_bytes().into();
            let whole = ReadyFile {
                name: "message.txt".into(),
                media_type: Some("text/plain".into()),
                content,
                created_at: None,
            };
            match self.store_file(whole).await? {
                Ok(attachment) => files.push(attachment),
                Err(reason) => push_paragraph(&mut text, &reason),
            }
        }
        for file in message.files {
            let stored = match self.read(file).await? {
                Ok(file) => self.store_file(file).await?,
                Err(reason) => Err(reason),
            };
            match stored {
                Ok(attachment) => files.push(attachment),
                Err(reason) => push_paragraph(&mut text, &reason),
            }
        }
        if text.trim().is_empty() && files.is_empty() && message.finish_reason.is_none() {
            text = "*(empty message)*".into();
        }
        Ok(chat::ImportedMessage {
            seq: message.seq,
            text,
            files,
            created_at: message.created_at,
            edited_at: message.edited_at,
            agent_key: message.agent_key,
            finish_reason: message.finish_reason,
            elapsed_ms: message.elapsed_ms,
            usage: message.usage,
        })
    }

    /// Reads a file. If it cannot be imported, returns the text that is shown instead.
    async fn read(&self, file: ImportedFile) -> Result<Result<ReadyFile, String>, Failure> {
        let limit = self.limits.file_bytes;
        match file {
            ImportedFile::Content { name, media_type, content } => {
                Ok(Ok(ReadyFile { name, media_type, content, created_at: None }))
            }
            ImportedFile::Missing { name } => Ok(Err(missing(&name, "it is not part of the export"))),
            ImportedFile::Entry { name, entry, media_type, created_at } => {
                let archive = Arc::clone(self.archive);
                let read =
                    spawn_blocking(move || match archive.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                        Some(archive) => input::read_entry(archive, &entry, limit),
                        None => Ok(None),
                    });
                Ok(match read.await.map_err(std::io::Error::other)?? {
                    Some(content) => Ok(ReadyFile { name, media_type, content: content.into(), created_at }),
                    None => Err(missing(&name, "it is not part of the export, or is too large")),
                })
            }
        }
    }

    /// Stores a file. If it is too large, returns the text that is shown instead.
    async fn store_file(&mut self, file: ReadyFile) -> Result<Result<Attachment, String>, Failure> {
        let Self { store, storage, limits, user, .. } = *self;
        if file.content.len() as u64 > limits.file_bytes {
            return Ok(Err(missing(&file.name, &format!("it exceeds {} bytes", limits.file_bytes))));
        }
        let mut inspector = Inspector::default();
        inspector.read(&file.content);
        let name = FileName::clean(&file.name);
        let guess = name.as_ref().and_then(|name| mime_guess::from_path(name.as_str()).first_raw());
        let hints: Vec<&str> = file.media_type.as_deref().into_iter().chain(guess).collect();
        let content = inspector.finish(&hints);
        let name = name.unwrap_or_else(|| FileName::for_media_type(&content.media_type));
        let file_id = store.begin_file(&user.workspace_id).await?;
        let stored = async {
            self.write(file_id, file.content).await?;
            let lost = upkeep::find_lost(store, storage, &user.workspace_id, &content.sha256).await?;
            let new = NewAttachment { file_id, name, content, key: None, user_limit: limits.user_bytes, lost };
            Ok::<_, FileError>(store.store_attachment(user, &new).await?)
        };
        match stored.await {
            Ok(stored) => {
                if let Some(unneeded) = stored.unneeded {
                    upkeep::delete_file_or_leave(store, storage, unneeded).await;
                }
                self.stored.push(stored.attachment.id);
                let created_at = file.created_at.unwrap_or(stored.attachment.created_at);
                Ok(Ok(Attachment { created_at, ..stored.attachment }))
            }
            Err(error) => {
                upkeep::discard_file(store, storage, file_id).await;
                Err(error.into())
            }
        }
    }

    async fn write(&self, id: FileId, mut content: Bytes) -> Result<(), FileError> {
        let mut writing = self.storage.write(id).await?;
        while !content.is_empty() {
            let piece = content.split_to(PIECE_BYTES.min(content.len()));
            if let Err(error) = writing.add(piece).await {
                writing.abort().await;
                return Err(error.into());
            }
        }
        Ok(writing.finish().await?)
    }
}

/// Returns the text that is shown instead of a file.
fn missing(name: &str, reason: &str) -> String {
    let name = FileName::clean(name)
        .map_or_else(|| "a file".to_owned(), |name| format!("`{}`", name.as_str().replace('`', "'")));
    format!("*(missing: {name}; {reason})*")
}

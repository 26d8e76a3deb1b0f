//! A conversation from a file, before its files are stored.

use bytes::Bytes;

use crate::{chat, clock::Timestamp};

/// A conversation.
pub(super) type ImportedConversation = chat::ImportedConversation<ImportedFile>;
/// A question, and the answer if there is one.
pub(super) type ImportedTurn = chat::ImportedTurn<ImportedFile>;
/// A message.
pub(super) type ImportedMessage = chat::ImportedMessage<ImportedFile>;

pub(super) use chat::{ImportedStep, ImportedTask};

/// A file of a message.
#[derive(Clone, Debug)]
pub(super) enum ImportedFile {
    /// An entry of the zip file that is being imported.
    Entry {
        /// The name of the file.
        name: String,
        /// The name of the entry.
        entry: String,
        /// The media type, as a hint.
        media_type: Option<String>,
        /// When the file was stored, if known.
        created_at: Option<Timestamp>,
    },
    /// A file within the conversation.
    Content {
        /// The name of the file; may be empty.
        name: String,
        /// The media type, as a hint.
        media_type: Option<String>,
        /// The content.
        content: Bytes,
    },
    /// A file that the export mentions and does not contain.
    Missing {
        /// The name of the file; may be empty.
        name: String,
    },
}

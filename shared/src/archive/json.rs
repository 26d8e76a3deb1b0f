//! Writes a chat as JSON.

use serde::Serialize;

use super::{
    format::{ArchivedConversation, ArchivedMessage, FORMAT_NAME, FORMAT_VERSION},
    reader::Entry,
};
use crate::{chat::Session, clock::Timestamp};

/// The beginning of a document.
#[derive(Serialize)]
struct Head {
    format: &'static str,
    version: u32,
    exported_at: Timestamp,
    conversations: [ArchivedConversation; 1],
}

/// A JSON document with one chat. Each message is on its own line.
#[derive(Clone, Debug, Default)]
pub struct JsonDocument {
    has_messages: bool,
}

impl JsonDocument {
    /// The text after the messages.
    pub const END: &'static str = "\n]}]}\n";

    /// Returns the text before the messages.
    pub fn begin(session: &Session, now: Timestamp) -> serde_json::Result<String> {
        let conversations = [ArchivedConversation::from(session)];
        let head = Head { format: FORMAT_NAME, version: FORMAT_VERSION, exported_at: now, conversations };
        let text = serde_json::to_string(&head)?;
        // The messages become the last field of the conversation.
        let open = text.strip_suffix("}]}").unwrap_or(&text);
        Ok(format!("{open},\"messages\":["))
    }

    /// Returns a message.
    pub fn entry(&mut self, entry: Entry) -> serde_json::Result<String> {
        let separator = if std::mem::replace(&mut self.has_messages, true) { ",\n" } else { "\n" };
        let message = serde_json::to_string(&ArchivedMessage::new(entry))?;
        Ok(format!("{separator}{message}"))
    }
}

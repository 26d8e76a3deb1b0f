//! Converts conversations of other products.
//!
//! The formats are undocumented or change often, so the readers ignore unknown fields, and replace unknown parts of
//! messages with placeholders.

mod chatgpt;
mod claude;
mod claude_code;
mod codex;
mod fields;
mod librechat;
mod open_webui;

use serde_json::Value;

use super::{conversation::ImportedConversation, entries::Entries};

/// A product whose exports contain one JSON object per conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    ChatGpt,
    Claude,
    OpenWebUi,
    LibreChat,
}

/// A product that stores each session as a file with one JSON object per line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionLog {
    ClaudeCode,
    Codex,
}

impl Product {
    /// Recognizes a conversation by its fields.
    pub(super) fn detect(conversation: &Value) -> Option<Self> {
        if conversation["mapping"].is_object() {
            Some(Self::ChatGpt)
        } else if conversation["chat_messages"].is_array() {
            Some(Self::Claude)
        } else if conversation["chat"].is_object() {
            Some(Self::OpenWebUi)
        } else if conversation["conversationId"].is_string()
            && (conversation["messages"].is_array() || conversation["messagesTree"].is_array())
        {
            Some(Self::LibreChat)
        } else {
            None
        }
    }

    /// Converts a conversation. `entries` are the names of the entries of its zip file.
    ///
    /// # Errors
    /// Returns a description of what is invalid.
    pub(super) fn convert(self, conversation: &Value, entries: &Entries) -> Result<ImportedConversation, String> {
        let converted = match self {
            Self::ChatGpt => chatgpt::convert(conversation, entries),
            Self::Claude => claude::convert(conversation, entries),
            Self::OpenWebUi => open_webui::convert(conversation),
            Self::LibreChat => librechat::convert(conversation, entries),
        }?;
        if converted.turns.is_empty() { Err("it has no messages".into()) } else { Ok(converted) }
    }
}

impl SessionLog {
    /// Recognizes a session by one of its lines.
    pub(super) fn detect(line: &Value) -> Option<Self> {
        if claude_code::is_line(line) {
            Some(Self::ClaudeCode)
        } else if codex::is_line(line) {
            Some(Self::Codex)
        } else {
            None
        }
    }

    /// Converts the lines of a session. Lines that could not be read are null.
    ///
    /// # Errors
    /// Returns a description of what is invalid.
    pub(super) fn convert(self, lines: &[Value]) -> Result<ImportedConversation, String> {
        let converted = match self {
            Self::ClaudeCode => claude_code::convert(lines),
            Self::Codex => codex::convert(lines),
        }?;
        if converted.turns.is_empty() { Err("it has no messages".into()) } else { Ok(converted) }
    }
}

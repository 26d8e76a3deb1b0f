//! Writes a chat as Markdown (`CommonMark` with tables).
//!
//! Each message has a heading of level 2. Content that could change the structure of the document is adapted: see
//! [`contain()`].

mod contain;
mod escape;

use contain::contain;
use escape::escape;

use super::{
    plain_time::{minute, size},
    reader::Entry,
    step_summary::{outcome, step_summary},
};
use crate::{
    chat::{Role, Session},
    clock::Timestamp,
};

/// A Markdown document.
#[derive(Clone, Debug)]
pub struct MarkdownDocument {
    agent_key: String,
    exported_at: Timestamp,
}

impl MarkdownDocument {
    /// Creates the document of a session.
    pub fn new(session: &Session, now: Timestamp) -> Self {
        Self { agent_key: session.agent_key.clone(), exported_at: now }
    }

    /// Returns the title, and a line about the chat.
    pub fn begin(&self, session: &Session) -> String {
        let title = if session.title.is_empty() { "Untitled chat" } else { &session.title };
        let (created, exported) = (minute(session.created_at), minute(self.exported_at));
        let agent = escape(&self.agent_key);
        format!("# {}\n\nAgent: {agent}  \nCreated: {created}  \nExported: {exported}\n", escape(title))
    }

    /// Returns a message.
    pub fn entry(&self, entry: &Entry) -> String {
        let message = &entry.message;
        let author = match message.role {
            Role::User => "You".to_owned(),
            Role::Assistant => escape(message.agent_key.as_deref().unwrap_or(&self.agent_key)),
        };
        let edited = if message.edited_at.is_some() { ", edited" } else { "" };
        let mut text = format!("\n## {author} · {}{edited}\n", minute(message.created_at));
        let content = contain(&message.content);
        if !content.is_empty() {
            text.extend(["\n", &content, "\n"]);
        }
        let files: Vec<String> = message
            .attachments
            .iter()
            .map(|file| format!("- File: {} ({}, {})\n", escape(&file.name), escape(&file.media_type), size(file.size)))
            .collect();
        let steps: Vec<String> = entry
            .steps
            .iter()
            .map(|step| {
                let (label, summary) = step_summary(step);
                format!("- {label}: {}\n", escape(&summary))
            })
            .collect();
        for list in [files, steps] {
            if !list.is_empty() {
                text.extend(["\n", &list.concat()]);
            }
        }
        if let Some(outcome) = outcome(entry) {
            text.extend(["\n*", &escape(&outcome), "*\n"]);
        }
        text
    }
}

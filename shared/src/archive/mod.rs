//! The formats in which chats leave an installation.
//!
//! | format | purpose | module |
//! |---|---|---|
//! | JSON | complete and versioned, for programs | `format`, `json` |
//! | Markdown | for reading and editing | `markdown` |
//! | HTML | one file for reading and printing | `html` |
//!
//! A chat is read in pages and converted turn by turn, so the memory needed does not depend on its length. Nothing in a
//! chat can change the structure of a document or run in a browser. This module handles no HTTP requests.

mod document;
mod export;
mod file_name;
mod format;
mod html;
mod json;
mod markdown;
mod plain_time;
mod step_summary;
mod transcript;

pub use document::ExportFormat;
pub use export::{ExportError, export_session};
pub use file_name::file_name;
pub use format::{
    ArchivedAttachment, ArchivedConversation, ArchivedMessage, ArchivedStep, ArchivedTask, FORMAT_NAME, FORMAT_VERSION,
};

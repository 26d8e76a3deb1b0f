//! The formats in which chats leave an installation.
//!
//! | format | purpose | module |
//! |---|---|---|
//! | JSON | complete and versioned, for programs | `format`, `json` |
//! | Markdown | for reading and editing | `markdown` |
//! | HTML | one file for reading and printing | `html` |
//! | zip | all chats of a user as JSON, with their files | `bundle` |
//!
//! A chat is read in pages and converted turn by turn, so the memory needed does not depend on its length. Nothing in a
//! chat can change the structure of a document or run in a browser. This module handles no HTTP requests.

mod bundle;
mod document;
mod embedded_image;
mod error;
mod export;
mod file_name;
mod format;
mod html;
mod json;
mod markdown;
mod plain_time;
mod reader;
mod step_summary;
mod zip_output;

pub use bundle::{Manifest, Progress, export_all, write_bundle};
pub use document::ExportFormat;
pub use error::ExportError;
pub use export::export_session;
pub use file_name::{bundle_name, file_name};
pub use format::{
    ArchivedAttachment, ArchivedConversation, ArchivedMessage, ArchivedStep, ArchivedTask, FORMAT_NAME, FORMAT_VERSION,
};

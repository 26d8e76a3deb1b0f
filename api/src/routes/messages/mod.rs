//! Operations that send, list, edit, revise, and unsend messages.

pub mod create;
pub mod edit;
pub mod list;
mod response;
pub mod revise;
pub mod unsend;
mod wait;

use banter_shared::{
    chat::{Content, MAX_ATTACHMENTS, Message},
    id::AttachmentId,
};

use crate::{error::ApiError, extract::WholeNumber};

/// Default page size, in turns.
pub const DEFAULT_TURNS: u32 = 50;
/// A page size, in turns.
pub type PageTurns = WholeNumber<u32, 1, 200>;

/// Returns the approximate size of the messages, in bytes.
pub fn approximate_bytes(messages: &[Message]) -> usize {
    /// The approximate size, in bytes, of a message without its content, and of an attachment.
    const EACH: usize = 1024;
    messages.iter().map(|message| message.content.len() + (1 + message.attachments.len()) * EACH).sum()
}

/// Checks the `attachments` field of a request body.
fn check_attachments(attachments: &[AttachmentId]) -> Result<(), ApiError> {
    if attachments.len() > MAX_ATTACHMENTS {
        let message = format!("must contain at most {MAX_ATTACHMENTS} IDs, not {}", attachments.len());
        return Err(ApiError::invalid("attachments", message));
    }
    Ok(())
}

/// Parses the `content` and `attachments` fields of a request body. A message with attachments needs no text.
fn parse_content(content: String, attachments: &[AttachmentId]) -> Result<Content, ApiError> {
    check_attachments(attachments)?;
    let parsed =
        if attachments.is_empty() { Content::parse(content) } else { Content::parse_with_attachments(content) };
    parsed.map_err(|error| ApiError::invalid("content", error.to_string()))
}

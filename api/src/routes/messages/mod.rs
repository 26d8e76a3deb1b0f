//! Messages: sent, listed, edited, taken back.

pub mod create;
pub mod edit;
pub mod list;
pub mod unsend;
mod wait;

use banter_shared::chat::{Content, Message};

use crate::error::ApiError;

/// Turns of a page unless `limit` says otherwise.
pub const DEFAULT_TURNS: u32 = 50;
/// Most turns of a page.
pub const MAX_TURNS: u32 = 200;

/// About the memory that messages hold, in bytes.
pub fn held_bytes(messages: &[Message]) -> usize {
    /// A message without its content, ids and task included.
    const EACH: usize = 1024;
    messages.iter().map(|message| message.content.len() + EACH).sum()
}

/// The field `content` of a body.
fn parse_content(content: String) -> Result<Content, ApiError> {
    Content::parse(content).map_err(|error| ApiError::invalid("content", error.to_string()))
}

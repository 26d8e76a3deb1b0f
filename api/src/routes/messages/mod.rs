//! Messages: send, list, edit, and unsend.

pub mod create;
pub mod edit;
pub mod list;
pub mod unsend;
mod wait;

use banter_shared::chat::{Content, Message};

use crate::error::ApiError;

/// Default page size, in turns.
pub const DEFAULT_TURNS: u32 = 50;
/// Maximum page size, in turns.
pub const MAX_TURNS: u32 = 200;

/// Returns the approximate memory that messages occupy, in bytes.
pub fn held_bytes(messages: &[Message]) -> usize {
    /// The size of a message without its content, including ids and task.
    const EACH: usize = 1024;
    messages.iter().map(|message| message.content.len() + EACH).sum()
}

/// The field `content` of a body.
fn parse_content(content: String) -> Result<Content, ApiError> {
    Content::parse(content).map_err(|error| ApiError::invalid("content", error.to_string()))
}

//! Operations that send, list, edit, and unsend messages.

pub mod create;
pub mod edit;
pub mod list;
mod response;
pub mod unsend;
mod wait;

use banter_shared::chat::{Content, Message};

use crate::{error::ApiError, extract::WholeNumber};

/// Default page size, in turns.
pub const DEFAULT_TURNS: u32 = 50;
/// A page size, in turns.
pub type PageTurns = WholeNumber<u32, 1, 200>;

/// Returns the approximate size of the messages, in bytes.
pub fn approximate_bytes(messages: &[Message]) -> usize {
    /// The approximate size, in bytes, of a message without its content.
    const EACH: usize = 1024;
    messages.iter().map(|message| message.content.len() + EACH).sum()
}

/// Parses the `content` field of a request body.
fn parse_content(content: String) -> Result<Content, ApiError> {
    Content::parse(content).map_err(|error| ApiError::invalid("content", error.to_string()))
}

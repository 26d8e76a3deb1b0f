//! Drafts, which a user's devices share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MAX_CONTENT_BYTES;

/// The draft of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Draft {
    /// The text; empty if there is no draft.
    pub text: String,
    /// The revision, which increases with every change; 0 if there has never been a draft.
    pub revision: i64,
}

/// The text of a draft: at most [`MAX_CONTENT_BYTES`] bytes of UTF-8; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftText(String);

/// The error for a text that exceeds the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {MAX_CONTENT_BYTES} bytes of UTF-8, not {0}")]
pub struct DraftTooLong(usize);

impl DraftText {
    /// Validates the text.
    ///
    /// # Errors
    /// Returns an error if the text is too long.
    pub fn parse(text: String) -> Result<Self, DraftTooLong> {
        if text.len() > MAX_CONTENT_BYTES { Err(DraftTooLong(text.len())) } else { Ok(Self(text)) }
    }

    /// Returns the text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

//! The text of a message.

/// Longest text of a user's message, in bytes of UTF-8.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;

/// A user's text that may be sent: 1 byte to [`MAX_CONTENT_BYTES`], not only white space. Kept verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(String);

/// Why a text cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Nothing, or only white space.
    #[error("must not be empty or contain only whitespace")]
    Blank,
    /// Over the limit.
    #[error("must be at most {MAX_CONTENT_BYTES} bytes of UTF-8, not {0}")]
    TooLong(usize),
}

impl Content {
    /// Checks the text.
    ///
    /// # Errors
    /// When it is blank or too long.
    pub fn parse(text: String) -> Result<Self, ContentError> {
        if text.len() > MAX_CONTENT_BYTES {
            return Err(ContentError::TooLong(text.len()));
        }
        if text.trim().is_empty() {
            return Err(ContentError::Blank);
        }
        Ok(Self(text))
    }

    /// The text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Removes what no agent text may carry into the store: NUL characters, on which SQLite's text functions stop.
#[must_use]
pub fn sanitize_agent_text(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_text_is_refused_and_other_text_is_kept_verbatim() {
        assert_eq!(Content::parse(String::new()), Err(ContentError::Blank));
        assert_eq!(Content::parse(" \n\t\u{a0}".into()), Err(ContentError::Blank));
        assert_eq!(Content::parse("  x \n".into()).unwrap().as_str(), "  x \n");
    }

    #[test]
    fn the_limit_counts_bytes() {
        assert!(Content::parse("é".repeat(MAX_CONTENT_BYTES / 2)).is_ok());
        assert_eq!(
            Content::parse("x".repeat(MAX_CONTENT_BYTES + 1)),
            Err(ContentError::TooLong(MAX_CONTENT_BYTES + 1))
        );
    }

    #[test]
    fn nul_is_removed_from_agent_text() {
        assert_eq!(sanitize_agent_text("a\0b"), "ab");
        assert_eq!(sanitize_agent_text("ab"), "ab");
    }
}

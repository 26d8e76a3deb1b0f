//! The text of a message.

/// The maximum length of a user message, in bytes of UTF-8.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;

/// The maximum length of an answer, in bytes of UTF-8. A longer answer is truncated and ends with the finish reason
/// `length`.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The text of a user message, verbatim: 1 to [`MAX_CONTENT_BYTES`] bytes that do not consist only of whitespace. Only
/// the text of a message with attachments may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(String);

/// The reason why a string is not a valid message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The text is empty or consists only of whitespace.
    #[error("must not be empty or contain only whitespace")]
    Blank,
    /// The text exceeds the limit.
    #[error("must be at most {MAX_CONTENT_BYTES} bytes of UTF-8, not {0}")]
    TooLong(usize),
}

impl Content {
    /// Validates the text.
    ///
    /// # Errors
    /// Returns an error if the text is blank or too long.
    pub fn parse(text: String) -> Result<Self, ContentError> {
        let content = Self::parse_with_attachments(text)?;
        if content.0.trim().is_empty() { Err(ContentError::Blank) } else { Ok(content) }
    }

    /// Validates the text of a message with attachments, which may be blank.
    ///
    /// # Errors
    /// Returns an error if the text is too long.
    pub fn parse_with_attachments(text: String) -> Result<Self, ContentError> {
        if text.len() > MAX_CONTENT_BYTES { Err(ContentError::TooLong(text.len())) } else { Ok(Self(text)) }
    }

    /// Returns the text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Removes NUL characters from an agent's text, because SQLite's text functions stop at NUL.
#[must_use]
pub fn sanitize_agent_text(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_blank_text_and_keeps_other_text_verbatim() {
        assert_eq!(Content::parse(String::new()), Err(ContentError::Blank));
        assert_eq!(Content::parse(" \n\t\u{a0}".into()), Err(ContentError::Blank));
        assert_eq!(Content::parse("  x \n".into()).unwrap().as_str(), "  x \n");
    }

    #[test]
    fn limits_the_length_in_bytes() {
        assert!(Content::parse("é".repeat(MAX_CONTENT_BYTES / 2)).is_ok());
        assert_eq!(
            Content::parse("x".repeat(MAX_CONTENT_BYTES + 1)),
            Err(ContentError::TooLong(MAX_CONTENT_BYTES + 1))
        );
    }

    #[test]
    fn removes_nul_from_agent_text() {
        assert_eq!(sanitize_agent_text("a\0b"), "ab");
        assert_eq!(sanitize_agent_text("ab"), "ab");
    }
}

//! A session's title, set by the user or derived from the first message.

use super::{
    display::{clean_line, is_line_break},
    strip_terminal_codes,
};

/// The maximum length of a title, in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// The maximum length of a derived title, in characters, not counting the ellipsis.
const AUTOMATIC_CHARS: usize = 60;

/// A title, which is a single line of at most [`MAX_TITLE_CHARS`] characters and may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// The reason why a string is not a valid title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// The text exceeds the limit.
    #[error("must be at most {MAX_TITLE_CHARS} characters, not {0}")]
    TooLong(usize),
}

impl Title {
    /// Cleans and validates a title from a user. Replaces control characters and line breaks with spaces, and removes
    /// invisible format controls and surrounding whitespace.
    ///
    /// # Errors
    /// Returns an error if the title is too long.
    pub fn parse(text: &str) -> Result<Self, TitleError> {
        let text = clean_line(text);
        let text = text.trim();
        let chars = text.chars().count();
        if chars > MAX_TITLE_CHARS {
            return Err(TitleError::TooLong(chars));
        }
        Ok(Self(text.to_owned()))
    }

    /// Derives a title from the first non-blank line of a session's first message. Truncates a long title at a word
    /// boundary, unless its first word is too long.
    #[must_use]
    pub fn from_first_message(content: &str) -> Self {
        let lines = content.split(is_line_break).map(|line| clean_line(&strip_terminal_codes(line)).into_owned());
        let line = lines.into_iter().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let words = line.split_whitespace();
        let mut title = String::new();
        for word in words {
            let space = usize::from(!title.is_empty());
            if title.chars().count() + space + word.chars().count() > AUTOMATIC_CHARS {
                if title.is_empty() {
                    title.extend(word.chars().take(AUTOMATIC_CHARS - 1));
                }
                title.push('…');
                break;
            }
            if space == 1 {
                title.push(' ');
            }
            title.push_str(word);
        }
        Self(title)
    }

    /// Returns the title in lowercase, for case-insensitive search.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// Returns the title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_a_title_to_200_characters_on_one_line() {
        assert_eq!(Title::parse("  Trip  ").unwrap().as_str(), "Trip");
        assert_eq!(Title::parse("").unwrap().as_str(), "");
        assert!(Title::parse(&"é".repeat(200)).is_ok());
        assert_eq!(Title::parse(&"é".repeat(201)), Err(TitleError::TooLong(201)));
        assert_eq!(Title::parse("a\nb\u{202e}c\0").unwrap().as_str(), "a bc");
    }

    #[test]
    fn derives_a_title_from_the_first_line() {
        assert_eq!(Title::from_first_message("\n  Hello   there \nmore").as_str(), "Hello there");
        assert_eq!(Title::from_first_message("\u{1b}[31merror[E0277]\u{1b}[0m: why?").as_str(), "error[E0277]: why?");
        assert_eq!(Title::from_first_message("\0\n\u{202e}Pay now\0\u{2028}more").as_str(), "Pay now");
        let long = Title::from_first_message(&"word ".repeat(40));
        assert_eq!(long.as_str(), format!("{}…", "word ".repeat(12).trim_end()));
        assert_eq!(Title::from_first_message(&"x".repeat(90)).as_str(), format!("{}…", "x".repeat(59)));
    }
}

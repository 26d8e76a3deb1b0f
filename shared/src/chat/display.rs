//! Cleans text that is shown in lists and headings, so that it cannot reorder or hide the text around it.

use std::borrow::Cow;

use super::{PREVIEW_CHARS, strip_terminal_codes};

/// Returns whether a character is invisible and is removed from displayed text.
///
/// These are the controls for bidirectional text (<https://www.unicode.org/reports/tr9/>), which could reverse a title;
/// other format characters without a glyph; and the noncharacters U+FDD0 to U+FDEF. Joiners are excluded, because emoji
/// and text in Persian and Indic languages need them.
const fn is_format_control(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Returns whether a character ends a line. U+2028 and U+2029 are included, although they are not control characters.
pub(super) const fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{000b}' | '\u{000c}' | '\u{0085}' | '\u{2028}' | '\u{2029}')
}

/// Returns the text as one line. Control characters and line breaks become spaces, and format controls are removed.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || is_line_break(c) || is_format_control(c)) {
        return text.into();
    }
    let kept = text.chars().filter(|c| !is_format_control(*c));
    kept.map(|c| if c.is_control() || is_line_break(c) { ' ' } else { c }).collect::<String>().into()
}

/// Returns a preview of a message, at most [`PREVIEW_CHARS`] characters long. `beginning` contains the first bytes of
/// the message and may end in the middle of a character. Line breaks and tabs are kept. Terminal escape sequences,
/// other control characters, and format controls are removed.
#[must_use]
pub fn preview(beginning: &[u8]) -> String {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default(),
    };
    let lines = text.replace(['\u{0085}', '\u{2028}', '\u{2029}'], "\n");
    let is_shown = |c: &char| !is_format_control(*c) && (!c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    strip_terminal_codes(&lines).chars().filter(is_shown).take(PREVIEW_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_controls_from_a_line() {
        for (text, expected) in [
            ("plain", "plain"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("\u{2066}a\u{2069}b\u{200f}", "ab"),
            ("a\u{2028}b\u{2029}c\nd\u{85}e", "a b c d e"),
            ("a\u{0}b\u{1b}[31mc", "a b [31mc"),
            ("\u{feff}a\u{200b}b\u{e0041}", "ab"),
            ("👩\u{200d}🚀 می\u{200c}خواهم ✌\u{fe0f}", "👩\u{200d}🚀 می\u{200c}خواهم ✌\u{fe0f}"),
        ] {
            assert_eq!(clean_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn previews_the_text_after_a_nul() {
        for (text, expected) in [
            ("a\u{0}b", "ab"),
            ("\u{0}\u{0}first\nsecond\ttab", "first\nsecond\ttab"),
            ("\u{202e}a\u{1b}[1mb\u{1b}[0m\u{2028}c", "ab\nc"),
        ] {
            assert_eq!(preview(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn cuts_a_preview_between_characters() {
        let long = "é".repeat(2 * PREVIEW_CHARS);

        assert_eq!(preview(long.as_bytes()), "é".repeat(PREVIEW_CHARS));
        assert_eq!(preview(&long.as_bytes()[..5]), "éé");
    }
}

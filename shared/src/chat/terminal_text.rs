//! Extracts plain text from terminal output.

use std::borrow::Cow;

/// Removes terminal escape sequences, including colors, cursor movements, window titles, and hyperlinks. The labels of
/// hyperlinks are kept. Also removes an incomplete sequence at the end, and all control characters except whitespace.
#[must_use]
pub fn strip_terminal_codes(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace()) {
        return text.into();
    }
    anstream::adapter::strip_str(&seven_bit(text)).to_string().into()
}

/// Rewrites C1 controls (U+0080 to U+009F) as the equivalent two-byte sequences (ECMA-48, section 5.3).
fn seven_bit(text: &str) -> Cow<'_, str> {
    let is_c1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if !text.contains(is_c1) {
        return text.into();
    }
    let mut rewritten = String::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte @ 0x80..=0x9f) => rewritten.extend(['\u{1b}', char::from(byte - 0x40)]),
            _ => rewritten.push(c),
        }
    }
    rewritten.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn removes_every_kind_of_sequence() {
        let table = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[33mWarning\u{1b}[0m: naïve 🎉", "Warning: naïve 🎉"),
            ("\u{1b}[38;2;1;2;3mcolor\u{1b}[m", "color"),
            ("\u{1b}[2K\u{1b}[1Gline", "line"),
            ("\u{1b}]8;;https://example.org/a\u{1b}\\label\u{1b}]8;;\u{1b}\\ after", "label after"),
            ("\u{1b}]8;id=1;https://example.org/ü\u{7}label\u{1b}]8;;\u{7}", "label"),
            ("\u{1b}]0;window title\u{7}text", "text"),
            ("\u{9b}31mred\u{9b}0m", "red"),
            ("\u{9d}0;title\u{9c}text", "text"),
            ("a\u{1b}(Bb\u{1b}=c\u{1b}7d", "abcd"),
            ("bell\u{7} and \u{8}back", "bell and back"),
            ("cut \u{1b}[3", "cut "),
            ("cut \u{1b}", "cut "),
            ("\u{1b}[31m", ""),
        ];
        for (text, expected) in table {
            assert_eq!(strip_terminal_codes(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn leaves_no_control_characters(text in "([\u{0}\u{7}\u{1b}\u{9b}-\u{9d}\\[\\]\\\\P;m31é🎉]|8;;){0,12}") {
            let stripped = strip_terminal_codes(&text);

            prop_assert!(!stripped.chars().any(char::is_control), "{stripped:?}");
        }
    }
}

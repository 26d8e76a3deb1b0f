//! Joins surrogate halves in text that arrives in pieces.

use std::borrow::Cow;

/// The start of a mark, which is followed by the four hexadecimal digits of the surrogate. This noncharacter should not
/// occur in text (<https://www.unicode.org/faq/private_use.html>).
const MARK: char = '\u{fdd0}';
const DIGITS: usize = 4;

/// Returns the mark for a surrogate.
pub(super) fn mark(surrogate: u16) -> String {
    format!("{MARK}{surrogate:04x}")
}

/// Joins marks that form a pair, and replaces all other marks with U+FFFD.
#[must_use]
pub fn replace_marks(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return text.into();
    }
    let mut joiner = SurrogateJoiner::default();
    let mut replaced = joiner.push(text).into_owned();
    replaced.push_str(joiner.finish());
    replaced.into()
}

/// Joins marked surrogates in text that arrives in pieces; unpaired ones become U+FFFD.
#[derive(Debug, Default)]
pub struct SurrogateJoiner {
    /// The high surrogate at the end of the previous piece.
    high: Option<u16>,
}

impl SurrogateJoiner {
    /// Adds the next piece and returns the text that is complete. A high surrogate at the end waits for the next piece.
    pub fn push<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        if piece.is_empty() || (self.high.is_none() && !piece.contains(MARK)) {
            return piece.into();
        }
        let mut joined = String::with_capacity(piece.len());
        let mut rest = piece;
        while let Some(next) = rest.chars().next() {
            rest = &rest[next.len_utf8()..];
            let surrogate = (next == MARK).then(|| take_digits(&mut rest)).flatten();
            let high = self.high.take();
            match (high, surrogate) {
                (Some(high), Some(low @ 0xdc00..=0xdfff)) => {
                    joined.extend(char::decode_utf16([high, low]).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                }
                (high, surrogate) => {
                    joined.extend(high.map(|_| char::REPLACEMENT_CHARACTER));
                    match surrogate {
                        Some(0xd800..=0xdbff) => self.high = surrogate,
                        Some(_) => joined.push(char::REPLACEMENT_CHARACTER),
                        None if next == MARK => joined.push(char::REPLACEMENT_CHARACTER),
                        None => joined.push(next),
                    }
                }
            }
        }
        joined.into()
    }

    /// Ends the text. Returns U+FFFD if the last piece ended with a high surrogate, otherwise an empty string.
    pub fn finish(&mut self) -> &'static str {
        if self.high.take().is_some() { "\u{fffd}" } else { "" }
    }
}

/// Removes the digits of a surrogate from the start of `rest` and returns the surrogate, if there is one.
fn take_digits(rest: &mut &str) -> Option<u16> {
    let (digits, after) = rest.split_at_checked(DIGITS)?;
    let surrogate = u16::from_str_radix(digits, 16).ok().filter(|code| (0xd800..=0xdfff).contains(code))?;
    *rest = after;
    Some(surrogate)
}

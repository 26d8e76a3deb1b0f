//! Repairs text that is not valid JSON, in a single pass.

use std::borrow::Cow;

use super::{LoneSurrogates, surrogates::mark};

/// The defects to repair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All defects.
    Everything,
    /// Only unpaired surrogate escapes.
    Surrogates,
}

/// Numbers that Python writes but JSON does not support.
const NOT_NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

pub(super) fn repair(text: &str, lone: LoneSurrogates, scope: Scope) -> Cow<'_, str> {
    let mut repaired = RepairedText { text, kept_to: 0, out: String::new() };
    let mut in_string = false;
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        at = match byte {
            b'"' => {
                in_string = !in_string;
                at + 1
            }
            b'\\' if in_string => escape(&mut repaired, at, lone, scope),
            0..0x20 if in_string && scope == Scope::Everything => {
                repaired.replace(at, at + 1, &format!("\\u{byte:04x}"))
            }
            b'N' | b'I' | b'-' if !in_string && scope == Scope::Everything => {
                match NOT_NUMBERS.iter().find(|word| text[at..].starts_with(**word)) {
                    Some(word) => repaired.replace(at, at + word.len(), "null"),
                    None => at + 1,
                }
            }
            _ => at + 1,
        };
    }
    repaired.finish()
}

/// Handles the escape at `at` and returns the position after it.
fn escape(repaired: &mut RepairedText<'_>, at: usize, lone: LoneSurrogates, scope: Scope) -> usize {
    let text = repaired.text;
    match text.as_bytes().get(at + 1) {
        Some(b'u') => match unit(text, at) {
            Some(high @ 0xd800..=0xdbff) => match unit(text, at + 6) {
                Some(0xdc00..=0xdfff) => at + 12,
                _ => repaired.replace(at, at + 6, &half(high, lone)),
            },
            Some(low @ 0xdc00..=0xdfff) => repaired.replace(at, at + 6, &half(low, lone)),
            Some(_) => at + 6,
            None if scope == Scope::Everything => repaired.replace(at, at + 1, "\\\\"),
            None => at + 2,
        },
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') | None => at + 2,
        Some(b'\'') if scope == Scope::Everything => repaired.replace(at, at + 2, "'"),
        // The backslash is literal.
        Some(_) if scope == Scope::Everything => repaired.replace(at, at + 1, "\\\\"),
        Some(_) => at + 1,
    }
}

/// Returns the UTF-16 code unit of the `\uXXXX` escape at `at`; `None` if there is no complete escape.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

fn half(surrogate: u16, lone: LoneSurrogates) -> String {
    match lone {
        LoneSurrogates::Replace => char::REPLACEMENT_CHARACTER.to_string(),
        LoneSurrogates::Mark => mark(surrogate),
    }
}

/// Text in which ranges are replaced. The text is copied only if at least one range is replaced.
struct RepairedText<'a> {
    text: &'a str,
    /// The position in `text` up to which the text has been written to `out`.
    kept_to: usize,
    out: String,
}

impl<'a> RepairedText<'a> {
    /// Replaces a range and returns the end of the range. The range must follow all ranges that have already been
    /// replaced.
    fn replace(&mut self, from: usize, to: usize, with: &str) -> usize {
        self.out.push_str(&self.text[self.kept_to..from]);
        self.out.push_str(with);
        self.kept_to = to;
        to
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.kept_to == 0 {
            return self.text.into();
        }
        self.out.push_str(&self.text[self.kept_to..]);
        self.out.into()
    }
}

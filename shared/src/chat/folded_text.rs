//! Texts in the form in which they are compared: without case and accents.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization as _, char::compose};

/// Returns whether a character is an accent, a voicing mark of Japanese, or a vowel sign of Arabic or Hebrew, which
/// searches ignore. Other marks, such as the vowels of Thai and Hindi, distinguish words.
const fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}'
            | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{3099}'..='\u{309a}'
    )
}

/// A text without accents, in lower case, with one space for each run of whitespace.
pub(super) struct FoldedText {
    pub(super) text: String,
    /// For each byte of `text`, the number of the character of the original text from which it was made.
    origins: Vec<u32>,
    /// The number of characters of the original text.
    characters: u32,
}

impl FoldedText {
    pub(super) fn new(original: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(original.len()),
            origins: Vec::with_capacity(original.len()),
            characters: 0,
        };
        for c in original.chars() {
            if c.is_whitespace() {
                if !folded.text.ends_with(' ') {
                    folded.text.push(' ');
                }
            } else if c.is_ascii() {
                folded.text.push(c.to_ascii_lowercase());
            } else {
                let bare = c.to_lowercase().nfkd().filter(|&part| !is_accent(part));
                for part in bare.flat_map(char::to_lowercase) {
                    folded.push(part);
                }
            }
            folded.origins.resize(folded.text.len(), folded.characters);
            folded.characters += 1;
        }
        folded
    }

    /// Appends a character. The letters of a Korean syllable are joined, so that a syllable is one character.
    fn push(&mut self, c: char) {
        let syllable =
            if is_later_letter(c) { self.text.chars().last().and_then(|last| compose(last, c)) } else { None };
        if syllable.is_some() {
            self.text.pop();
        }
        self.text.push(syllable.unwrap_or(c));
    }

    /// Returns the range of the original text, in characters, from which a non-empty range of bytes was made.
    pub(super) fn original_range(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        let origin = |byte: usize| self.origins.get(byte).copied();
        // Combining characters after the range belong to it.
        let end = (origin(bytes.end.checked_sub(1)?)? + 1).max(origin(bytes.end).unwrap_or(self.characters));
        Some(usize::try_from(origin(bytes.start)?).ok()?..usize::try_from(end).ok()?)
    }

    /// Returns the ranges of the original text, in characters, that match a folded term.
    pub(super) fn find_all(&self, term: &str) -> Vec<Range<usize>> {
        let found = self.text.match_indices(term);
        found.filter_map(|(start, _)| self.original_range(start..start + term.len())).collect()
    }
}

/// Returns whether a character is a vowel or a final consonant of a decomposed Korean syllable.
const fn is_later_letter(c: char) -> bool {
    matches!(c, '\u{1161}'..='\u{1175}' | '\u{11a8}'..='\u{11c2}')
}

/// Returns the text without accents, in lower case, with one space for each run of whitespace.
pub(super) fn fold(text: &str) -> String {
    FoldedText::new(text).text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_accents_and_width() {
        for (text, folded) in [
            ("Crème  Brûlée\n", "creme brulee "),
            ("ＡＢＣ", "abc"),
            ("İstanbul", "istanbul"),
            ("한국", "한국"),
            ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "한국"),
            ("ガ", "カ"),
            ("ดี", "ดี"),
            ("दिन", "दिन"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }
}

//! Divides folded texts into words, for search.

use std::ops::Range;

/// A word of a folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The bytes of the folded text.
    pub(super) bytes: Range<usize>,
    /// Whether the word is a single character of a script without spaces between words, or an emoji.
    pub(super) is_character: bool,
}

impl Word {
    /// Returns the text of the word.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.bytes.clone()).unwrap_or_default()
    }

    /// Returns whether this word and the next one are characters of the same run.
    pub(super) fn is_in_run_with(&self, next: &Self) -> bool {
        self.is_character && next.is_character && self.bytes.end == next.bytes.start
    }
}

/// Returns the words of a folded text: runs of letters and digits, and single characters of scripts without spaces.
pub(super) fn words_of(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        if is_character_word(c) {
            words.push(Word { bytes: start..end, is_character: true });
        } else if c.is_alphanumeric() {
            match words.last_mut() {
                Some(last) if last.bytes.end == start && !last.is_character => last.bytes.end = end,
                Some(_) | None => words.push(Word { bytes: start..end, is_character: false }),
            }
        }
    }
    words
}

/// Returns whether a character is a word of its own: Chinese, Japanese, Korean, Thai, Lao, Burmese, and Khmer
/// characters, and emoji. Punctuation is not.
fn is_character_word(c: char) -> bool {
    match c {
        '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' => true,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{318f}'
        | '\u{31a0}'..='\u{31bf}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => c.is_alphanumeric(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_texts_at_punctuation_and_into_characters() {
        for (text, expected) in [
            ("don't foo_bar-2", vec!["don", "t", "foo", "bar", "2"]),
            ("iphone手机。内容", vec!["iphone", "手", "机", "内", "容"]),
            ("한국 a🎉b", vec!["한", "국", "a", "🎉", "b"]),
            (" ,.+ ", vec![]),
        ] {
            let words: Vec<&str> = words_of(text).iter().map(|word| word.of(text)).collect();
            assert_eq!(words, expected, "{text}");
        }
    }
}

//! The tokens under which texts are found in the search index.

use std::collections::BTreeSet;

use super::{
    folded_text::fold,
    words::{Word, words_of},
};

/// The maximum length of a token, in characters. Longer words are cut off.
const MAX_TOKEN_CHARS: usize = 32;
/// The maximum number of different tokens of a text.
const MAX_TOKENS: usize = 20_000;
/// The maximum total size of the tokens of a text, in bytes. PostgreSQL's limit is 1 MiB, which includes prefixes.
const MAX_TOKEN_BYTES: usize = 640 * 1024;

/// The tokens of a text. Every text that a query matches has all the query's terms among its tokens; the reverse is not
/// true, so texts that are found by their tokens still have to be compared with the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexTokens {
    /// The tokens: words, pairs of adjacent characters of scripts without spaces, and the last character of each run.
    All(BTreeSet<String>),
    /// The text has too many tokens. It may match any query.
    TooMany,
}

/// A token that a text must have to match a query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexTerm {
    /// The token. It consists of letters, digits, and emoji.
    pub token: String,
    /// Whether a token that begins with it suffices.
    pub is_prefix: bool,
}

impl IndexTokens {
    /// Returns the tokens of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let folded = fold(text);
        let words = words_of(&folded);
        let mut tokens = BTreeSet::new();
        let mut bytes = 0;
        for (index, word) in words.iter().enumerate() {
            let token = match words.get(index + 1) {
                Some(next) if word.is_in_run_with(next) => &folded[word.bytes.start..next.bytes.end],
                Some(_) | None => cut(word.of(&folded)),
            };
            if !tokens.contains(token) {
                bytes += token.len();
                tokens.insert(token.to_owned());
            }
            if tokens.len() > MAX_TOKENS || bytes > MAX_TOKEN_BYTES {
                return Self::TooMany;
            }
        }
        Self::All(tokens)
    }
}

/// Returns the terms for a sequence of words of a folded query. The last word may be the beginning of a word.
pub(super) fn terms_of(folded: &str, words: &[Word], is_prefix: bool) -> Vec<IndexTerm> {
    let mut terms = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).filter(|next| word.is_in_run_with(next));
        let continues = index > 0 && words[index - 1].is_in_run_with(word);
        match next {
            Some(next) => {
                let token = folded[word.bytes.start..next.bytes.end].to_owned();
                terms.push(IndexTerm { token, is_prefix: false });
            }
            None if continues => {}
            // A single character is the beginning of a pair, or the last one of a run.
            None => {
                let token = cut(word.of(folded)).to_owned();
                let is_last = index + 1 == words.len();
                let is_prefix = word.is_character || (is_prefix && is_last && token.len() == word.bytes.len());
                terms.push(IndexTerm { token, is_prefix });
            }
        }
    }
    terms
}

/// Cuts off a long word.
fn cut(word: &str) -> &str {
    word.char_indices().nth(MAX_TOKEN_CHARS).map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_words_and_pairs_of_characters() {
        let IndexTokens::All(tokens) = IndexTokens::of("Überall: iPhone手机壳, 壳 a a") else {
            panic!("too many")
        };
        assert_eq!(
            tokens.iter().map(String::as_str).collect::<Vec<_>>(),
            ["a", "iphone", "uberall", "壳", "手机", "机壳"]
        );
    }

    #[test]
    fn limits_the_length_and_the_number_of_tokens() {
        let IndexTokens::All(tokens) = IndexTokens::of(&"é".repeat(100)) else { panic!("too many") };
        assert_eq!(tokens.into_iter().collect::<Vec<_>>(), ["e".repeat(32)]);
        let many: Vec<String> = (0..=MAX_TOKENS).map(|number| number.to_string()).collect();
        assert_eq!(IndexTokens::of(&many.join(" ")), IndexTokens::TooMany);
    }
}

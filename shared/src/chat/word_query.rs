//! Word queries: words and phrases that are searched for in messages and titles, ignoring case and accents.

use std::ops::Range;

use super::{
    folded_text::{FoldedText, fold},
    index_tokens::{IndexTerm, terms_of},
    snippet::Snippet,
    text_query::{TextQueryError, split},
    words::{Word, words_of},
};

/// The number of words of a text of average length, for its score.
const AVERAGE_WORDS: i64 = 200;

/// A query: one or more terms, all of which must occur in a text as whole words. The last word may be the beginning of a
/// word. Characters of scripts without spaces are found at any position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordQuery {
    terms: Vec<Term>,
}

/// A word, or the words of a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    folded: String,
    words: Vec<Word>,
    /// Whether the last word may be the beginning of a word.
    is_prefix: bool,
}

/// How a text matches a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordMatch {
    /// The part of the text around the first match.
    pub snippet: Snippet,
    /// How well the text matches: higher for more matches, for whole words, and for shorter texts.
    pub score: i64,
}

impl WordQuery {
    /// Parses a query: words, and phrases in double quotes.
    ///
    /// # Errors
    /// Returns an error if the query has no words or is too long.
    pub fn parse(query: &str) -> Result<Self, TextQueryError> {
        let mut terms: Vec<Term> = Vec::new();
        for part in split(query)? {
            let folded = fold(&part.text);
            let words = words_of(&folded);
            if let Some(last) = terms.last_mut() {
                last.is_prefix = false;
            }
            terms.push(Term { folded, words, is_prefix: !part.is_closed });
        }
        terms.retain(|term| !term.words.is_empty());
        if terms.is_empty() { Err(TextQueryError::Empty) } else { Ok(Self { terms }) }
    }

    /// Returns the terms that all matching texts have among their tokens.
    #[must_use]
    pub fn index_terms(&self) -> Vec<IndexTerm> {
        let mut terms: Vec<IndexTerm> =
            self.terms.iter().flat_map(|term| terms_of(&term.folded, &term.words, term.is_prefix)).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Compares a text with the query; `None` if any term does not occur in the text.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<WordMatch> {
        let folded = FoldedText::new(text);
        let words = words_of(&folded.text);
        let length = i64::try_from(words.len()).unwrap_or(i64::MAX);
        let (mut matches, mut score) = (Vec::new(), 0);
        for term in &self.terms {
            let found = term.find_all(&folded.text, &words);
            if found.ranges.is_empty() {
                return None;
            }
            score += found.score(length);
            matches.extend(found.ranges.into_iter().filter_map(|bytes| folded.original_range(bytes)));
        }
        Some(WordMatch { snippet: Snippet::around(text, matches)?, score })
    }
}

/// The occurrences of a term in a text.
struct Occurrences {
    /// The bytes of the folded text.
    ranges: Vec<Range<usize>>,
    /// How many of them end with a whole word.
    whole: i64,
}

impl Occurrences {
    /// Returns the term's part of the score of a text with the given number of words. Each further occurrence adds less.
    fn score(&self, length: i64) -> i64 {
        let partial = i64::try_from(self.ranges.len()).unwrap_or(i64::MAX).saturating_sub(self.whole);
        let weight = 2 * self.whole + partial;
        // In hundredths: 0.3 for an empty text, 1.2 for one of average length.
        let damping = 30 + 90 * length.min(100 * AVERAGE_WORDS) / AVERAGE_WORDS;
        1000 * 100 * weight / (100 * weight + damping)
    }
}

impl Term {
    /// Returns all occurrences in a folded text.
    fn find_all(&self, text: &str, words: &[Word]) -> Occurrences {
        let mut found = Occurrences { ranges: Vec::new(), whole: 0 };
        for place in words.windows(self.words.len()) {
            if let Some(end) = self.match_end(text, place) {
                found.ranges.push(place[0].bytes.start..end);
                found.whole += i64::from(place.last().is_some_and(|last| last.bytes.end == end));
            }
        }
        found
    }

    /// Returns where the match ends, in bytes, if the words are those of the term. `place` has as many words as the
    /// term.
    fn match_end(&self, text: &str, place: &[Word]) -> Option<usize> {
        let mut end = None;
        for (index, (word, wanted)) in place.iter().zip(&self.words).enumerate() {
            let (found, wanted_text) = (word.of(text), wanted.of(&self.folded));
            let is_last = index + 1 == self.words.len();
            let matches = if is_last && self.is_prefix { found.starts_with(wanted_text) } else { found == wanted_text };
            let is_joined =
                index == 0 || !self.words[index - 1].is_in_run_with(wanted) || place[index - 1].is_in_run_with(word);
            if !matches || !is_joined {
                return None;
            }
            end = Some(word.bytes.start + wanted_text.len());
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::index_tokens::IndexTokens, *};

    /// Returns the highlighted parts of the snippet.
    fn found(query: &str, text: &str) -> Option<Vec<String>> {
        let Snippet { snippet, highlights } = WordQuery::parse(query).unwrap().find(text)?.snippet;
        let chars: Vec<char> = snippet.chars().collect();
        Some(highlights.into_iter().map(|[start, end]| chars[start..end].iter().collect()).collect())
    }

    #[test]
    fn finds_whole_words_and_the_beginning_of_the_last_one() {
        assert_eq!(found("CAFE opens", "The café, cafe\u{301} opens").unwrap(), ["café", "cafe\u{301}", "opens"]);
        assert_eq!(found("opens caf", "The Café opens").unwrap(), ["Caf", "opens"]);
        assert_eq!(found("caf opens", "The Café opens"), None);
        assert_eq!(found("fe", "The Café opens"), None);
        assert_eq!(found("don't", "I don’t; don t").unwrap(), ["don’t", "don t"]);
        assert_eq!(found("foo.b", "foo_bar, foo::baz, bfoo").unwrap(), ["foo_b", "foo::b"]);
    }

    #[test]
    fn finds_phrases() {
        assert_eq!(found("\"the bug is\"", "So the\nbug   is here").unwrap(), ["the\u{20}bug   is"]);
        assert_eq!(found("\"bug the\"", "the bug"), None);
        assert_eq!(found("\"the bu\"", "the bug"), None);
        assert_eq!(found("\"the bu", "the bug").unwrap(), ["the bu"]);
        assert_eq!(found("\"the bug\" he", "here: the bug").unwrap(), ["he", "the bug"]);
    }

    #[test]
    fn finds_characters_of_scripts_without_spaces_at_any_position() {
        assert_eq!(found("内容", "这是重点内容。").unwrap(), ["内容"]);
        assert_eq!(found("内", "重点内容").unwrap(), ["内"]);
        assert_eq!(found("容", "重点内容").unwrap(), ["容"]);
        assert_eq!(found("重内", "重点内容"), None);
        assert_eq!(found("内容", "内。容"), None);
        assert_eq!(found("検索 東京", "東京で検索する").unwrap(), ["東京", "検索"]);
        assert_eq!(found("국어", "한국어를").unwrap(), ["국어"]);
        assert_eq!(found("국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}").unwrap().len(), 1);
        assert_eq!(found("iphone手机", "新iPhone手机壳").unwrap(), ["iPhone手机"]);
    }

    #[test]
    fn rejects_queries_without_words() {
        for query in ["", " \t", "\"\"", "++ -", "\u{301}"] {
            assert_eq!(WordQuery::parse(query), Err(TextQueryError::Empty), "{query:?}");
        }
    }

    #[test]
    fn scores_whole_words_and_short_texts_higher() {
        let score = |text: &str| WordQuery::parse("cat").unwrap().find(text).unwrap().score;
        assert!(score("cat") > score("category"));
        assert!(score("a cat") > score(&format!("cat {}", "word ".repeat(500))));
        assert!(score("cat cat") > score("cat dog"));
    }

    /// Returns whether the tokens include all terms.
    fn is_candidate(query: &WordQuery, text: &str) -> bool {
        let IndexTokens::All(tokens) = IndexTokens::of(text) else { return true };
        query.index_terms().iter().all(|term| {
            tokens.contains(&term.token)
                || (term.is_prefix && tokens.iter().any(|token| token.starts_with(&term.token)))
        })
    }

    proptest! {
        #[test]
        fn every_match_is_found_by_its_tokens(
            text in "[ab内容重한국é.\" 🎉]{0,30}|\\PC{0,40}",
            query in "[ab内容重한국é.\" 🎉]{1,6}|\\PC{1,6}",
        ) {
            if let Ok(query) = WordQuery::parse(&query) && query.find(&text).is_some() {
                prop_assert!(is_candidate(&query, &text), "{query:?} {text:?}");
            }
        }
    }
}

//! Text queries: words and phrases that are searched for in messages, ignoring case and accents.

use std::ops::Range;

use serde::Serialize;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use utoipa::ToSchema;

/// The maximum length of a query, in characters.
pub const MAX_QUERY_CHARS: usize = 200;
/// The maximum length of a snippet, in characters, without ellipses.
const SNIPPET_CHARS: usize = 160;
/// The number of characters before the first match in a snippet.
const LEAD_CHARS: usize = 40;

/// A query: one or more terms, all of which must occur in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextQuery {
    /// The folded terms.
    terms: Vec<String>,
}

/// The reason why a string is not a valid query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextQueryError {
    /// The query has no terms.
    #[error("must contain at least one word")]
    Empty,
    /// The query exceeds the limit.
    #[error("must be at most {MAX_QUERY_CHARS} characters, not {0}")]
    TooLong(usize),
}

/// A part of a text around its first match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Snippet {
    /// The part, on one line, with an ellipsis at each end that was cut off.
    pub snippet: String,
    /// The matches in the snippet: the start and the end of each, in Unicode code points.
    pub highlights: Vec<[usize; 2]>,
}

impl TextQuery {
    /// Parses a query: words, and phrases in double quotes.
    ///
    /// # Errors
    /// Returns an error if the query has no terms or is too long.
    pub fn parse(query: &str) -> Result<Self, TextQueryError> {
        let length = query.chars().count();
        if length > MAX_QUERY_CHARS {
            return Err(TextQueryError::TooLong(length));
        }
        let mut terms = Vec::new();
        for (index, part) in query.split('"').enumerate() {
            // Parts with odd numbers are in quotes; a missing closing quote is added at the end.
            let words: Vec<&str> = part.split_whitespace().collect();
            if index % 2 == 1 {
                terms.push(fold(&words.join(" ")));
            } else {
                terms.extend(words.into_iter().map(fold));
            }
        }
        terms.retain(|term| !term.is_empty());
        if terms.is_empty() { Err(TextQueryError::Empty) } else { Ok(Self { terms }) }
    }

    /// Returns the part of the text around its first match; `None` if any term does not occur in the text.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Snippet> {
        let folded = FoldedText::new(text);
        if !self.terms.iter().all(|term| folded.text.contains(term)) {
            return None;
        }
        let mut matches: Vec<Range<usize>> = self.terms.iter().flat_map(|term| folded.find_all(term)).collect();
        matches.sort_unstable_by_key(|found| (found.start, found.end));
        let first = matches.first()?.start;
        Some(snippet(text, first, &matches))
    }
}

/// Returns the text without accents, in lower case, with one space for each run of whitespace.
fn fold(text: &str) -> String {
    FoldedText::new(text).text
}

/// A text without accents, in lower case, with one space for each run of whitespace.
struct FoldedText {
    text: String,
    /// For each byte of `text`, the number of the character of the original text from which it was made.
    origins: Vec<usize>,
    /// The number of characters of the original text.
    characters: usize,
}

impl FoldedText {
    fn new(original: &str) -> Self {
        let (mut text, mut origins) = (String::with_capacity(original.len()), Vec::with_capacity(original.len()));
        let mut characters = 0;
        for (number, c) in original.chars().enumerate() {
            if c.is_whitespace() {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            } else if c.is_ascii() {
                text.push(c.to_ascii_lowercase());
            } else {
                let bare = c.to_lowercase().nfkd().filter(|&part| !is_combining_mark(part));
                text.extend(bare.flat_map(char::to_lowercase));
            }
            origins.resize(text.len(), number);
            characters = number + 1;
        }
        Self { text, origins, characters }
    }

    /// Returns the ranges of the original text, in characters, that match a folded term.
    fn find_all(&self, term: &str) -> Vec<Range<usize>> {
        let origin = |byte: usize| self.origins.get(byte).copied();
        let found = self.text.match_indices(term);
        // Combining characters after the match belong to it.
        let end = |byte: usize| Some((origin(byte - 1)? + 1).max(origin(byte).unwrap_or(self.characters)));
        found.filter_map(|(start, _)| Some(origin(start)?..end(start + term.len())?)).collect()
    }
}

fn snippet(text: &str, first: usize, matches: &[Range<usize>]) -> Snippet {
    let start = first.saturating_sub(LEAD_CHARS);
    let mut rest = text.chars().skip(start);
    let mut shown = String::new();
    let lead = usize::from(start > 0);
    if start > 0 {
        shown.push('…');
    }
    let mut length = 0;
    for c in rest.by_ref().take(SNIPPET_CHARS) {
        shown.push(if c.is_whitespace() || c.is_control() { ' ' } else { c });
        length += 1;
    }
    if rest.next().is_some() {
        shown.push('…');
    }
    let mut highlights: Vec<[usize; 2]> = Vec::new();
    for found in matches.iter().filter(|found| found.start >= start && found.end <= start + length) {
        let [from, to] = [found.start - start + lead, found.end - start + lead];
        match highlights.last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(to),
            Some(_) | None => highlights.push([from, to]),
        }
    }
    Snippet { snippet: shown, highlights }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the highlighted parts of the snippet.
    fn found(query: &str, text: &str) -> Option<Vec<String>> {
        let Snippet { snippet, highlights } = TextQuery::parse(query).unwrap().find(text)?;
        let chars: Vec<char> = snippet.chars().collect();
        Some(highlights.into_iter().map(|[start, end]| chars[start..end].iter().collect()).collect())
    }

    #[test]
    fn finds_all_terms_regardless_of_case_and_accents() {
        assert_eq!(found("cafe", "Un Café, CAFE\u{301}!").unwrap(), ["Café", "CAFE\u{301}"]);
        assert_eq!(found("straße ÜBER", "Über die STRASSE"), None);
        assert_eq!(found("ÜBER stras", "uber die Strasse").unwrap(), ["uber", "Stras"]);
        assert_eq!(found("one three", "one two"), None);
        assert_eq!(found("内容", "重点内容。").unwrap(), ["内容"]);
        assert_eq!(found("ａｂｃ", "abc").unwrap(), ["abc"]);
    }

    #[test]
    fn finds_phrases_across_line_breaks() {
        assert_eq!(found("\"the  bug is\"", "So the\nbug   is here").unwrap(), ["the bug   is"]);
        assert_eq!(found("\"bug the\"", "the bug"), None);
        assert_eq!(found("\"open quote", "an open quote").unwrap(), ["open quote"]);
    }

    #[test]
    fn cuts_long_texts_around_the_first_match() {
        let text = format!("{} needle {}", "x".repeat(1000), "y".repeat(1000));
        let Snippet { snippet, highlights } = TextQuery::parse("needle").unwrap().find(&text).unwrap();

        assert_eq!(snippet.chars().count(), SNIPPET_CHARS + 2);
        assert!(snippet.starts_with("…x") && snippet.ends_with("y…"), "{snippet}");
        assert_eq!(highlights, [[41, 47]]);
    }

    #[test]
    fn joins_overlapping_matches() {
        assert_eq!(found("abc bcd", "abcd").unwrap(), ["abcd"]);
    }

    #[test]
    fn rejects_queries_without_terms_and_long_ones() {
        for query in ["", " \t", "\"\"", "\u{301}"] {
            assert_eq!(TextQuery::parse(query), Err(TextQueryError::Empty), "{query:?}");
        }
        assert_eq!(TextQuery::parse(&"x".repeat(201)), Err(TextQueryError::TooLong(201)));
    }

    proptest! {
        #[test]
        fn every_part_of_a_text_is_found(text in "\\PC{1,60}", from in 0usize..60, length in 1usize..20) {
            let part: String = text.chars().skip(from).take(length).filter(|&c| c != '"').collect();
            if let Ok(query) = TextQuery::parse(&format!("\"{part}\"")) && !text.contains('"') {
                prop_assert!(query.find(&text).is_some(), "{part:?}");
            }
        }
    }
}

//! Text queries: parts of words and phrases that are searched for in messages, ignoring case and accents.

use super::{
    folded_text::{FoldedText, fold},
    snippet::Snippet,
};

/// The maximum length of a query, in characters.
pub const MAX_QUERY_CHARS: usize = 200;

/// A query: one or more terms, all of which must occur in a text, at any position.
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

/// A word or a phrase of a query.
pub(super) struct QueryPart {
    /// The text, with one space for each run of whitespace.
    pub(super) text: String,
    /// Whether the part is in quotes that are closed.
    pub(super) is_closed: bool,
}

/// Divides a query into words, and phrases in double quotes. A missing closing quote is added at the end.
pub(super) fn split(query: &str) -> Result<Vec<QueryPart>, TextQueryError> {
    let length = query.chars().count();
    if length > MAX_QUERY_CHARS {
        return Err(TextQueryError::TooLong(length));
    }
    let quotes = query.matches('"').count();
    let mut parts = Vec::new();
    for (index, part) in query.split('"').enumerate() {
        let words = part.split_whitespace();
        // Parts with odd numbers are in quotes.
        if index % 2 == 1 {
            let text = words.collect::<Vec<_>>().join(" ");
            parts.push(QueryPart { text, is_closed: index < quotes });
        } else {
            parts.extend(words.map(|word| QueryPart { text: word.to_owned(), is_closed: false }));
        }
    }
    Ok(parts)
}

impl TextQuery {
    /// Parses a query: words, and phrases in double quotes.
    ///
    /// # Errors
    /// Returns an error if the query has no terms or is too long.
    pub fn parse(query: &str) -> Result<Self, TextQueryError> {
        let mut terms: Vec<String> = split(query)?.into_iter().map(|part| fold(&part.text)).collect();
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
        Snippet::around(text, self.terms.iter().flat_map(|term| folded.find_all(term)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::snippet::SNIPPET_CHARS, *};

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
            // Parts of Korean syllables are not found.
            let is_syllables = text.chars().all(|c| !matches!(c, '\u{1100}'..='\u{11ff}'));
            if is_syllables && let Ok(query) = TextQuery::parse(&format!("\"{part}\"")) && !text.contains('"') {
                prop_assert!(query.find(&text).is_some(), "{part:?}");
            }
        }
    }
}

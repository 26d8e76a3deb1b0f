//! Compiles regular expressions for messages from servers and agents.

use regex::{Regex, RegexSet};

/// Compiles a constant pattern.
///
/// # Panics
/// Panics if the pattern is invalid. The callers' tests compile every pattern.
#[expect(clippy::expect_used, reason = "the tests compile every pattern")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a regular expression")
}

/// Compiles constant patterns into a set.
///
/// # Panics
/// Panics if a pattern is invalid. The callers' tests compile every pattern.
#[expect(clippy::expect_used, reason = "the tests compile every pattern")]
pub(super) fn patterns(texts: &[&str]) -> RegexSet {
    RegexSet::new(texts).expect("the patterns are regular expressions")
}

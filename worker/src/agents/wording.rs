//! Regular expressions for the wordings of servers and agents.

use regex::{Regex, RegexSet};

/// Compiles a constant pattern.
///
/// # Panics
/// When it is not a regular expression; the tests of each user compile all of its patterns.
#[expect(clippy::expect_used, reason = "the tests compile every pattern")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a regular expression")
}

/// Compiles constant patterns that are looked for together.
///
/// # Panics
/// When one of them is not a regular expression; the tests of each user compile all of its patterns.
#[expect(clippy::expect_used, reason = "the tests compile every pattern")]
pub(super) fn patterns(texts: &[&str]) -> RegexSet {
    RegexSet::new(texts).expect("the patterns are regular expressions")
}

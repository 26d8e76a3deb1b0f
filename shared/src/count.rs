//! Formats numbers together with nouns, for text that people read.

use std::{fmt::Display, time::Duration};

/// Returns a number followed by a noun in the singular or plural, such as "1 session" or "2 sessions". `noun` is the
/// singular; its plural must be formed with "s".
#[must_use]
pub fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns a duration in whole seconds, rounded down, such as "1 second" or "30 seconds".
#[must_use]
pub fn seconds(duration: Duration) -> String {
    count(duration.as_secs(), "second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_counts_in_the_singular_and_the_plural() {
        assert_eq!([0, 1, 2].map(|number| count(number, "task")), ["0 tasks", "1 task", "2 tasks"]);
        assert_eq!([0.5, 1.0].map(|number| count(number, "second")), ["0.5 seconds", "1 second"]);
    }

    #[test]
    fn formats_durations_in_whole_seconds() {
        assert_eq!(seconds(Duration::from_millis(1999)), "1 second");
        assert_eq!(seconds(Duration::ZERO), "0 seconds");
    }
}

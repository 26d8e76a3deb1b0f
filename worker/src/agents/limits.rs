//! Determines from an error message when a limit ends. Such messages contain phrases like "resets 3pm", "try again in
//! 2h 5m", and "reset after 59s".
//!
//! A time is recognized only after a trigger such as "resets" or "try again", so "your 5-hour limit" is not read as a
//! wait of five hours. The exception is Unix times, which are recognized anywhere. If a message states no time, the
//! result is `None`.

mod duration;
mod moment;
#[cfg(test)]
mod tests;

use std::{sync::LazyLock, time::Duration};

use banter_shared::clock::Timestamp;
use chrono::{DateTime, TimeZone, Utc};
use regex::Regex;

use crate::agents::pattern::pattern;

/// Maximum number of characters examined after a trigger.
const REACH_CHARS: usize = 100;
/// How far in the past a Unix time after a trigger may be, in seconds. Earlier times are not recognized.
const EPOCH_PAST_SECONDS: i64 = 24 * 3600;
/// How far in the future a Unix time may be, in seconds. Later times are not recognized.
const EPOCH_FUTURE_SECONDS: i64 = 400 * 24 * 3600;

/// Matches a trigger: words that may introduce the end of a limit.
static TRIGGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:re-?sets?|resetting|refresh(?:es)?|renews?|replenish(?:es|ed)?|resumes?|restored|available|",
        r"try(?:ing)?(?: \w+){0,3}? again|come back|retry|wait|again|until|expires?|lifts?|lifted|unlocks?)",
        r"(?:[ _-]?(?:time|at|in|after|delay|on|seconds|secs|ms))*",
    ))
});
/// Matches a standalone number that may be a Unix time, in seconds or milliseconds.
static EPOCH: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w.])(\d{13}|\d{10})(?:\.\d+)?(?:[^\w]|$)"));

/// Returns the time until the limit reported in `words` ends, or zero if the limit has already ended.
///
/// `zone` is the time zone for clock times that do not specify one. For messages from a local program, pass the
/// machine's time zone.
pub fn retry_after<Z: TimeZone>(words: &str, now: Timestamp, zone: &Z) -> Option<Duration> {
    let now = DateTime::from_timestamp_millis(now.unix_millis())?;
    TRIGGER
        .find_iter(words)
        .find_map(|trigger| {
            let tail: String = words[trigger.end()..].chars().take(REACH_CHARS).collect();
            wait_in(trigger.as_str(), &tail, now, zone)
        })
        .or_else(|| epoch_in(words, now))
}

fn wait_in<Z: TimeZone>(trigger: &str, tail: &str, now: DateTime<Utc>, zone: &Z) -> Option<Duration> {
    let tail = tail.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '!' | '?' | ';'));
    duration::at_start(tail)
        .or_else(|| duration::bare_number(trigger, tail))
        .or_else(|| moment::at_start(tail, now, zone).map(|at| until(at, now)))
}

fn epoch_in(words: &str, now: DateTime<Utc>) -> Option<Duration> {
    let numbers = EPOCH.captures_iter(words).filter_map(|found| found.get(1)?.as_str().parse().ok());
    // A past Unix time without a trigger is probably the time at which the message was sent.
    numbers.filter_map(epoch).find(|at| *at > now && is_plausible(*at, now)).map(|at| until(at, now))
}

/// Converts a Unix time. Numbers below 10¹² are in seconds; all others are in milliseconds.
fn epoch(number: i64) -> Option<DateTime<Utc>> {
    if number >= 1_000_000_000_000 {
        DateTime::from_timestamp_millis(number)
    } else {
        DateTime::from_timestamp(number, 0)
    }
}

fn is_plausible(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (-EPOCH_PAST_SECONDS..EPOCH_FUTURE_SECONDS).contains(&(at - now).num_seconds())
}

/// Returns the time remaining until `at`, or zero if it has already passed.
fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or(Duration::ZERO)
}

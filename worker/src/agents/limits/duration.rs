//! Parses durations such as "2h 5m", "1 hour and 20 minutes", "59.5s", "6m0s", and "an hour".

use std::{sync::LazyLock, time::Duration};

use regex::Regex;

use crate::agents::pattern::pattern;

/// Longest plausible duration, in seconds: a leap year.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;

/// Matches filler words between a trigger, such as "retry", and the duration.
static CONNECTIVES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:(?:in|after|for|is|about|approximately|approx\.?|around|another|at least|within|roughly|your|the|",
        r"quota|limit|limits|next|window|will|reset|message|again)\b[^\w.!?;]*|~\s*)+",
    ))
});
/// Matches an amount with its unit, and any separator before the next amount.
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(\d+(?:[.,]\d+)?|an?|one|two|three|half an?|few)[\s-]*([a-zµ]+)\.?(?:\s*(?:,|and|&)\s*(?:and\s*)?|\s+)?",
    )
});
/// Matches hours, minutes, and seconds, separated by colons.
static STOPWATCH: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d{1,3}):(\d{2}):(\d{2})(?:\D|$)"));
/// Matches a number without a unit.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d{1,9}(?:\.\d+)?)\s*(?:[^\w\s.:/-]|\.\s|\.?$)"));

/// Returns the duration at the start of `tail`, the text after a trigger.
pub(super) fn at_start(tail: &str) -> Option<Duration> {
    let connectives = CONNECTIVES.find(tail).map_or(0, |found| found.end());
    let said_in = !tail[..connectives].is_empty();
    let mut rest = &tail[connectives..];
    if said_in && let Some(clock) = STOPWATCH.captures(rest) {
        let part = |index| clock.get(index)?.as_str().parse::<f64>().ok();
        return from_seconds(part(1)? * 3600.0 + part(2)? * 60.0 + part(3)?);
    }
    let mut seconds = None;
    while let Some(found) = AMOUNT.captures(rest) {
        let (number, unit) = (found.get(1)?.as_str(), found.get(2)?.as_str());
        let Some((amount, unit)) = amount(number).zip(unit_seconds(unit)) else { break };
        seconds = Some(seconds.unwrap_or(0.0) + amount * unit);
        rest = &rest[found.get(0)?.end()..];
    }
    from_seconds(seconds?)
}

/// Returns the duration if `tail` starts with a number without a unit. The unit is milliseconds after a trigger such as
/// `retry_after_ms`, and seconds after a trigger such as "retry after". After other triggers, such a number is not a
/// duration.
pub(super) fn bare_number(trigger: &str, tail: &str) -> Option<Duration> {
    let trigger = trigger.to_ascii_lowercase();
    let is_count = ["after", "delay", "in", "seconds", "secs", "ms"].iter().any(|word| trigger.ends_with(word));
    let number: f64 = NUMBER.captures(tail)?.get(1)?.as_str().parse().ok()?;
    if !is_count {
        return None;
    }
    from_seconds(if trigger.ends_with("ms") { number / 1000.0 } else { number })
}

fn from_seconds(seconds: f64) -> Option<Duration> {
    (seconds <= MAX_SECONDS).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

fn amount(word: &str) -> Option<f64> {
    match word.to_ascii_lowercase().as_str() {
        "a" | "an" | "one" => Some(1.0),
        "two" => Some(2.0),
        "three" | "few" => Some(3.0),
        "half a" | "half an" => Some(0.5),
        digits => digits.replace(',', ".").parse().ok(),
    }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "wk" | "wks" | "week" | "weeks" => 7.0 * 86_400.0,
        _ => return None,
    })
}

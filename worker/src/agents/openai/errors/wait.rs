//! Determines how long a server asks clients to wait before retrying.

use std::time::Duration;

use banter_shared::clock::Timestamp;
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use crate::agents::limits;

/// Longest wait whose end time may be displayed with seconds.
const SECONDS_MATTER: Duration = Duration::from_mins(10);

/// The waiting times specified in a response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    /// The waiting time that the server asks for, in a header such as `Retry-After` or in its message.
    pub declared: Option<Duration>,
    /// The time until the rate limits are reset. Servers also report this for limits that have not been reached.
    pub reset: Option<Duration>,
}

impl Wait {
    pub(super) fn from_response(headers: &HeaderMap, body: &str, now: Timestamp) -> Self {
        let declared = retry_after(headers, now).or_else(|| limits::retry_after(body, now, &Utc));
        Self { declared, reset: reset(headers, now) }
    }

    pub(super) fn from_words(words: &str, now: Timestamp) -> Self {
        Self { declared: limits::retry_after(words, now, &Utc), reset: None }
    }
}

/// Returns the waiting time from `retry-after-ms` or `Retry-After`. According to RFC 9110, section 10.2.3,
/// `Retry-After` is a date or a number of seconds, but many servers send fractions of seconds.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let millis = text(headers, "retry-after-ms").and_then(|value| value.parse::<f64>().ok());
    if let Some(wait) = millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()) {
        return Some(wait);
    }
    value(text(headers, RETRY_AFTER.as_str())?, now)
}

/// Returns the time until all exhausted limits are reset, or, if no limit is exhausted, until the first limit is reset.
fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let resets =
        headers.keys().map(HeaderName::as_str).filter(|name| name.contains("ratelimit") && name.contains("reset"));
    let waits = resets.filter_map(|name| {
        let wait = value(text(headers, name)?, now)?;
        let is_used_up = text(headers, &name.replace("reset", "remaining")) == Some("0");
        Some((is_used_up, wait))
    });
    let (used_up, other): (Vec<_>, Vec<_>) = waits.partition(|(is_used_up, _)| *is_used_up);
    used_up.into_iter().map(|(_, wait)| wait).max().or_else(|| other.into_iter().map(|(_, wait)| wait).min())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Returns the wait specified by a header's value: a number of seconds, a duration such as `6m0s`, a date, or a Unix
/// time.
fn value(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(date) = DateTime::parse_from_rfc2822(value) {
        let millis = Timestamp::new(date.to_utc()).millis_since(now);
        return Some(Duration::from_millis(millis.unsigned_abs()));
    }
    let starts_with_digit = value.starts_with(|c: char| c.is_ascii_digit());
    starts_with_digit.then(|| limits::retry_after(&format!("retry after {value}"), now, &Utc)).flatten()
}

/// Formats the end time of a wait for display, in UTC.
pub(super) fn until(wait: Duration, now: Timestamp) -> String {
    let end = now.plus(wait);
    let moment = |at: Timestamp| DateTime::from_timestamp_millis(at.unix_millis()).unwrap_or_default();
    let is_today = moment(end).date_naive() == moment(now).date_naive();
    let format = match (is_today, wait <= SECONDS_MATTER) {
        (true, true) => "%H:%M:%S UTC",
        (true, false) => "%H:%M UTC",
        (false, _) => "%Y-%m-%d %H:%M UTC",
    };
    moment(end).format(format).to_string()
}

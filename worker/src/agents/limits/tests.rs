use chrono::{FixedOffset, Utc};
use chrono_tz::Tz;

use super::*;

/// Returns a fixed current time. It is a Saturday.
fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn seconds(words: &str) -> Option<f64> {
    retry_after(words, now(), &Utc).map(|wait| wait.as_secs_f64())
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

#[test]
fn reads_durations() {
    let cases = [
        ("Please try again in 20s.", 20.0),
        ("Please try again in 6m0s. Visit https://example.org", 6.0 * MINUTE),
        ("Please try again in 1h12m7.5s", HOUR + 12.0 * MINUTE + 7.5),
        ("Please try again in 850ms.", 0.85),
        ("Limit 30000, Used 29500, Requested 900. Please try again in 1.2s.", 1.2),
        ("usage limit reached, try again in 3 hours", 3.0 * HOUR),
        ("usage limit reached … try again in 3h12m", 3.0 * HOUR + 12.0 * MINUTE),
        ("Try again in 2 days, 3 hours and 5 minutes.", 2.0 * DAY + 3.0 * HOUR + 5.0 * MINUTE),
        ("Try again in 1 day 2 hours", DAY + 2.0 * HOUR),
        ("resets in 2h 5m", 2.0 * HOUR + 5.0 * MINUTE),
        ("Your quota will reset after 59s.", 59.0),
        ("quota will reset after 3h12m5s", 3.0 * HOUR + 12.0 * MINUTE + 5.0),
        ("Please retry in 20.5s.", 20.5),
        ("Please retry after 59 seconds.", 59.0),
        ("Retry after: 7", 7.0),
        (r#"{"@type":"RetryInfo","retryDelay":"34s"}"#, 34.0),
        (r#"{"message":"slow down","retry_after":12.5}"#, 12.5),
        (r#"{"retry_after_ms": 1500}"#, 1.5),
        ("Wait about 5 minutes and try again.", 5.0 * MINUTE),
        ("Please wait for 00:01:30.", 90.0),
        ("Please wait for an hour", HOUR),
        ("It will be available in approximately 2 hrs", 2.0 * HOUR),
        ("Try the request again in 45 sec.", 45.0),
        ("Your 5-hour limit is reached; resets in 30 minutes", 30.0 * MINUTE),
        ("Limit resets in: 2h", 2.0 * HOUR),
    ];
    for (words, expected) in cases {
        assert_eq!(seconds(words), Some(expected), "{words}");
    }
}

#[test]
fn reads_moments() {
    let cases = [
        ("usage limit reached, resets 3pm", 3.0 * HOUR),
        ("5-hour limit reached ∙ resets 3:30pm", 3.5 * HOUR),
        ("You've hit your limit · resets 3pm (UTC)", 3.0 * HOUR),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", 2.0 * HOUR),
        ("You've hit your limit · resets 3pm (America/Los_Angeles)", 11.0 * HOUR),
        ("resets at 15:00 UTC", 3.0 * HOUR),
        ("resets at 15:00:30 UTC+2", HOUR + 30.0),
        ("resets at 7 a.m. PST", 3.0 * HOUR),
        ("resets 11am", 23.0 * HOUR),
        ("resets 11:58am", 0.0),
        ("resets 12am", 12.0 * HOUR),
        ("resets at midnight UTC", 12.0 * HOUR),
        ("resets tomorrow at 9am", 21.0 * HOUR),
        ("Try again at 3:00 PM.", 3.0 * HOUR),
        ("try again at Feb 2nd, 2026 1:05 PM.", 2.0 * DAY + HOUR + 5.0 * MINUTE),
        ("Weekly limit reached ∙ resets Feb 2, 3pm", 2.0 * DAY + 3.0 * HOUR),
        ("resets on 1 February at 08:00", 20.0 * HOUR),
        ("resets Monday 9am", 45.0 * HOUR),
        ("resets on Monday", 36.0 * HOUR),
        ("available again on Sun, Feb 1", 12.0 * HOUR),
        ("Your access is restored on 2026-02-01 at 00:00 UTC.", 12.0 * HOUR),
        ("retry after 2026-01-31T12:01:30Z", 90.0),
        ("resets_at: 2026-01-31 14:00:00+01:00", HOUR),
        (r#"{"resets_at":"2026-01-31T13:00:00.250Z"}"#, HOUR),
        ("usage limit reached|1769864400", HOUR),
        (r#"{"type":"usage_limit_reached","resets_at":1769864400}"#, HOUR),
        (r#"{"X-RateLimit-Reset":"1769864400000"}"#, HOUR),
        ("resets Jan 31, 11am", 0.0),
    ];
    for (words, expected) in cases {
        assert_eq!(seconds(words), Some(expected), "{words}");
    }
}

#[test]
fn reads_a_clock_time_without_a_zone_in_the_given_zone() {
    let east = FixedOffset::east_opt(2 * 3600).unwrap();
    let wait = |words: &str| retry_after(words, now(), &east).map(|wait| wait.as_secs_f64());

    assert_eq!(wait("resets 3pm"), Some(HOUR));
    assert_eq!(wait("resets 3pm UTC"), Some(3.0 * HOUR));
}

#[test]
fn moves_a_skipped_clock_time_by_an_hour() {
    let zone: Tz = "Europe/Berlin".parse().unwrap();
    let now = "2026-03-28T23:30:00Z".parse().unwrap();

    assert_eq!(retry_after("resets 2:30am", now, &zone), Some(Duration::from_hours(2)));
}

#[test]
fn ignores_messages_without_a_time() {
    for words in [
        "",
        "Rate limit reached.",
        "You have reached your 5-hour limit.",
        "Too many requests: at most 3 per minute.",
        "tokens per min (TPM): Limit 30000, Used 29500, Requested 900.",
        "Please try again later.",
        "Please try again. 20 s is a long time.",
        "max retries 3 exceeded",
        "Retry the request.",
        "Request 1234567890123456 failed.",
        "resets 25pm",
        "wait until the model is loaded",
        "This model is only available in 2 regions.",
        "{\"created\":1769860000,\"error\":\"quota\"}",
        "try again in 99999999999999999999 days",
    ] {
        assert_eq!(seconds(words), None, "{words}");
    }
}

//! Parses points in time such as "3pm", "15:00 UTC", "tomorrow at 9am", "Mar 5, 3:04 PM (Europe/Berlin)", and
//! "2026-01-31T15:00:00Z".

use std::sync::LazyLock;

use chrono::{
    DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;
use regex::{Captures, Regex};

use super::{epoch, is_plausible};
use crate::agents::pattern::pattern;

/// A clock time that passed within this period refers to today rather than tomorrow, because times in messages are
/// rounded.
const JUST_PASSED: TimeDelta = TimeDelta::minutes(5);
/// A date without a year refers to next year if at least this much time has passed since that date this year.
const PASSED_DATE: TimeDelta = TimeDelta::days(31);

/// Matches filler words between a trigger and the time.
static CONNECTIVES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:(?:at|on|by|after|until|is|time|is|the)\b[^\w.!?;+-]*|~\s*)+"));
/// Matches a date and time in RFC 3339 or a similar format.
static ISO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(\d{4}-\d{2}-\d{2})[T ,]+(?:at )?(\d{2}:\d{2})(?::(\d{2})(?:\.\d+)?)?\s*",
        r"(Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2})?",
    ))
});
/// Matches a date, a weekday, or a day relative to today. Also matches the empty string, because a time of day may
/// stand alone.
static DAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:(?P<near>today|tonight|tomorrow|midnight)|(?P<iso>\d{4}-\d{2}-\d{2})|",
        r"(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s*)?",
        r"(?:(?P<month>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\b|",
        r"(?P<day2>\d{1,2})(?:st|nd|rd|th)?\s+(?P<month2>[a-z]{3,9})\b)?",
        r"(?:,?\s+(?P<year>20\d{2})\b)?)[\s,]*(?:at\s+)?",
    ))
});
/// Matches a time of day. [`time_of`] rejects an hour with neither minutes nor am/pm.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(a\.?m\b\.?|p\.?m\b\.?)?|(noon|midnight))")
});
/// Matches the time zone after a time of day.
static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\s*\(?\s*((?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|[a-z]+(?:[/_-][a-z_]+)+|[a-z]{1,5})\b")
});

/// Returns the point in time at the start of `tail`, the text after a trigger.
pub(super) fn at_start<Z: TimeZone>(tail: &str, now: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
    let connectives = CONNECTIVES.find(tail).map_or(0, |found| found.end());
    let tail = &tail[connectives..];
    iso(tail, zone).or_else(|| leading_epoch(tail, now)).or_else(|| in_words(tail, now, zone))
}

fn iso<Z: TimeZone>(tail: &str, zone: &Z) -> Option<DateTime<Utc>> {
    let found = ISO.captures(tail)?;
    let seconds = found.get(3).map_or("00", |seconds| seconds.as_str());
    let local = format!("{} {}:{seconds}", &found[1], &found[2]);
    let local = NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S").ok()?;
    match found.get(4).and_then(|offset| offset_of(offset.as_str())) {
        Some(offset) => in_zone(local, &offset),
        None => in_zone(local, zone),
    }
}

fn leading_epoch(tail: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let digits = tail.split(|c: char| !c.is_ascii_digit()).next()?;
    if digits.len() < 10 {
        return None;
    }
    epoch(digits.parse().ok()?).filter(|at| is_plausible(*at, now))
}

fn in_words<Z: TimeZone>(tail: &str, now: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
    let day = DAY.captures(tail)?;
    let after_day = &tail[day.get(0)?.end()..];
    let (time, after_time) = match TIME.captures(after_day) {
        Some(found) => (time_of(&found), &after_day[found.get(0)?.end()..]),
        None => (None, after_day),
    };
    let zone_name = ZONE.captures(after_time).map(|found| found[1].to_owned()).unwrap_or_default();
    if let Some(offset) = offset_of(&zone_name) {
        return resolve(&day, time, now, &offset);
    }
    match zone_name.parse::<Tz>().or_else(|_| Tz::from_str_insensitive(&zone_name)) {
        Ok(named) => resolve(&day, time, now, &named),
        Err(_) => resolve(&day, time, now, zone),
    }
}

/// Combines a day and a time of day. Returns `None` if both are missing.
fn resolve<Z: TimeZone>(
    day: &Captures<'_>,
    time: Option<NaiveTime>,
    now: DateTime<Utc>,
    zone: &Z,
) -> Option<DateTime<Utc>> {
    let today = now.with_timezone(zone).naive_local().date();
    let date = date_of(day, today);
    match (date, time) {
        (Some(date), time) => {
            let at = in_zone(date.and_time(time.unwrap_or(NaiveTime::MIN)), zone)?;
            let has_year = day.name("year").is_some() || day.name("iso").is_some();
            if has_year || at + PASSED_DATE > now {
                return Some(at);
            }
            in_zone(date.with_year(date.year() + 1)?.and_time(time.unwrap_or(NaiveTime::MIN)), zone)
        }
        (None, Some(time)) => {
            let weekday = day.name("weekday").and_then(|name| name.as_str().parse::<Weekday>().ok());
            (0..=7)
                .filter_map(|days| today.checked_add_days(Days::new(days)))
                .filter(|date| weekday.is_none_or(|weekday| date.weekday() == weekday))
                .filter_map(|date| in_zone(date.and_time(time), zone))
                .find(|at| *at + JUST_PASSED > now)
        }
        (None, None) => {
            let weekday = day.name("weekday")?.as_str().parse::<Weekday>().ok()?;
            let date = (1..=7)
                .filter_map(|days| today.checked_add_days(Days::new(days)))
                .find(|date| date.weekday() == weekday)?;
            in_zone(date.and_time(NaiveTime::MIN), zone)
        }
    }
}

fn date_of(day: &Captures<'_>, today: NaiveDate) -> Option<NaiveDate> {
    if let Some(near) = day.name("near") {
        return match near.as_str().to_ascii_lowercase().as_str() {
            "today" | "tonight" => Some(today),
            _ => today.succ_opt(),
        };
    }
    if let Some(iso) = day.name("iso") {
        return iso.as_str().parse().ok();
    }
    let month = day.name("month").or_else(|| day.name("month2"))?.as_str().parse::<chrono::Month>().ok()?;
    let number = day.name("day").or_else(|| day.name("day2"))?.as_str().parse().ok()?;
    let year = day.name("year").map_or(Ok(today.year()), |year| year.as_str().parse()).ok()?;
    NaiveDate::from_ymd_opt(year, month.number_from_month(), number)
}

fn time_of(found: &Captures<'_>) -> Option<NaiveTime> {
    if let Some(name) = found.get(5) {
        return NaiveTime::from_hms_opt(if name.as_str().eq_ignore_ascii_case("noon") { 12 } else { 0 }, 0, 0);
    }
    let hour: u32 = found.get(1)?.as_str().parse().ok()?;
    let part = |index| found.get(index).map_or(Some(0), |digits| digits.as_str().parse::<u32>().ok());
    let half = found.get(4).map(|half| half.as_str().to_ascii_lowercase());
    if half.is_none() && found.get(2).is_none() {
        return None;
    }
    let hour = match half {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) => hour % 12 + if half.starts_with('p') { 12 } else { 0 },
        None => hour,
    };
    NaiveTime::from_hms_opt(hour, part(2)?, part(3)?)
}

/// Converts a local time to UTC. A time that a clock change skips is moved one hour later. A time that occurs twice
/// means the first occurrence.
fn in_zone<Z: TimeZone>(local: NaiveDateTime, zone: &Z) -> Option<DateTime<Utc>> {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
    found.map(|at| at.to_utc())
}

/// Returns the UTC offset for a name such as `Z`, `UTC+2`, `+05:30`, or `CET`.
fn offset_of(name: &str) -> Option<FixedOffset> {
    let name = name.to_ascii_uppercase();
    let abbreviated = match name.as_str() {
        "Z" | "UTC" | "GMT" => Some(0),
        "CET" | "BST" => Some(1),
        "CEST" => Some(2),
        "JST" => Some(9),
        "EDT" => Some(-4),
        "EST" | "CDT" => Some(-5),
        "CST" | "MDT" => Some(-6),
        "MST" | "PDT" => Some(-7),
        "PST" => Some(-8),
        _ => None,
    };
    if let Some(hours) = abbreviated {
        return FixedOffset::east_opt(hours * 3600);
    }
    let offset = name.trim_start_matches("UTC").trim_start_matches("GMT");
    let (sign, digits) =
        offset.strip_prefix('+').map(|rest| (1, rest)).or_else(|| Some((-1, offset.strip_prefix('-')?)))?;
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if digits.len() > 2 => digits.split_at(digits.len() - 2),
        None => (digits, "0"),
    };
    FixedOffset::east_opt(sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60))
}

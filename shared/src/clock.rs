//! Wall-clock time. Code receives a [`Clock`] instead of reading the system time directly.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::text_column::text_column;

/// A time in UTC with millisecond precision, in RFC 3339 format (`2026-01-31T12:00:00.000Z`).
// The text sorts chronologically, so the store keeps times as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000Z"))]
pub struct Timestamp(DateTime<Utc>);

/// 0000-01-01T00:00:00Z.
const EARLIEST: DateTime<Utc> = DateTime::from_timestamp(-62_167_219_200, 0).expect("a valid time");
/// 9999-12-31T23:59:59.999Z.
const LATEST: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 999_000_000).expect("a valid time");

fn is_representable(at: &DateTime<Utc>) -> bool {
    (EARLIEST..=LATEST).contains(at)
}

/// A text that is not a time in RFC 3339 format, or whose year in UTC is not from 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time in RFC 3339 format, such as 2026-01-31T12:00:00.000Z, in the years 0 to 9999")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Truncates a time to milliseconds. A time outside of the years 0 to 9999, which RFC 3339 cannot represent, becomes
    /// the nearest one within them.
    #[must_use]
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.clamp(EARLIEST, LATEST).trunc_subsecs(3))
    }

    /// Returns the time this many milliseconds after the Unix epoch; `None` outside of the years 0 to 9999.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).filter(is_representable).map(Self)
    }

    /// Returns the whole seconds since the Unix epoch.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Returns the whole milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Returns the time plus a duration, or the latest representable time if the result is out of range.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// Returns the time minus a duration, or the earliest representable time if the result is out of range.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// Returns the milliseconds since `earlier`, or 0 if the clock was set back in between.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        (self.unix_millis() - earlier.unix_millis()).max(0)
    }

    /// Returns the time since `earlier`, or zero if the clock was set back in between.
    #[must_use]
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis_since(earlier).unsigned_abs())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?.to_utc();
        // Leap seconds are truncated.
        if is_representable(&at.trunc_subsecs(0)) { Ok(Self::new(at)) } else { Err(InvalidTimestamp) }
    }
}

text_column!(Timestamp);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A source of wall-clock time. Counters determine the order of messages and events, and leases expire by monotonic
/// time, so neither depends on this clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// A clock shared by the parts of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the only place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_milliseconds_and_parses_its_own_format() {
        let at: Timestamp = "2026-01-31T12:00:00.1239Z".parse().unwrap();

        assert_eq!(at.to_string(), "2026-01-31T12:00:00.123Z");
        assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
        assert_eq!("2026-01-31T12:00:00Z".parse::<Timestamp>().unwrap().to_string(), "2026-01-31T12:00:00.000Z");
    }

    #[test]
    fn a_clock_that_is_set_back_yields_no_negative_duration() {
        let early: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();

        assert_eq!(early.millis_since(early.plus(Duration::from_secs(5))), 0);
    }
}

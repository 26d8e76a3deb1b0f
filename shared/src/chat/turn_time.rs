//! Histograms of how long turns take.

use std::{collections::HashMap, time::Duration};

use strum::{Display, EnumString, IntoStaticStr};
use tokio::time::Instant;

use super::TaskStatus;
use crate::text_column::text_enum;

/// A part of the time that a turn takes. [`Duration`](Self::Duration) is the total. The other parts follow one another,
/// starting when the message is sent. The time of a part that never ends counts toward the next part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TurnPart {
    /// From when the message was sent, or last retried by the user, until the outcome was written.
    Duration,
    /// Until a worker claimed the last attempt. Includes earlier attempts and the pauses after them.
    Queued,
    /// Until the agent received the conversation.
    Started,
    /// Until the agent sent the first text of its answer.
    FirstToken,
    /// Until the outcome was written.
    Outcome,
}

text_enum!(TurnPart);

/// The milestones of an attempt, according to the monotonic clock of its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptMilestones {
    /// When the attempt was claimed.
    pub claimed_at: Instant,
    /// When the agent received the conversation.
    pub started_at: Option<Instant>,
    /// When the agent sent the first text of its answer.
    pub first_text_at: Option<Instant>,
}

impl AttemptMilestones {
    /// Creates the milestones of an attempt whose agent has not started yet.
    #[must_use]
    pub const fn claimed(at: Instant) -> Self {
        Self { claimed_at: at, started_at: None, first_text_at: None }
    }

    /// Returns the parts of a turn whose last attempt is this one, which ended at `ended_at`. `queued_for` is the time
    /// before the attempt was claimed.
    #[must_use]
    pub fn parts(&self, queued_for: Duration, ended_at: Instant) -> Vec<(TurnPart, Duration)> {
        let milestones = [
            (TurnPart::Started, self.started_at),
            (TurnPart::FirstToken, self.first_text_at),
            (TurnPart::Outcome, Some(ended_at)),
        ];
        let mut parts = vec![
            (TurnPart::Duration, queued_for + ended_at.duration_since(self.claimed_at)),
            (TurnPart::Queued, queued_for),
        ];
        let mut previous = self.claimed_at;
        for (part, at) in milestones {
            if let Some(at) = at {
                parts.push((part, at.duration_since(previous)));
                previous = at;
            }
        }
        parts
    }
}

/// The inclusive upper bounds of the buckets, in microseconds, in ascending order.
pub const TURN_TIME_BOUNDS_US: [i64; 18] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    900_000_000,
    3_600_000_000,
];

/// Returns the upper bound of the bucket for a time in microseconds; `i64::MAX` if the time exceeds all bounds.
#[must_use]
pub fn turn_time_bound(time_us: i64) -> i64 {
    TURN_TIME_BOUNDS_US.into_iter().find(|bound| time_us <= *bound).unwrap_or(i64::MAX)
}

/// The number of turns in one bucket, and their total time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnCount {
    /// The number of turns.
    pub turns: i64,
    /// The total time of the turns, in microseconds.
    pub total_us: i64,
}

/// The identity of a bucket: the measured part, the status with which the turns ended, and the upper bound in
/// microseconds.
pub type TurnBucket = (TurnPart, TaskStatus, i64);

/// How long turns took, by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnTimes {
    buckets: HashMap<TurnBucket, TurnCount>,
}

impl TurnTimes {
    /// Adds turns to a bucket.
    pub fn add(&mut self, bucket: TurnBucket, count: TurnCount) {
        let sum = self.buckets.entry(bucket).or_default();
        sum.turns += count.turns;
        sum.total_us = sum.total_us.saturating_add(count.total_us);
    }

    /// Returns the buckets that are not empty, in no particular order.
    pub fn buckets(&self) -> impl Iterator<Item = (TurnBucket, TurnCount)> {
        self.buckets.iter().map(|(bucket, count)| (*bucket, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_time_in_the_lowest_bucket_that_includes_it() {
        assert_eq!(turn_time_bound(0), 1_000);
        assert_eq!(turn_time_bound(1_000), 1_000);
        assert_eq!(turn_time_bound(1_001), 2_500);
        assert_eq!(turn_time_bound(3_600_000_001), i64::MAX);
    }

    #[test]
    fn the_bounds_ascend() {
        assert!(TURN_TIME_BOUNDS_US.is_sorted());
    }

    #[test]
    fn the_parts_add_up_to_the_duration() {
        let claimed_at = Instant::now();
        let at = |millis| claimed_at + Duration::from_millis(millis);
        let [started_at, first_text_at] = [Some(at(3)), Some(at(10))];

        let parts = AttemptMilestones { claimed_at, started_at, first_text_at }.parts(Duration::from_secs(1), at(50));

        let expected = [
            (TurnPart::Duration, 1050),
            (TurnPart::Queued, 1000),
            (TurnPart::Started, 3),
            (TurnPart::FirstToken, 7),
            (TurnPart::Outcome, 40),
        ];
        assert_eq!(parts, expected.map(|(part, millis)| (part, Duration::from_millis(millis))));
    }

    #[test]
    fn a_part_that_is_not_reached_belongs_to_the_next_one() {
        let claimed_at = Instant::now();
        let at = |millis| claimed_at + Duration::from_millis(millis);
        let outcome_of = |milestones: AttemptMilestones| {
            let parts = milestones.parts(Duration::ZERO, at(50));
            (parts.len(), parts.last().copied())
        };

        let not_started = outcome_of(AttemptMilestones::claimed(claimed_at));
        let silent =
            outcome_of(AttemptMilestones { started_at: Some(at(3)), ..AttemptMilestones::claimed(claimed_at) });

        assert_eq!(not_started, (3, Some((TurnPart::Outcome, Duration::from_millis(50)))));
        assert_eq!(silent, (4, Some((TurnPart::Outcome, Duration::from_millis(47)))));
    }
}

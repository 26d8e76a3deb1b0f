//! How long turns take: the transaction that ends a turn counts it, and every `api` process shows the counts.

use std::time::Duration;

use tokio::time::Instant;

use super::{Store, StoreError};
use crate::{
    chat::{AttemptMilestones, TaskStatus, TurnCount, TurnPart, TurnTimes, turn_time_bound},
    clock::Timestamp,
};

/// How long the counts are reused. Scrapes within this time share one query.
const READ_FOR: Duration = Duration::from_secs(2);
/// The longest time that is counted. A longer one means that a clock was wrong, and would distort the sum.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Adds a turn to the buckets of its times, which are the result of [`measure`]. Without `WHERE`, `ON CONFLICT` would
/// be parsed as the condition of a join.
pub(super) const COUNT_TURN: &str = "INSERT INTO turn_time (status, part, upper_us, turns, total_us) \
     SELECT $status, value ->> 0, value ->> 1, 1, value ->> 2 FROM json_each($turn_times) WHERE TRUE \
     ON CONFLICT (status, part, upper_us) DO UPDATE SET turns = turns + 1, total_us = total_us + excluded.total_us";

/// A row of `turn_time`.
#[derive(sqlx::FromRow)]
struct TurnTimeRow {
    status: TaskStatus,
    part: TurnPart,
    upper_us: i64,
    turns: i64,
    total_us: i64,
}

/// Returns the times of a running turn that ends now, as JSON: the part, the upper bound of the bucket, and the time in
/// microseconds. `milestones` are those measured by the worker; without them, the wall clock measures the attempt.
pub(super) fn measure(
    requested_at: Timestamp,
    started_at: Timestamp,
    milestones: Option<AttemptMilestones>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let queued_for = started_at.duration_since(requested_at).min(LONGEST);
    let parts = if let Some(milestones) = milestones {
        milestones.parts(queued_for, Instant::now())
    } else {
        let ran_for = now.duration_since(started_at).min(LONGEST);
        vec![(TurnPart::Duration, queued_for + ran_for), (TurnPart::Queued, queued_for), (TurnPart::Outcome, ran_for)]
    };
    let times: Vec<_> = parts
        .into_iter()
        .map(|(part, time)| {
            let time_us = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
            (part.as_str(), turn_time_bound(time_us), time_us)
        })
        .collect();
    serde_json::to_string(&times).map_err(|error| StoreError::Corrupt(error.to_string()))
}

impl Store {
    /// Returns the counts of the installation. The result is at most two seconds old.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn turn_times(&self) -> Result<TurnTimes, StoreError> {
        self.inner.turn_times.get(READ_FOR, self.read_turn_times()).await
    }

    pub(super) async fn read_turn_times(&self) -> Result<TurnTimes, StoreError> {
        let rows: Vec<TurnTimeRow> = self
            .read(async |tx| {
                Ok(sqlx::query_as(
                    "SELECT status, part, upper_us, turns, total_us FROM turn_time ORDER BY status, part, upper_us",
                )
                .fetch_all(tx)
                .await?)
            })
            .await?;
        let mut times = TurnTimes::default();
        for TurnTimeRow { status, part, upper_us, turns, total_us } in rows {
            times.add((part, status, upper_us), TurnCount { turns, total_us });
        }
        Ok(times)
    }
}

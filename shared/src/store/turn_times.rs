//! Turn times, that is, how long turns take. The transaction that ends a turn counts it, and every `api` process
//! reports the counts.

use std::time::Duration;

use tokio::time::Instant;

use super::{Store, StoreError, database_driver::Query, stripe::Stripe};
use crate::{
    chat::{AttemptMilestones, TaskStatus, TurnCount, TurnPart, TurnTimes, turn_time_bound},
    clock::Timestamp,
};

/// How long the counts are reused. Scrapes within this time share one query.
const READ_FOR: Duration = Duration::from_secs(2);
/// The maximum time measured with wall clocks. A longer time is reduced to this limit, because it indicates that a
/// clock was wrong and would distort the sum.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Adds a turn that ended with status `$1` to a bucket of each of its parts. Three parameters describe a part: its name,
/// the upper bound of the bucket, and the time that the part took, in microseconds. The name of a missing part is NULL.
/// Each stripe (`$17`) has its own counts, so that turns of different stripes do not wait for each other.
const COUNT_TURN: &str = "INSERT INTO turn_time (stripe, status, part, upper_us, turns, total_us) \
     SELECT $17, $1, column1, column2, 1, column3 FROM (VALUES \
     ($2, CAST($3 AS BIGINT), CAST($4 AS BIGINT)), ($5, $6, $7), ($8, $9, $10), ($11, $12, $13), ($14, $15, $16)) \
     AS counted \
     WHERE column1 IS NOT NULL ON CONFLICT (stripe, status, part, upper_us) \
     DO UPDATE SET turns = turn_time.turns + 1, total_us = turn_time.total_us + excluded.total_us";

/// The number of parts for which [`COUNT_TURN`] has parameters.
const MAX_PARTS: usize = 5;

/// A row of `turn_time`.
#[derive(sqlx::FromRow)]
struct TurnTimeRow {
    status: TaskStatus,
    part: TurnPart,
    upper_us: i64,
    turns: i64,
    total_us: i64,
}

/// Returns the statement that counts a running turn, which ends now with `status` and belongs to a user in this stripe.
/// `milestones` are those measured by the worker; without them, the attempt is measured with the wall clock.
pub(super) fn count(
    stripe: Stripe,
    status: TaskStatus,
    requested_at: Timestamp,
    started_at: Timestamp,
    milestones: Option<AttemptMilestones>,
    now: Timestamp,
) -> Query<'static> {
    let queued_for = started_at.duration_since(requested_at).min(LONGEST);
    let parts = if let Some(milestones) = milestones {
        milestones.parts(queued_for, Instant::now())
    } else {
        let ran_for = now.duration_since(started_at).min(LONGEST);
        vec![(TurnPart::Duration, queued_for + ran_for), (TurnPart::Queued, queued_for), (TurnPart::Outcome, ran_for)]
    };
    debug_assert!(parts.len() <= MAX_PARTS, "all parts must be counted");
    let mut parts = parts.into_iter();
    let mut count = sqlx::query(COUNT_TURN).bind(status);
    for _ in 0..MAX_PARTS {
        let (part, time) = parts.next().unzip();
        let time_us = time.map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        count = count.bind(part).bind(time_us.map(turn_time_bound)).bind(time_us);
    }
    count.bind(stripe.number())
}

impl Store {
    /// Returns the turn times of the installation. The result is at most two seconds old.
    ///
    /// # Errors
    /// Returns an error if the store fails.
    pub async fn turn_times(&self) -> Result<TurnTimes, StoreError> {
        self.inner.turn_times.get(READ_FOR, self.read_turn_times()).await
    }

    pub(super) async fn read_turn_times(&self) -> Result<TurnTimes, StoreError> {
        let rows: Vec<TurnTimeRow> = self
            .read(async |tx| {
                Ok(sqlx::query_as("SELECT status, part, upper_us, turns, total_us FROM turn_time")
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

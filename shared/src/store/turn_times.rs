//! Turn times, that is, how long turns take. The transaction that ends a turn counts it, and every `api` process
//! reports the counts.

use std::time::Duration;

use tokio::time::Instant;

use super::{Store, StoreError, database_driver::Connection};
use crate::{
    chat::{AttemptMilestones, TaskStatus, TurnCount, TurnPart, TurnTimes, turn_time_bound},
    clock::Timestamp,
};

/// How long the counts are reused. Scrapes within this time share one query.
const READ_FOR: Duration = Duration::from_secs(2);
/// The maximum time measured with wall clocks. A longer time is reduced to this limit, because it indicates that a
/// clock was wrong and would distort the sum.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Adds a turn that ended with status `$1` to a bucket of part `$2`. The upper bound of the bucket is `$3`
/// microseconds, and the part took `$4` microseconds.
const COUNT_TURN: &str = "INSERT INTO turn_time (status, part, upper_us, turns, total_us) VALUES ($1, $2, $3, 1, $4) \
     ON CONFLICT (status, part, upper_us) \
     DO UPDATE SET turns = turn_time.turns + 1, total_us = turn_time.total_us + excluded.total_us";

/// A row of `turn_time`.
#[derive(sqlx::FromRow)]
struct TurnTimeRow {
    status: TaskStatus,
    part: TurnPart,
    upper_us: i64,
    turns: i64,
    total_us: i64,
}

/// Counts a running turn that ends now with `status`. `milestones` are those measured by the worker; without them, the
/// attempt is measured with the wall clock.
pub(super) async fn count(
    tx: &mut Connection,
    status: TaskStatus,
    requested_at: Timestamp,
    started_at: Timestamp,
    milestones: Option<AttemptMilestones>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let queued_for = started_at.duration_since(requested_at).min(LONGEST);
    let parts = if let Some(milestones) = milestones {
        milestones.parts(queued_for, Instant::now())
    } else {
        let ran_for = now.duration_since(started_at).min(LONGEST);
        vec![(TurnPart::Duration, queued_for + ran_for), (TurnPart::Queued, queued_for), (TurnPart::Outcome, ran_for)]
    };
    for (part, time) in parts {
        let time_us = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        sqlx::query(COUNT_TURN)
            .bind(status)
            .bind(part)
            .bind(turn_time_bound(time_us))
            .bind(time_us)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
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

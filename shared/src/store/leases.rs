//! Leases: a worker's heartbeat, and the takeover of a dead one's tasks.
//!
//! A heartbeat is a counter. Whoever watches it trusts only its own monotonic clock: wall-clock times of different
//! moments are never compared, so neither a stepped clock nor a suspended machine makes live workers look dead.

use std::{collections::HashMap, time::Duration};

use sqlx::{Connection, SqliteConnection};
use tokio::time::Instant;

use super::{Changed, Finish, Store, StoreError, attempts::end_attempt};
use crate::{
    clock::Timestamp,
    event::Hints,
    id::{TaskId, WorkerId},
};

/// A worker as another process sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Beat {
    /// The worker.
    pub worker_id: WorkerId,
    /// Its counter; `None` if it is gone but tasks of it still run.
    pub beat: Option<i64>,
}

/// A worker's heartbeat, on a connection of its own so that it never waits in line behind other work.
#[derive(Debug)]
pub struct Heartbeat {
    store: Store,
    worker: WorkerId,
    connection: Option<SqliteConnection>,
}

impl Heartbeat {
    /// Counts one up; registers the worker if it is not (any more).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn beat(&mut self) -> Result<(), StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.store.connect().await?),
        };
        let result = write_beat(connection, &self.worker, self.store.inner.clock.now()).await;
        if result.is_err() {
            self.connection = None;
        }
        result
    }
}

async fn write_beat(connection: &mut SqliteConnection, worker: &WorkerId, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    register(&mut tx, worker, now).await?;
    sqlx::query("UPDATE worker_heartbeat SET beat = beat + 1 WHERE worker_id = $1")
        .bind(worker)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE Workers SET last_seen = $2 WHERE id = $1")
        .bind(worker)
        .bind(now.unix_seconds())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Makes sure that the worker is known: `Jobs.lock_by` refers to `Workers`, and only who has a heartbeat is watched.
/// A worker that was taken for dead and lives comes back this way.
pub(super) async fn register(tx: &mut SqliteConnection, worker: &WorkerId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO worker_heartbeat (worker_id, started_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(worker)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO Workers (id, worker_type, storage_name, layers, last_seen, started_at) \
         VALUES ($1, $2, 'banter', '', $3, $3) ON CONFLICT DO NOTHING",
    )
    .bind(worker)
    .bind(super::AGENT_QUEUE)
    .bind(now.unix_seconds())
    .execute(tx)
    .await?;
    Ok(())
}

impl Store {
    /// The heartbeat of this process.
    #[must_use]
    pub fn heartbeat(&self, worker: &WorkerId) -> Heartbeat {
        Heartbeat { store: self.clone(), worker: worker.clone(), connection: None }
    }

    /// Every worker that beats or has a running task.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_beats(&self) -> Result<Vec<Beat>, StoreError> {
        let beats = sqlx::query_as(
            "SELECT worker_id, beat FROM worker_heartbeat UNION ALL \
             SELECT DISTINCT t.worker_id, NULL FROM agent_task t INDEXED BY agent_task_by_worker \
             WHERE t.status = 'running' AND t.worker_id NOT IN (SELECT worker_id FROM worker_heartbeat)",
        )
        .fetch_all(&self.inner.readers)
        .await?;
        Ok(beats)
    }

    /// Takes the tasks of a dead worker back, unless it has beaten since. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reap(&self, dead: &Beat) -> Result<Changed<usize>, StoreError> {
        let mut tx = self.begin_write().await?;
        let now = self.inner.clock.now();
        let beat: Option<i64> = sqlx::query_scalar("SELECT beat FROM worker_heartbeat WHERE worker_id = $1")
            .bind(&dead.worker_id)
            .fetch_optional(&mut *tx)
            .await?;
        if beat != dead.beat {
            return Ok(Changed::nothing(0));
        }
        let running: Vec<(TaskId, i64)> =
            sqlx::query_as("SELECT id, attempt FROM agent_task WHERE worker_id = $1 AND status = 'running'")
                .bind(&dead.worker_id)
                .fetch_all(&mut *tx)
                .await?;
        let mut hints = Hints::default();
        for &(task_id, attempt) in &running {
            let ended = end_attempt(&mut tx, task_id, attempt, Finish::WorkerLost, now).await?;
            hints.users.extend(ended.hints.users);
            hints.wake_workers |= ended.hints.wake_workers;
        }
        forget_worker(&mut tx, &dead.worker_id).await?;
        tx.commit().await?;
        hints.users.sort();
        hints.users.dedup();
        Ok(Changed::new(running.len(), hints))
    }

    /// Removes a worker that has ended all its attempts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deregister(&self, worker: &WorkerId) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        forget_worker(&mut tx, worker).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn forget_worker(tx: &mut SqliteConnection, worker: &WorkerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM worker_heartbeat WHERE worker_id = $1").bind(worker).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM Workers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = $1)")
        .bind(worker)
        .execute(tx)
        .await?;
    Ok(())
}

/// Decides which workers are dead: those whose counter this process has itself seen unchanged for a whole lease.
///
/// Only time counts in which they could have beaten: time in which the store could not be written does not, nor does
/// time in which this process was away (suspended, frozen, or without a processor), because the others may have been
/// away too. What counted before stays, so a dead worker is found in the end, however busy the machine is.
#[derive(Debug)]
pub struct LeaseWatch {
    lease: Duration,
    seen: HashMap<WorkerId, Silence>,
    last_look: Option<Instant>,
}

/// How long a worker has been silent.
#[derive(Debug)]
struct Silence {
    beat: Option<i64>,
    lasts: Duration,
}

impl LeaseWatch {
    /// Watches with this lease.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        Self { lease, seen: HashMap::new(), last_look: None }
    }

    /// How often to look.
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.lease / 10).min(Duration::from_millis(500))
    }

    /// Takes in what was read at `now` and returns the dead. `could_write` says whether anybody could have written
    /// since the last look.
    pub fn observe(&mut self, beats: &[Beat], now: Instant, could_write: bool) -> Vec<Beat> {
        let passed = self.last_look.map_or(Duration::ZERO, |last| now.duration_since(last));
        let counts = if could_write { passed.min(2 * self.interval()) } else { Duration::ZERO };
        self.last_look = Some(now);
        self.seen.retain(|id, _| beats.iter().any(|beat| beat.worker_id == *id));
        let mut dead = Vec::new();
        for beat in beats {
            match self.seen.get_mut(&beat.worker_id) {
                Some(silence) if silence.beat == beat.beat => {
                    silence.lasts += counts;
                    if silence.lasts >= self.lease {
                        dead.push(beat.clone());
                    }
                }
                _ => {
                    self.seen.insert(beat.worker_id.clone(), Silence { beat: beat.beat, lasts: Duration::ZERO });
                }
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    fn beat(count: i64) -> Vec<Beat> {
        vec![Beat { worker_id: WorkerId::from_stored("w".into()), beat: Some(count) }]
    }

    /// Looks at the same beats every interval for `span` and returns what was found dead.
    fn watch(watch: &mut LeaseWatch, beats: &[Beat], from: Instant, span: Duration) -> (Vec<Beat>, Instant) {
        let mut now = from;
        let mut dead = Vec::new();
        while now < from + span {
            now += watch.interval();
            dead.extend(watch.observe(beats, now, true));
        }
        (dead, now)
    }

    #[test]
    fn a_worker_unchanged_for_a_lease_is_dead() {
        let mut lease = LeaseWatch::new(LEASE);
        let start = Instant::now();

        let (early, now) = watch(&mut lease, &beat(1), start, LEASE.checked_sub(Duration::from_secs(1)).unwrap());
        let (late, _) = watch(&mut lease, &beat(1), now, Duration::from_secs(2));

        assert!(early.is_empty());
        assert_eq!(late[0], beat(1)[0]);
    }

    #[test]
    fn a_beat_renews_the_lease() {
        let mut lease = LeaseWatch::new(LEASE);
        let mut now = Instant::now();

        for count in 0..20 {
            let (dead, later) = watch(&mut lease, &beat(count), now, LEASE / 5);
            assert!(dead.is_empty());
            now = later;
        }
    }

    #[test]
    fn time_in_which_nobody_could_write_does_not_count() {
        let mut lease = LeaseWatch::new(LEASE);
        let (_, mut now) = watch(&mut lease, &beat(1), Instant::now(), LEASE / 5);

        for _ in 0..100 {
            now += lease.interval();
            assert!(lease.observe(&beat(1), now, false).is_empty());
        }

        let (early, now) = watch(&mut lease, &beat(1), now, LEASE / 2);
        assert!(early.is_empty(), "a live one has time to beat");
        assert!(!watch(&mut lease, &beat(1), now, LEASE / 2).0.is_empty());
    }

    #[test]
    fn a_dead_worker_is_found_though_the_store_is_busy_now_and_then() {
        let mut lease = LeaseWatch::new(LEASE);
        let start = Instant::now();
        let mut now = start;

        for look in 0.. {
            now += lease.interval();
            if !lease.observe(&beat(1), now, look % 3 != 0).is_empty() {
                break;
            }
        }

        assert!(now.duration_since(start) < 2 * LEASE, "{:?}", now.duration_since(start));
    }

    #[test]
    fn a_watcher_that_was_away_reaps_nobody() {
        let mut lease = LeaseWatch::new(LEASE);
        let (_, now) = watch(&mut lease, &beat(1), Instant::now(), LEASE / 2);

        let after_sleep = lease.observe(&beat(1), now + 6 * LEASE, true);

        assert!(after_sleep.is_empty());
    }

    #[test]
    fn a_watcher_that_is_often_late_still_finds_the_dead() {
        let mut lease = LeaseWatch::new(LEASE);
        let start = Instant::now();
        let mut now = start;

        while lease.observe(&beat(1), now, true).is_empty() {
            now += 4 * lease.interval();
        }

        assert!(now.duration_since(start) <= 3 * LEASE, "{:?}", now.duration_since(start));
    }
}

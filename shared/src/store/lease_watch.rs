//! Leases, which determine how long a worker may go without sending a heartbeat before other processes consider it
//! dead.
//!
//! A heartbeat is a counter. Each observer relies only on its own monotonic clock and never compares wall-clock times,
//! so that live workers do not appear dead after a clock has been changed or a machine has been suspended.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::Beat;
use crate::id::WorkerId;

/// Detects dead workers, that is, those whose counter has not changed for an entire lease, as observed by this process.
///
/// Time counts only if workers could have sent heartbeats. This excludes time during which the store was not writable,
/// and time during which this process was suspended or starved, because the workers may have been affected as well.
/// Counted time is never discarded, so a dead worker is eventually detected, no matter how busy the machine is.
#[derive(Debug)]
pub struct LeaseWatch {
    lease: Duration,
    seen: HashMap<WorkerId, Silence>,
    last_look: Option<Instant>,
}

/// How long a worker has gone without a heartbeat.
#[derive(Debug)]
struct Silence {
    beat: Option<i64>,
    lasts: Duration,
}

impl LeaseWatch {
    /// Creates a watch for leases of this duration.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        Self { lease, seen: HashMap::new(), last_look: None }
    }

    /// Returns the interval at which to call [`observe`](Self::observe).
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.lease / 10).min(Duration::from_millis(500))
    }

    /// Evaluates the counters that were read at `now`, and returns the dead workers. `could_write` indicates whether
    /// any process could have written since the previous call.
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

    /// Observes the same heartbeats at every interval for `span`. Returns the dead workers and the final time.
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
    fn reports_a_worker_that_sent_no_heartbeat_for_an_entire_lease() {
        let mut lease = LeaseWatch::new(LEASE);
        let start = Instant::now();

        let (early, now) = watch(&mut lease, &beat(1), start, LEASE.checked_sub(Duration::from_secs(1)).unwrap());
        let (late, _) = watch(&mut lease, &beat(1), now, Duration::from_secs(2));

        assert!(early.is_empty());
        assert_eq!(late[0], beat(1)[0]);
    }

    #[test]
    fn a_heartbeat_renews_the_lease() {
        let mut lease = LeaseWatch::new(LEASE);
        let mut now = Instant::now();

        for count in 0..20 {
            let (dead, later) = watch(&mut lease, &beat(count), now, LEASE / 5);
            assert!(dead.is_empty());
            now = later;
        }
    }

    #[test]
    fn ignores_time_during_which_no_process_could_write() {
        let mut lease = LeaseWatch::new(LEASE);
        let (_, mut now) = watch(&mut lease, &beat(1), Instant::now(), LEASE / 5);

        for _ in 0..100 {
            now += lease.interval();
            assert!(lease.observe(&beat(1), now, false).is_empty());
        }

        let (early, now) = watch(&mut lease, &beat(1), now, LEASE / 2);
        assert!(early.is_empty(), "a live worker has time to send a heartbeat");
        assert!(!watch(&mut lease, &beat(1), now, LEASE / 2).0.is_empty());
    }

    #[test]
    fn reports_a_dead_worker_despite_a_temporarily_busy_store() {
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
    fn reports_no_worker_after_a_suspension() {
        let mut lease = LeaseWatch::new(LEASE);
        let (_, now) = watch(&mut lease, &beat(1), Instant::now(), LEASE / 2);

        let after_sleep = lease.observe(&beat(1), now + 6 * LEASE, true);

        assert!(after_sleep.is_empty());
    }

    #[test]
    fn reports_a_dead_worker_despite_frequent_delays() {
        let mut lease = LeaseWatch::new(LEASE);
        let start = Instant::now();
        let mut now = start;

        while lease.observe(&beat(1), now, true).is_empty() {
            now += 4 * lease.interval();
        }

        assert!(now.duration_since(start) <= 3 * LEASE, "{:?}", now.duration_since(start));
    }
}

//! Leases: how long a worker may be silent before other processes take it for dead.
//!
//! A heartbeat is a counter. Whoever watches it trusts only its own monotonic clock: wall-clock times of different
//! moments are never compared, so neither a stepped clock nor a suspended machine makes live workers look dead.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::Beat;
use crate::id::WorkerId;

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

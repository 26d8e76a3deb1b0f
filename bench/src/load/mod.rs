//! Simulates users ([`user`]) who follow their streams and run turns ([`turns`]) in their sessions.
//!
//! A request that receives a 503 is retried. Every turn must end as expected, and no stream may have a gap. Violations
//! are recorded in the [`LoadStats`].

mod stats;
mod turns;
mod user;

pub use stats::LoadStats;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use banter_tests::{app::TestApp, follower::Follower, random::TestRng};
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use user::User;

/// Maximum number of concurrent turns in a run at a fixed rate, far more than half load requires. Reaching this limit
/// is a violation because it means that the installation cannot keep up.
const MAX_OPEN_TURNS: u64 = 2000;

/// Number of streams per user.
const STREAMS: usize = 2;

/// All users in a run.
#[derive(Debug)]
pub struct Load {
    users: Vec<Arc<User>>,
    stats: Arc<LoadStats>,
    rng: TestRng,
    open_turns: Arc<AtomicU64>,
    followers: Vec<Follower>,
}

impl Load {
    /// Creates the users' keys and sessions, and opens their streams.
    pub async fn create(app: &TestApp, user_count: usize, seed: u64) -> Result<Self> {
        let (stats, mut rng) = (Arc::new(LoadStats::default()), TestRng::seed_from_u64(seed));
        let (mut users, mut followers) = (Vec::new(), Vec::new());
        for number in 0..user_count {
            let user = Arc::new(User::create(app, number, &stats, &mut rng).await?);
            for stream in 0..STREAMS {
                followers.push(user.follow(stream, &stats, rng.fork()).await);
            }
            users.push(user);
        }
        Ok(Self { users, stats, rng, open_turns: Arc::default(), followers })
    }

    /// Returns the run's statistics.
    pub fn stats(&self) -> Arc<LoadStats> {
        self.stats.clone()
    }

    /// Returns the number of turns started by [`Self::run_at_rate`] that have not ended yet.
    pub fn open_turns(&self) -> u64 {
        self.open_turns.load(Ordering::Relaxed)
    }

    /// Keeps as many turns running as `users` specifies, each for a random user, for the given duration. Returns the
    /// number of completed turns per second.
    pub async fn run_unthrottled(&mut self, users: usize, duration: Duration) -> f64 {
        let started = Instant::now();
        let before = self.stats.answers();
        let turns = TaskTracker::new();
        for _ in 0..users {
            let (users, stats, mut rng) = (self.users.clone(), self.stats.clone(), self.rng.fork());
            turns.spawn(async move {
                while started.elapsed() < duration {
                    turns::take_turn(any(&users, &mut rng), &stats, &mut rng).await;
                }
            });
        }
        tokio::time::sleep(duration).await;
        let rate = (self.stats.answers() - before) as f64 / started.elapsed().as_secs_f64();
        turns.close();
        turns.wait().await;
        rate
    }

    /// Starts turns at the given rate, in turns per second, until `stop` is cancelled, then waits for the remaining
    /// turns.
    pub async fn run_at_rate(&mut self, rate: f64, stop: CancellationToken) {
        let turns = TaskTracker::new();
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        // Missed ticks fire in a burst, so the average rate stays the same.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if self.open_turns() >= MAX_OPEN_TURNS {
                self.stats.record_violation("the installation cannot keep up: a turn was skipped".into());
                continue;
            }
            let (user, stats, mut rng) = (any(&self.users, &mut self.rng).clone(), self.stats.clone(), self.rng.fork());
            let open_turns = self.open_turns.clone();
            open_turns.fetch_add(1, Ordering::Relaxed);
            turns.spawn(async move {
                turns::take_turn(&user, &stats, &mut rng).await;
                open_turns.fetch_sub(1, Ordering::Relaxed);
            });
        }
        turns.close();
        turns.wait().await;
    }

    /// Closes all streams.
    pub async fn stop(self) {
        for follower in self.followers {
            follower.stop().await;
        }
    }
}

/// Picks a random item.
fn any<'a, T>(items: &'a [T], rng: &mut TestRng) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

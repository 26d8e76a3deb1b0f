//! Simulated load: [`user`]s with sessions, the [`turns`] that they take, and the streams that they follow
//! ([`listen`]).
//!
//! Each [`call`] is retried when it is answered 503. Every message must be answered, and every stream must have no gap.
//! Violations are recorded in the [`Tally`].

mod call;
mod listen;
mod tally;
mod turns;
mod user;

pub use tally::Tally;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use banter_tests::{app::TestApp, random::TestRng};
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use user::User;

/// Maximum number of concurrent turns at a fixed rate, far more than half load needs: reaching it means that the
/// installation cannot keep up, which is a violation.
const MAX_UNDER_WAY: u64 = 2000;

/// All users of a run.
#[derive(Debug)]
pub struct Load {
    users: Vec<Arc<User>>,
    tally: Arc<Tally>,
    rng: TestRng,
    under_way: Arc<AtomicU64>,
    listeners: TaskTracker,
    stop_listening: CancellationToken,
}

impl Load {
    /// Creates the users' keys and sessions, and opens their streams.
    pub async fn settle_in(app: &TestApp, users: usize, seed: u64) -> Result<Self> {
        let (tally, mut rng) = (Arc::new(Tally::default()), TestRng::seed_from_u64(seed));
        let (listeners, stop_listening) = (TaskTracker::new(), CancellationToken::new());
        let mut people = Vec::new();
        for number in 0..users {
            let user = Arc::new(User::settle_in(app, number, &tally, &mut rng).await?);
            for stream in 0..listen::STREAMS {
                let listener = listen::Listener::start(user.clone(), tally.clone(), stream, rng.fork()).await?;
                listeners.spawn(listener.listen(stop_listening.clone()));
            }
            people.push(user);
        }
        Ok(Self { users: people, tally, rng, under_way: Arc::default(), listeners, stop_listening })
    }

    /// Returns the counts and measurements.
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// Returns the number of turns that have not ended.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Lets `people` users take turns without a pause for this long. Returns the number of turns per second.
    pub async fn as_fast_as_possible(&mut self, people: usize, duration: Duration) -> f64 {
        let started = Instant::now();
        let before = self.tally.answers();
        let persons = TaskTracker::new();
        for _ in 0..people {
            let (users, tally, mut rng) = (self.users.clone(), self.tally.clone(), self.rng.fork());
            persons.spawn(async move {
                while started.elapsed() < duration {
                    turns::take_turn(any(&users, &mut rng), &tally, &mut rng).await;
                }
            });
        }
        tokio::time::sleep(duration).await;
        let rate = (self.tally.answers() - before) as f64 / started.elapsed().as_secs_f64();
        persons.close();
        persons.wait().await;
        rate
    }

    /// Starts turns at this rate (per second) until `stop`, then waits for the last ones.
    pub async fn at_rate(&mut self, rate: f64, stop: CancellationToken) {
        let turns = TaskTracker::new();
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        // A late tick is caught up, which keeps the rate.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if self.under_way() >= MAX_UNDER_WAY {
                self.tally.complain("the installation cannot keep up: a turn was skipped".into());
                continue;
            }
            let (user, tally, mut rng) = (any(&self.users, &mut self.rng).clone(), self.tally.clone(), self.rng.fork());
            let under_way = self.under_way.clone();
            under_way.fetch_add(1, Ordering::Relaxed);
            turns.spawn(async move {
                turns::take_turn(&user, &tally, &mut rng).await;
                under_way.fetch_sub(1, Ordering::Relaxed);
            });
        }
        turns.close();
        turns.wait().await;
    }

    /// Closes all streams.
    pub async fn go_home(self) {
        self.stop_listening.cancel();
        self.listeners.close();
        self.listeners.wait().await;
    }
}

/// Picks a random user.
fn any<'a, T>(items: &'a [T], rng: &mut TestRng) -> &'a T {
    &items[below(rng, items.len())]
}

/// Returns a random number from 0 to `end`, exclusive.
fn below(rng: &mut TestRng, end: usize) -> usize {
    rng.random_range(0..end.max(1))
}

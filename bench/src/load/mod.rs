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
use banter_tests::{app::TestApp, dice::Dice};
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
    dice: Dice,
    under_way: Arc<AtomicU64>,
    listeners: TaskTracker,
    stop_listening: CancellationToken,
}

impl Load {
    /// Creates the users' keys and sessions, and opens their streams.
    pub async fn settle_in(app: &TestApp, users: usize, seed: u64) -> Result<Self> {
        let (tally, mut dice) = (Arc::new(Tally::default()), Dice::new(seed));
        let (listeners, stop_listening) = (TaskTracker::new(), CancellationToken::new());
        let mut people = Vec::new();
        for number in 0..users {
            let user = Arc::new(User::settle_in(app, number, &tally, &mut dice).await?);
            for stream in 0..listen::STREAMS {
                let listener = listen::Listener::start(user.clone(), tally.clone(), stream, dice.split()).await?;
                listeners.spawn(listener.listen(stop_listening.clone()));
            }
            people.push(user);
        }
        Ok(Self { users: people, tally, dice, under_way: Arc::default(), listeners, stop_listening })
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
            let (users, tally, mut dice) = (self.users.clone(), self.tally.clone(), self.dice.split());
            persons.spawn(async move {
                while started.elapsed() < duration {
                    turns::take_turn(any(&users, &mut dice), &tally, &mut dice).await;
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
            let (user, tally, mut dice) =
                (any(&self.users, &mut self.dice).clone(), self.tally.clone(), self.dice.split());
            let under_way = self.under_way.clone();
            under_way.fetch_add(1, Ordering::Relaxed);
            turns.spawn(async move {
                turns::take_turn(&user, &tally, &mut dice).await;
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
fn any<'a, T>(items: &'a [T], dice: &mut Dice) -> &'a T {
    &items[below(dice, items.len())]
}

/// Returns a random number from 0 to `end`, exclusive.
fn below(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end.max(1) as u64)).unwrap_or(0)
}

//! What a run measures, and for how long.

use std::time::Duration;

use super::{
    fill::Fill,
    setup::{Durability, Services, Setup},
};

/// The sizes of the workloads.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of runs of each workload.
    pub runs: usize,
    /// Configurations for turns and sends.
    pub setups: Vec<Setup>,
    /// Configurations for the other workloads.
    pub relays: Vec<Setup>,
    /// Duration of the warm-up before each measurement of turns and sends.
    pub warm_up: Duration,
    /// Duration of each measurement of turns and sends.
    pub duration: Duration,
    /// Numbers of sending clients, each measured separately.
    pub clients: Vec<usize>,
    /// Numbers of streams, each measured separately.
    pub streams: Vec<usize>,
    /// Number of events that every stream receives, at 20 per second.
    pub events: u64,
    /// Duration of an idle measurement.
    pub idle: Duration,
    /// Number of sessions in a burst.
    pub burst: usize,
    /// History lengths in turns, each measured separately.
    pub histories: Vec<usize>,
    /// Filled databases to read from.
    pub fills: Vec<Fill>,
    /// Number of requests of each kind per run on a filled database.
    pub requests: usize,
}

const EMBEDDED: Setup = Setup::new(Services::Embedded, Durability::Full);
const REDIS: Setup = Setup::new(Services::Redis, Durability::Full);
const POSTGRES: Setup = Setup::new(Services::Postgres, Durability::Full);
const DISTANT_POSTGRES: Setup = Setup::new(Services::DistantPostgres, Durability::Full);

impl Plan {
    /// Returns whether the product has a CPU to itself in any configuration.
    pub fn is_pinned(&self) -> bool {
        self.relays.iter().any(|setup| setup.is_pinned)
    }

    /// Returns the full plan, which takes about half an hour.
    pub fn full() -> Self {
        let fill = |users, sessions| Fill { users, sessions, turns: 5 };
        Self {
            runs: 5,
            setups: vec![
                EMBEDDED,
                Setup::new(Services::Embedded, Durability::Normal),
                REDIS,
                Setup::new(Services::Redis, Durability::Normal),
                POSTGRES,
                DISTANT_POSTGRES,
                EMBEDDED.unpinned(),
            ],
            relays: vec![EMBEDDED, REDIS],
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(2),
            clients: vec![1, 16, 64],
            streams: vec![100, 1000, 5000],
            events: 100,
            idle: Duration::from_secs(6),
            burst: 1000,
            histories: vec![10, 100, 1000, 10_000, 50_000],
            fills: vec![fill(1, 1000), fill(1, 10_000), fill(1, 100_000), fill(1000, 100_000)],
            requests: 20,
        }
    }

    /// Returns a smaller plan, which takes two minutes.
    pub fn quick() -> Self {
        Self {
            runs: 1,
            setups: vec![EMBEDDED, REDIS, POSTGRES, DISTANT_POSTGRES],
            clients: vec![16],
            streams: vec![100, 1000],
            events: 40,
            idle: Duration::from_secs(3),
            burst: 200,
            histories: vec![10, 1000],
            fills: vec![Fill { users: 1, sessions: 10_000, turns: 5 }],
            requests: 10,
            ..Self::full()
        }
    }

    /// Makes every configuration use all CPUs.
    pub fn unpin(&mut self) {
        self.setups.retain(|setup| setup.is_pinned);
        self.setups.iter_mut().chain(&mut self.relays).for_each(|setup| *setup = setup.unpinned());
    }
}

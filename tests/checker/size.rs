//! How big a run is, and its seed, from the environment.

use std::{env, time::Duration};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// `SEED`: replays the same decisions; by chance unless set.
    pub seed: u64,
    /// `CLIENTS`: people at work.
    pub clients: usize,
    /// `USERS`: whose keys they have; two people to a user unless set.
    pub users: usize,
    /// `SESSIONS`: how many of a user's sessions are in use at a time. Few make races, many make load.
    pub sessions: usize,
    /// `OPS`: operations of each.
    pub operations: usize,
    /// `SECONDS_LIMIT`: no operation begins later.
    pub limit: Duration,
    /// `APIS`.
    pub apis: usize,
    /// `WORKERS`.
    pub workers: usize,
    /// `LEASE`: seconds that a worker may be silent; half of it is how long a write waits for the store.
    pub lease: u64,
    /// `CALM_MS`: the longest pause between two faults; now and then one is longer.
    pub calm: Duration,
}

impl Size {
    /// From the environment, else short enough for every run of the tests.
    pub fn from_environment() -> Self {
        let chance = uuid::Uuid::new_v4().as_u64_pair().0 >> 32;
        let size = |name, default| usize::try_from(number(name, default)).unwrap();
        let clients = size("CLIENTS", 8);
        Self {
            seed: number("SEED", chance),
            clients,
            users: size("USERS", clients.div_ceil(2) as u64).min(clients),
            sessions: size("SESSIONS", 4),
            operations: size("OPS", 400),
            limit: Duration::from_secs(number("SECONDS_LIMIT", 15)),
            apis: size("APIS", 3),
            workers: size("WORKERS", 3),
            lease: number("LEASE", 2),
            calm: Duration::from_millis(number("CALM_MS", 1500)),
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}"));
    env::var(name).map_or(default, parse)
}

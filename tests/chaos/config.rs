//! The size of a run and its seed, from the environment.

use std::{env, time::Duration};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `SEED`: replays the same decisions; random unless set.
    pub seed: u64,
    /// `CLIENTS`: number of clients.
    pub clients: usize,
    /// `USERS`: number of users whose keys they have; two clients per user unless set.
    pub users: usize,
    /// `SESSIONS`: number of a user's sessions in use at a time. Few make races, many make load.
    pub sessions: usize,
    /// `OPS`: number of operations of each client.
    pub operations: usize,
    /// `SECONDS_LIMIT`: seconds after which no operation begins.
    pub limit: Duration,
    /// `APIS`: number of apis.
    pub apis: usize,
    /// `WORKERS`: number of workers.
    pub workers: usize,
    /// `LEASE`: seconds without a heartbeat after which a worker counts as dead; a write waits half as long for the
    /// store.
    pub lease: u64,
    /// `CALM_MS`: the longest pause between two faults, in milliseconds; some pauses are longer.
    pub max_pause: Duration,
}

impl Config {
    /// Reads the size from the environment. The defaults are short enough for every test run.
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
            max_pause: Duration::from_millis(number("CALM_MS", 1500)),
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}"));
    env::var(name).map_or(default, parse)
}

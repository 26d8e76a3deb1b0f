//! The size and the seed of a run, read from the environment.

use std::{env, time::Duration};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `SEED`: the seed for all random decisions; random if not set.
    pub seed: u64,
    /// `CLIENTS`: number of clients.
    pub clients: usize,
    /// `USERS`: number of users, among whom the clients are divided; if not set, there are two clients per user.
    pub users: usize,
    /// `SESSIONS`: number of sessions that each user uses at the same time. A small number causes races; a large number
    /// causes load.
    pub sessions: usize,
    /// `OPS`: number of operations per client.
    pub operations: usize,
    /// `SECONDS_LIMIT`: number of seconds after which no new operation starts.
    pub limit: Duration,
    /// `APIS`: number of apis.
    pub apis: usize,
    /// `WORKERS`: number of workers.
    pub workers: usize,
    /// `LEASE`: number of seconds without a heartbeat after which a worker is considered dead. A write waits up to half
    /// as long for the store.
    pub lease: u64,
    /// `CALM_MS`: maximum length, in milliseconds, of a normal pause between faults. Some pauses are longer.
    pub max_pause: Duration,
}

impl Config {
    /// Reads the settings from the environment. With the defaults, no operation starts after 15 seconds.
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
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}"));
    env::var(name).map_or(default, parse)
}

//! How big a run is, and its seed, from the environment.

use std::{env, time::Duration};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// `SEED`: replays the same decisions; by chance unless set.
    pub seed: u64,
    /// `CLIENTS`: people at work, two to a user.
    pub clients: usize,
    /// `OPS`: operations of each.
    pub operations: usize,
    /// `SECONDS_LIMIT`: no operation begins later.
    pub limit: Duration,
    /// `APIS`.
    pub apis: usize,
    /// `WORKERS`.
    pub workers: usize,
}

impl Size {
    /// From the environment, else short enough for every run of the tests.
    pub fn from_environment() -> Self {
        let chance = uuid::Uuid::new_v4().as_u64_pair().0 >> 32;
        let size = |name, default| usize::try_from(number(name, default)).unwrap();
        Self {
            seed: number("SEED", chance),
            clients: size("CLIENTS", 8),
            operations: size("OPS", 40),
            limit: Duration::from_secs(number("SECONDS_LIMIT", 15)),
            apis: size("APIS", 3),
            workers: size("WORKERS", 3),
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}"));
    env::var(name).map_or(default, parse)
}

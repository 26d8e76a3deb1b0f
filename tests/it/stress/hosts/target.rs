//! The hosts and their processes.

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    random::TestRng,
};
use rand::RngExt as _;

use super::{APIS, WORKERS};

/// A host and its process.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Postgres,
    Redis,
    Api(usize),
    Worker(usize),
}

impl Target {
    /// Returns all targets.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Postgres, Self::Redis].into_iter().chain((0..APIS).map(Self::Api)).chain((0..WORKERS).map(Self::Worker))
    }

    /// Returns a random target. PostgreSQL and Redis, on which all others depend, are as likely as all apis together.
    pub fn random(rng: &mut TestRng) -> Self {
        match rng.random_range(0..4) {
            0 => Self::Postgres,
            1 => Self::Redis,
            2 => Self::Api(rng.random_range(0..APIS)),
            _ => Self::Worker(rng.random_range(0..WORKERS)),
        }
    }

    /// Returns the name of the host.
    pub fn host(self) -> String {
        match self {
            Self::Postgres => "postgres".into(),
            Self::Redis => "redis".into(),
            Self::Api(index) => format!("api-{index}"),
            Self::Worker(index) => format!("worker-{index}"),
        }
    }

    /// Kills the process (`kill -9`).
    pub fn kill(self, app: &mut TestApp) {
        match self {
            Self::Postgres => app.postgres().kill(),
            Self::Redis => app.redis().kill(),
            Self::Api(index) => app.api(index).process.kill(),
            Self::Worker(index) => app.worker(index).kill(),
        }
    }

    /// Stops an api or a worker gracefully, and starts it again, as an upgrade does. Services are left running.
    pub async fn replace(self, app: &mut TestApp) {
        match self {
            Self::Postgres | Self::Redis => return,
            Self::Api(index) => app.api(index).process.stop(STOP_LIMIT).await,
            Self::Worker(index) => app.worker(index).stop(STOP_LIMIT).await,
        }
        self.restart(app).await;
    }

    /// Starts the process again after [`Self::kill`].
    pub async fn restart(self, app: &mut TestApp) {
        match self {
            Self::Postgres => app.postgres().restart().await,
            Self::Redis => app.redis().restart().await,
            Self::Api(index) => app.revive_api(index).await,
            Self::Worker(index) => app.replace_worker(index),
        }
    }
}

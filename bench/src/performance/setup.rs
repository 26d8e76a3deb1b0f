//! The product's configuration for a run.

use std::{fmt, time::Duration};

/// The configuration of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The services that the product uses.
    pub services: Services,
    /// The value of `DATABASE_SYNCHRONOUS`.
    pub durability: Durability,
    /// Number of workers.
    pub workers: usize,
    /// Whether the product has a CPU of its own.
    pub is_pinned: bool,
}

/// How long data takes to a distant server, in each direction.
pub const DISTANCE: Duration = Duration::from_millis(1);

/// The services that the product uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    /// None: the data is in a SQLite file, and the processes are connected through files next to it.
    Embedded,
    /// Redis, which connects the processes. The data is in a SQLite file.
    Redis,
    /// Redis, and PostgreSQL for the data.
    Postgres,
    /// The same, but PostgreSQL is on a distant host: data arrives [`DISTANCE`] later in each direction.
    DistantPostgres,
}

/// The value of `DATABASE_SYNCHRONOUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Accepted messages survive a power failure.
    Full,
    /// Accepted messages survive a crash of any process.
    Normal,
}

impl Setup {
    /// Returns a configuration with one api and one worker on one CPU.
    pub const fn new(services: Services, durability: Durability) -> Self {
        Self { services, durability, workers: 1, is_pinned: true }
    }

    /// Returns the same configuration with this number of workers.
    pub const fn with_workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// Returns the same configuration on all CPUs.
    pub const fn unpinned(self) -> Self {
        Self { is_pinned: false, ..self }
    }
}

impl Durability {
    /// Returns the value for `DATABASE_SYNCHRONOUS`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = match self.services {
            Services::Embedded => "embedded",
            Services::Redis => "Redis",
            Services::Postgres => "PostgreSQL",
            Services::DistantPostgres => "distant PostgreSQL",
        };
        write!(f, "{services}, {}", self.durability.as_str())?;
        if !self.is_pinned {
            f.write_str(", not pinned")?;
        }
        Ok(())
    }
}

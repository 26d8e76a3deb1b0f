//! Random faults during a run.

mod effects;
mod injector;

pub use injector::{FaultInjector, HeldResources, Targets};

/// A fault in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProcessFault {
    /// Kills the process with SIGKILL.
    Kill,
    /// Stops the process with SIGTERM.
    Stop,
    /// Freezes the process with SIGSTOP until the fault ends.
    Freeze,
}

/// A fault to inject.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Worker(usize, ProcessFault),
    Api(usize, ProcessFault),
    Redis(ProcessFault),
    /// Kills all apis and workers at the same time.
    KillAll,
    /// Replaces the workers one by one. Each replacement starts before the old worker stops.
    RollWorkers,
    /// Holds the store's only write lock.
    LockStore,
    FillDisk,
    DropStreams,
    FreezeNetwork,
    DegradeNetwork,
}

/// The part of an installation that a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Worker(usize),
    Api(usize),
    Redis,
    Network,
    Store,
    Everything,
}

impl ProcessFault {
    const ALL: [Self; 3] = [Self::Kill, Self::Stop, Self::Freeze];

    /// Returns the name used in the counters.
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Stop => "stopped",
            Self::Freeze => "frozen",
        }
    }
}

impl Fault {
    /// Returns the name used in the counters.
    fn name(self) -> String {
        match self {
            Self::Worker(_, fault) => format!("worker {}", fault.name()),
            Self::Api(_, fault) => format!("api {}", fault.name()),
            Self::Redis(fault) => format!("redis {}", fault.name()),
            Self::KillAll => "all killed".into(),
            Self::RollWorkers => "workers rolled".into(),
            Self::LockStore => "store locked".into(),
            Self::FillDisk => "disk full".into(),
            Self::DropStreams => "streams dropped".into(),
            Self::FreezeNetwork => "network frozen".into(),
            Self::DegradeNetwork => "network degraded".into(),
        }
    }

    /// Returns whether the fault lasts for a while and may block all writes during that time.
    const fn blocks_writes(self) -> bool {
        match self {
            Self::Worker(_, fault) | Self::Api(_, fault) | Self::Redis(fault) => match fault {
                ProcessFault::Freeze => true,
                ProcessFault::Kill | ProcessFault::Stop => false,
            },
            Self::FreezeNetwork | Self::LockStore | Self::FillDisk => true,
            Self::KillAll | Self::RollWorkers | Self::DropStreams | Self::DegradeNetwork => false,
        }
    }

    /// Returns the part that the fault affects.
    const fn target(self) -> Target {
        match self {
            Self::Worker(index, _) => Target::Worker(index),
            Self::Api(index, _) => Target::Api(index),
            Self::Redis(_) => Target::Redis,
            Self::DropStreams | Self::FreezeNetwork | Self::DegradeNetwork => Target::Network,
            Self::LockStore | Self::FillDisk => Target::Store,
            // No process can start or stop gracefully without the lock, so these faults run alone.
            Self::KillAll | Self::RollWorkers => Target::Everything,
        }
    }
}

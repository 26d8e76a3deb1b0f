//! Injects random faults during a run and recovers from them.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use banter_tests::{app::TestApp, database::StoreLock, proxy::Proxy, random::TestRng, small_disk::SmallDisk};
use rand::{RngExt as _, SeedableRng as _};

use super::{Fault, ProcessFault, Target};
use crate::{clients::World, config::Config, history::History};

/// Interval at which to check whether any clients are still running.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The length of a long pause. With the default lease, it outlasts the effects of every fault, so that guarantees for
/// fault-free times are tested.
const LONG_PAUSE: Duration = Duration::from_secs(9);

/// One in this many pauses is long.
const LONG_PAUSE_ONE_IN: u32 = 6;

/// The parts of an installation that faults affect. The fields are dropped in this order, so that the processes exit
/// before the disk that they use is unmounted.
pub struct Targets {
    /// The processes.
    pub app: TestApp,
    /// A proxy in front of each api.
    pub proxies: Vec<Proxy>,
    /// The disk that contains the database, if the disk can be filled.
    pub disk: Option<SmallDisk>,
}

/// Resources that are held for the duration of a fault.
#[derive(Default)]
pub struct HeldResources {
    pub(super) lock: Option<StoreLock>,
    pub(super) filler: Option<PathBuf>,
}

/// An injector of faults into an installation.
pub struct FaultInjector {
    pub targets: Targets,
    pub world: Arc<World>,
    pub rng: TestRng,
    pub config: Config,
    pub has_redis: bool,
    pub held: HeldResources,
}

impl FaultInjector {
    /// Injects faults until the deadline or until all clients have finished. When this method returns, all processes
    /// are running, and no resources are held.
    pub async fn run(mut self, deadline: Instant) -> Targets {
        while self.is_active(deadline) {
            // Each round uses a separate generator, so that a seed replays every round regardless of what happened
            // before.
            let rng = self.rng.fork();
            let rest = std::mem::replace(&mut self.rng, rng);
            self.round().await;
            let pause = self.pause();
            self.rng = rest;
            let end = (Instant::now() + pause).min(deadline);
            while Instant::now() < end && self.is_active(deadline) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        self.targets
    }

    fn is_active(&self, deadline: Instant) -> bool {
        Instant::now() < deadline && self.world.active_clients.load(Ordering::SeqCst) > 0
    }

    /// Injects one or two faults, waits for a while, and then ends them.
    async fn round(&mut self) {
        let faults = self.draw();
        let has_effect = faults.iter().any(|fault| fault.target() != Target::Network);
        let number = has_effect.then(|| self.world.fault_times.begin());
        for &fault in &faults {
            self.history().count(&format!("fault: {}", fault.name()));
            self.history().log_line(&format!("begin {fault:?}"));
            self.begin(fault).await;
        }
        // Half of the rounds with a fault that may block writes last 1 to 5 s, usually longer than the default lease,
        // so that other workers take over.
        let is_long = faults.iter().any(|fault| fault.blocks_writes()) && self.rng.random_ratio(1, 2);
        let duration_ms =
            if is_long { 1000 + self.rng.random_range(0..4000) } else { 100 + self.rng.random_range(0..1500) };
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
        // Faults that may hold the database lock end first, because no process can start without the lock.
        let (holding, others): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.blocks_writes());
        for fault in holding.into_iter().chain(others) {
            self.end(fault).await;
            self.history().log_line(&format!("end {fault:?}"));
        }
        self.assert_all_alive();
        if let Some(number) = number {
            self.world.fault_times.end(number);
        }
    }

    fn pause(&mut self) -> Duration {
        if self.rng.random_ratio(1, LONG_PAUSE_ONE_IN) {
            return LONG_PAUSE;
        }
        let longest = u64::try_from(self.config.max_pause.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.rng.random_range(0..longest.max(1)))
    }

    fn history(&self) -> &History {
        &self.world.history
    }

    /// Draws one fault, or two faults that affect different targets.
    fn draw(&mut self) -> Vec<Fault> {
        let first = self.draw_one();
        if !self.rng.random_ratio(1, 3) {
            return vec![first];
        }
        let second = self.draw_one();
        let (one, other) = (first.target(), second.target());
        let overlap = one == other || [one, other].contains(&Target::Everything);
        if overlap { vec![first] } else { vec![first, second] }
    }

    fn draw_one(&mut self) -> Fault {
        let kind = ProcessFault::ALL[self.rng.random_range(0..ProcessFault::ALL.len())];
        let mut any_of = |end: usize| self.rng.random_range(0..end);
        match any_of(16) {
            0..4 => Fault::Worker(any_of(self.config.workers), kind),
            4..7 => Fault::Api(any_of(self.config.apis), kind),
            7 | 8 if self.has_redis => Fault::Redis(kind),
            9 => Fault::FreezeNetwork,
            10 => Fault::DegradeNetwork,
            11 => Fault::KillAll,
            12 => Fault::RollWorkers,
            13 => Fault::LockStore,
            14 if self.targets.disk.is_some() => Fault::FillDisk,
            _ => Fault::DropStreams,
        }
    }
}

//! Random faults during a run, and recovery from them.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use banter_tests::{
    app::TestApp,
    dice::Dice,
    process::{Process, Signal},
    proxy::{Proxy, Rules},
    small_disk::SmallDisk,
    store_lock::StoreLock,
};

use crate::{history::History, people::World, size::Size};

/// Time limit for a process to exit after SIGTERM; the grace period is 1 s.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The log line of a worker that has started.
const WORKER_READY: &str = ": ready";

/// Interval at which the remaining clients are counted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Time limit for acquiring the write lock, after which the fault is skipped.
const LOCK_PATIENCE: Duration = Duration::from_millis(400);

/// A long pause, longer than faults have an effect, in which the guarantees for fault-free times are tested.
const LONG_CALM: Duration = Duration::from_secs(9);

/// One in this many pauses is a long one.
const LONG_CALM_ONE_IN: u64 = 6;

/// A fault of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Killed,
    Stopped,
    Frozen,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Worker(usize, Blow),
    Api(usize, Blow),
    Redis(Blow),
    /// Kills all apis and workers at once.
    AllKilled,
    /// Replaces each worker in turn by a new one that starts first.
    Rolled,
    /// Holds the store's only write lock.
    StoreLocked,
    DiskFull,
    StreamsCut,
    NetworkFrozen,
    NetworkBad,
}

/// The targets of faults. Dropped in this order: dependents first.
pub struct Installation {
    /// The processes.
    pub app: TestApp,
    /// A proxy in front of each api.
    pub proxies: Vec<Proxy>,
    /// The folder of the database, if it can be filled.
    pub disk: Option<SmallDisk>,
}

/// What is held while a fault lasts.
#[derive(Default)]
pub struct Held {
    lock: Option<StoreLock>,
    filler: Option<PathBuf>,
}

/// Injects faults into an installation.
pub struct Storm {
    pub at: Installation,
    pub world: Arc<World>,
    pub dice: Dice,
    pub size: Size,
    pub has_redis: bool,
    pub held: Held,
}

impl Storm {
    /// Injects faults until the deadline or until all clients have finished; then all processes run and nothing is
    /// held.
    pub async fn rage(mut self, deadline: Instant) -> Installation {
        while self.goes_on(deadline) {
            // The random numbers of one round, whatever its outcome, so that a seed replays all of them.
            let dice = self.dice.split();
            let rest = std::mem::replace(&mut self.dice, dice);
            self.round().await;
            let pause = self.pause();
            self.dice = rest;
            let end = (Instant::now() + pause).min(deadline);
            while Instant::now() < end && self.goes_on(deadline) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        self.at
    }

    fn goes_on(&self, deadline: Instant) -> bool {
        Instant::now() < deadline && self.world.at_work.load(Ordering::SeqCst) > 0
    }

    /// Injects one fault or two, from beginning to end.
    async fn round(&mut self) {
        let faults = self.draw();
        let is_felt = faults.iter().any(|fault| target(*fault).0 != PROXIES);
        let number = is_felt.then(|| self.world.weather.begin());
        for &fault in &faults {
            self.history().count(&format!("fault: {}", name(fault)));
            self.history().note(&format!("begin {fault:?}"));
            self.begin(fault).await;
        }
        // Half of the faults that hold something last longer than a lease, so that other workers take over.
        let is_long = faults.iter().any(|fault| holds_back(*fault)) && self.dice.below(2) == 0;
        let lasts = if is_long { 1000 + self.dice.below(4000) } else { 100 + self.dice.below(1500) };
        tokio::time::sleep(Duration::from_millis(lasts)).await;
        // First the faults that may hold the database's lock, because no process starts without it.
        let (holding, others): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| holds_back(*fault));
        for fault in holding.into_iter().chain(others) {
            self.end(fault).await;
            self.history().note(&format!("end {fault:?}"));
        }
        self.nobody_died();
        if let Some(number) = number {
            self.world.weather.end(number);
        }
    }

    fn pause(&mut self) -> Duration {
        if self.dice.below(LONG_CALM_ONE_IN) == 0 {
            return LONG_CALM;
        }
        let longest = u64::try_from(self.size.calm.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.dice.below(longest.max(1)))
    }

    fn history(&self) -> &History {
        &self.world.history
    }

    /// Draws one fault, or two that do not affect the same process.
    fn draw(&mut self) -> Vec<Fault> {
        let first = self.draw_one();
        if self.dice.below(3) > 0 {
            return vec![first];
        }
        let second = self.draw_one();
        let (one, other) = (target(first), target(second));
        let touch = one == other || one.0 == ALL || other.0 == ALL;
        if touch { vec![first] } else { vec![first, second] }
    }

    fn draw_one(&mut self) -> Fault {
        let blow = [Blow::Killed, Blow::Stopped, Blow::Frozen][usize::try_from(self.dice.below(3)).unwrap()];
        let mut any_of = |end: usize| usize::try_from(self.dice.below(end as u64)).unwrap();
        match any_of(16) {
            0..4 => Fault::Worker(any_of(self.size.workers), blow),
            4..7 => Fault::Api(any_of(self.size.apis), blow),
            7 | 8 if self.has_redis => Fault::Redis(blow),
            9 => Fault::NetworkFrozen,
            10 => Fault::NetworkBad,
            11 => Fault::AllKilled,
            12 => Fault::Rolled,
            13 => Fault::StoreLocked,
            14 if self.at.disk.is_some() => Fault::DiskFull,
            _ => Fault::StreamsCut,
        }
    }

    async fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::AllKilled => {
                (0..self.size.apis).for_each(|index| self.at.app.api(index).process.kill());
                (0..self.size.workers).for_each(|index| self.at.app.worker(index).kill());
            }
            Fault::Rolled => self.roll().await,
            Fault::StoreLocked => self.held.lock = StoreLock::take(&self.at.app.database(), LOCK_PATIENCE).await,
            Fault::DiskFull => self.held.filler = self.at.disk.as_ref().map(SmallDisk::fill),
            Fault::Worker(index, blow) => strike(self.at.app.worker(index), blow),
            Fault::Api(index, blow) => strike(&mut self.at.app.api(index).process, blow),
            Fault::Redis(Blow::Killed) => self.at.app.redis().kill(),
            Fault::Redis(Blow::Stopped) => self.at.app.redis().signal(Signal::Terminate),
            Fault::Redis(Blow::Frozen) => self.at.app.redis().signal(Signal::Freeze),
            Fault::StreamsCut => self.at.proxies.iter().for_each(Proxy::cut_all),
            Fault::NetworkFrozen => self.at.proxies.iter().for_each(Proxy::freeze),
            Fault::NetworkBad => {
                let rules = Rules { cut_one_in: 2, cut_after: 1..4000, delay: Duration::from_millis(20) };
                self.at.proxies.iter().for_each(|proxy| proxy.set_rules(rules.clone()));
                self.at.proxies.iter().for_each(Proxy::cut_all);
            }
        }
    }

    async fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Worker(index, Blow::Frozen) => self.at.app.worker(index).signal(Signal::Thaw),
            Fault::Api(index, Blow::Frozen) => self.at.app.api(index).process.signal(Signal::Thaw),
            Fault::Redis(Blow::Frozen) => self.at.app.redis().signal(Signal::Thaw),
            Fault::Worker(index, blow) => {
                judge_end(&self.world.history, fault, self.at.app.worker(index), blow).await;
                self.at.app.replace_worker(index);
            }
            Fault::Api(index, blow) => {
                judge_end(&self.world.history, fault, &mut self.at.app.api(index).process, blow).await;
                self.at.app.revive_api(index).await;
            }
            Fault::Redis(_) => self.at.app.redis().restart().await,
            Fault::AllKilled => {
                (0..self.size.workers).for_each(|index| self.at.app.replace_worker(index));
                for index in 0..self.size.apis {
                    self.at.app.revive_api(index).await;
                }
            }
            Fault::StoreLocked => {
                if let Some(lock) = self.held.lock.take() {
                    lock.release().await;
                }
            }
            Fault::DiskFull => {
                if let Some(filler) = self.held.filler.take() {
                    fs::remove_file(filler).unwrap();
                }
            }
            Fault::StreamsCut | Fault::Rolled => {}
            Fault::NetworkFrozen => self.at.proxies.iter().for_each(Proxy::thaw),
            Fault::NetworkBad => self.at.proxies.iter().for_each(|proxy| proxy.set_rules(Rules::default())),
        }
    }

    async fn roll(&mut self) {
        for index in 0..self.size.workers {
            let mut old = self.at.app.roll_worker(index);
            old.signal(Signal::Terminate);
            judge_end(&self.world.history, Fault::Rolled, &mut old, Blow::Stopped).await;
        }
    }

    /// Restores every process between faults.
    fn nobody_died(&mut self) {
        for index in 0..self.size.workers {
            self.assert_alive(Fault::Worker(index, Blow::Killed));
        }
        for index in 0..self.size.apis {
            self.assert_alive(Fault::Api(index, Blow::Killed));
        }
    }

    fn assert_alive(&mut self, place: Fault) {
        let process = match place {
            Fault::Worker(index, _) => self.at.app.worker(index),
            Fault::Api(index, _) => &mut self.at.app.api(index).process,
            _ => return,
        };
        if let Some(status) = process.exit_status() {
            panic!("{place:?} ended by itself with {status}:\n{}", process.stderr());
        }
    }
}

fn strike(process: &mut Process, blow: Blow) {
    match blow {
        Blow::Killed => process.kill(),
        Blow::Stopped => process.signal(Signal::Terminate),
        Blow::Frozen => process.signal(Signal::Freeze),
    }
}

/// A process that is stopped exits with 0, but a worker that was still starting may not handle the signal yet.
async fn judge_end(history: &History, fault: Fault, process: &mut Process, blow: Blow) {
    if blow == Blow::Stopped {
        let status = process.wait_for_exit(STOP_LIMIT).await;
        let is_starting = !matches!(fault, Fault::Api(..)) && !process.stderr().contains(WORKER_READY);
        if !status.success() && is_starting {
            history.count("a worker ended while it was starting");
        } else if !status.success() {
            history.complain(format!("{fault:?}: stopped with {status}"));
        }
    }
}

/// Returns the name of a fault in the counters.
fn name(fault: Fault) -> String {
    match fault {
        Fault::Worker(_, blow) => format!("worker {}", verb(blow)),
        Fault::Api(_, blow) => format!("api {}", verb(blow)),
        Fault::Redis(blow) => format!("redis {}", verb(blow)),
        Fault::AllKilled => "all killed".into(),
        Fault::Rolled => "workers rolled".into(),
        Fault::StoreLocked => "store locked".into(),
        Fault::DiskFull => "disk full".into(),
        Fault::StreamsCut => "streams cut".into(),
        Fault::NetworkFrozen => "network frozen".into(),
        Fault::NetworkBad => "network bad".into(),
    }
}

const fn verb(blow: Blow) -> &'static str {
    match blow {
        Blow::Killed => "killed",
        Blow::Stopped => "stopped",
        Blow::Frozen => "frozen",
    }
}

/// Returns whether the fault lasts and may block all writes.
const fn holds_back(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Worker(_, Blow::Frozen)
            | Fault::Api(_, Blow::Frozen)
            | Fault::Redis(Blow::Frozen)
            | Fault::NetworkFrozen
            | Fault::StoreLocked
            | Fault::DiskFull
    )
}

/// The proxies, as the [`target`] of a fault.
const PROXIES: u8 = 3;

/// All apis and workers, as the [`target`] of a fault.
const ALL: u8 = 5;

/// Returns the target that a fault affects.
const fn target(fault: Fault) -> (u8, usize) {
    match fault {
        Fault::Worker(index, _) => (0, index),
        Fault::Api(index, _) => (1, index),
        Fault::Redis(_) => (2, 0),
        Fault::StreamsCut | Fault::NetworkFrozen | Fault::NetworkBad => (PROXIES, 0),
        Fault::StoreLocked | Fault::DiskFull => (4, 0),
        // No process starts or stops gracefully without the lock, so these run alone.
        Fault::AllKilled | Fault::Rolled => (ALL, 0),
    }
}

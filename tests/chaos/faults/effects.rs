//! Starts faults, ends them, and recovers from them.

use std::{fs, time::Duration};

use banter_tests::{
    database::StoreLock,
    process::{Process, Signal},
    proxy::{Proxy, Rules},
    small_disk::SmallDisk,
};

use super::{Fault, FaultInjector, ProcessFault};
use crate::history::History;

/// Time limit for a process to exit after SIGTERM. The grace period is 1 s.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Part of the log line that a worker writes once it has started.
const WORKER_READY: &str = ": ready";

/// Time limit for acquiring the write lock. If it is exceeded, the fault is skipped.
const LOCK_LIMIT: Duration = Duration::from_millis(400);

impl FaultInjector {
    /// Starts a fault.
    pub(super) async fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::KillAll => {
                (0..self.config.apis).for_each(|index| self.targets.app.api(index).process.kill());
                (0..self.config.workers).for_each(|index| self.targets.app.worker(index).kill());
            }
            Fault::RollWorkers => self.roll().await,
            Fault::LockStore => self.held.lock = StoreLock::take(&self.targets.app.database(), LOCK_LIMIT).await,
            Fault::FillDisk => self.held.filler = self.targets.disk.as_ref().map(SmallDisk::fill),
            Fault::Worker(index, kind) => inject(self.targets.app.worker(index), kind),
            Fault::Api(index, kind) => inject(&mut self.targets.app.api(index).process, kind),
            Fault::Redis(ProcessFault::Kill) => self.targets.app.redis().kill(),
            Fault::Redis(ProcessFault::Stop) => self.targets.app.redis().signal(Signal::Terminate),
            Fault::Redis(ProcessFault::Freeze) => self.targets.app.redis().signal(Signal::Freeze),
            Fault::DropStreams => self.targets.proxies.iter().for_each(Proxy::cut_all),
            Fault::FreezeNetwork => self.targets.proxies.iter().for_each(Proxy::freeze),
            Fault::DegradeNetwork => {
                let rules = Rules { cut_one_in: 2, cut_after: 1..4000, delay: Duration::from_millis(20) };
                self.targets.proxies.iter().for_each(|proxy| proxy.set_rules(rules.clone()));
                self.targets.proxies.iter().for_each(Proxy::cut_all);
            }
        }
    }

    /// Ends a fault and recovers from it.
    pub(super) async fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Worker(index, ProcessFault::Freeze) => self.targets.app.worker(index).signal(Signal::Resume),
            Fault::Api(index, ProcessFault::Freeze) => self.targets.app.api(index).process.signal(Signal::Resume),
            Fault::Redis(ProcessFault::Freeze) => self.targets.app.redis().signal(Signal::Resume),
            Fault::Worker(index, kind @ (ProcessFault::Kill | ProcessFault::Stop)) => {
                check_exit(&self.world.history, fault, self.targets.app.worker(index), kind).await;
                self.targets.app.replace_worker(index);
            }
            Fault::Api(index, kind @ (ProcessFault::Kill | ProcessFault::Stop)) => {
                check_exit(&self.world.history, fault, &mut self.targets.app.api(index).process, kind).await;
                self.targets.app.revive_api(index).await;
            }
            Fault::Redis(ProcessFault::Kill | ProcessFault::Stop) => self.targets.app.redis().restart().await,
            Fault::KillAll => {
                (0..self.config.workers).for_each(|index| self.targets.app.replace_worker(index));
                for index in 0..self.config.apis {
                    self.targets.app.revive_api(index).await;
                }
            }
            Fault::LockStore => {
                if let Some(lock) = self.held.lock.take() {
                    lock.release().await;
                }
            }
            Fault::FillDisk => {
                if let Some(filler) = self.held.filler.take() {
                    fs::remove_file(filler).unwrap();
                }
            }
            Fault::DropStreams | Fault::RollWorkers => {}
            Fault::FreezeNetwork => self.targets.proxies.iter().for_each(Proxy::resume),
            Fault::DegradeNetwork => self.targets.proxies.iter().for_each(|proxy| proxy.set_rules(Rules::default())),
        }
    }

    async fn roll(&mut self) {
        for index in 0..self.config.workers {
            let mut old = self.targets.app.roll_worker(index);
            old.signal(Signal::Terminate);
            check_exit(&self.world.history, Fault::RollWorkers, &mut old, ProcessFault::Stop).await;
        }
    }

    /// Panics if a process has exited unexpectedly.
    pub(super) fn assert_all_alive(&mut self) {
        for index in 0..self.config.workers {
            assert_alive("worker", index, self.targets.app.worker(index));
        }
        for index in 0..self.config.apis {
            assert_alive("api", index, &mut self.targets.app.api(index).process);
        }
    }
}

fn assert_alive(program: &str, index: usize, process: &mut Process) {
    if let Some(status) = process.exit_status() {
        panic!("{program} {index} exited unexpectedly with {status}:\n{}", process.stderr());
    }
}

fn inject(process: &mut Process, kind: ProcessFault) {
    match kind {
        ProcessFault::Kill => process.kill(),
        ProcessFault::Stop => process.signal(Signal::Terminate),
        ProcessFault::Freeze => process.signal(Signal::Freeze),
    }
}

/// Checks that a stopped process exits with status 0, unless it is a worker that cannot handle the signal yet because
/// it is still starting.
async fn check_exit(history: &History, fault: Fault, process: &mut Process, kind: ProcessFault) {
    if kind == ProcessFault::Stop {
        let status = process.wait_for_exit(STOP_LIMIT).await;
        let is_starting = !matches!(fault, Fault::Api(..)) && !process.stderr().contains(WORKER_READY);
        if !status.success() && is_starting {
            history.count("a worker exited during startup");
        } else if !status.success() {
            history.record_violation(format!("{fault:?}: stopped with {status}"));
        }
    }
}

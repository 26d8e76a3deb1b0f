//! Starting, stopping, and replacing the processes of an installation.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{Api, STOP_LIMIT, TestApp};
use crate::{
    database::StoreLock,
    network::Host,
    port,
    process::{self, Process, Signal},
    wait::eventually,
};

/// Time limit for a process to start on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The longest time for which a process holds the write lock, unless the process is frozen.
const LOCK_LIMIT: Duration = Duration::from_millis(400);

impl TestApp {
    /// Shuts all processes down gracefully, workers first.
    pub async fn stop_all(&mut self) {
        for worker in &mut self.workers {
            worker.stop(STOP_LIMIT).await;
        }
        for api in &mut self.apis {
            api.process.stop(STOP_LIMIT).await;
        }
    }

    /// Sends a signal to all processes at once, including Redis.
    pub fn signal_all(&self, signal: Signal) {
        let pids: Vec<u32> = self.processes().into_iter().map(|(_, pid)| pid).collect();
        signal.send_to_all(&pids);
    }

    /// Returns the heartbeat counters of all registered workers.
    pub async fn beats(&self) -> Vec<i64> {
        let beats = self.database().values("SELECT beat FROM worker_heartbeat ORDER BY worker_id").await;
        beats.iter().map(|beat| beat.parse().unwrap()).collect()
    }

    /// Waits until exactly `workers` workers are registered and the counter of each is at least `count` above the
    /// highest counter at the time of the call.
    pub async fn wait_for_beats(&self, workers: usize, count: i64) {
        let before: i64 = self.beats().await.iter().max().copied().unwrap_or_default();
        eventually("all workers' heartbeats", async || {
            let beats = self.beats().await;
            (beats.len() == workers && beats.iter().all(|beat| *beat >= before + count)).then_some(())
        })
        .await;
    }

    /// Starts another api and returns its index.
    pub async fn add_api(&mut self) -> usize {
        self.spawn_api(&format!("127.0.0.1:{}", port::lasting()));
        let index = self.apis.len() - 1;
        self.wait_for_address(index).await;
        index
    }

    /// Starts another worker and returns its index.
    pub fn add_worker(&mut self) -> usize {
        self.spawn_worker();
        self.workers.len() - 1
    }

    /// Restarts a stopped api on the same port.
    pub async fn revive_api(&mut self, index: usize) {
        let address = self.apis[index].address.clone();
        self.apis[index].process.kill();
        let process = self.spawn_at(index, "api", &[("BIND_ADDR", &address)]);
        self.apis[index].process = process;
        self.wait_for_address(index).await;
        assert_eq!(self.apis[index].address, address, "the api listens on the configured address");
    }

    /// Shuts down an api gracefully and restarts it on the same port.
    pub async fn restart_api(&mut self, index: usize) {
        self.apis[index].process.stop(STOP_LIMIT).await;
        self.revive_api(index).await;
    }

    /// Freezes a worker (SIGSTOP) outside write transactions. Inside one, the frozen worker would hold the database's
    /// only write lock and block all other writes.
    pub async fn freeze_worker(&mut self, index: usize) {
        for _ in 0..20 {
            self.workers[index].signal(Signal::Freeze);
            if !self.is_store_held().await {
                return;
            }
            self.workers[index].signal(Signal::Resume);
        }
        panic!("another process holds the write lock");
    }

    /// Shuts down a worker gracefully and removes it. The last worker takes its index.
    pub async fn remove_worker(&mut self, index: usize) {
        self.workers.swap_remove(index).stop(STOP_LIMIT).await;
    }

    /// Returns whether a process holds the database's write lock for so long that the process must be frozen.
    pub async fn is_store_held(&self) -> bool {
        match StoreLock::take(&self.database(), LOCK_LIMIT).await {
            Some(lock) => {
                lock.release().await;
                false
            }
            None => true,
        }
    }

    /// Kills a worker and starts another one at its index.
    pub fn replace_worker(&mut self, index: usize) {
        self.workers[index].kill();
        self.workers[index] = self.spawn_at(index, "worker", &[]);
    }

    /// Starts a worker that takes this index. Returns the previous one, which is still running, for the caller to stop.
    pub fn roll_worker(&mut self, index: usize) -> Process {
        let next = self.spawn_at(index, "worker", &[]);
        std::mem::replace(&mut self.workers[index], next)
    }

    pub(super) fn spawn_worker(&mut self) {
        let process = self.spawn_at(self.workers.len(), "worker", &[]);
        self.workers.push(process);
    }

    pub(super) fn spawn_api(&mut self, bind: &str) {
        let process = self.spawn_at(self.apis.len(), "api", &[("BIND_ADDR", bind)]);
        self.apis.push(Api { process, address: String::new() });
    }

    /// Starts `api` or `worker` with additional environment variables, without adding it to the installation.
    pub fn spawn(&self, program: &str, variables: &[(&str, &str)]) -> Process {
        self.spawn_on(None, program, variables)
    }

    /// Starts `api` or `worker` on the host for this index, if the installation is on a network.
    fn spawn_at(&self, index: usize, program: &str, variables: &[(&str, &str)]) -> Process {
        let host = self.network.as_ref().map(|network| network.host(&format!("{program}-{index}")));
        self.spawn_on(host, program, variables)
    }

    fn spawn_on(&self, host: Option<&Host>, program: &str, variables: &[(&str, &str)]) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut environment = self.environment.clone();
        environment.extend(variables.iter().map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned())));
        Process::spawn_on(host, &format!("{program}-{number}"), program, &environment, self.folder.path())
    }

    /// Starts an api with a shell command line. `line` precedes the path of `api`, for example `ulimit -n 256 && exec`.
    pub fn spawn_api_after(&self, line: &str, variables: &[(&str, &str)]) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut environment = self.environment.clone();
        environment.insert("BIND_ADDR".into(), "127.0.0.1:0".into());
        environment.extend(variables.iter().map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned())));
        let line = format!("{line} {}", process::binary("api").display());
        Process::spawn_line(&format!("api-{number}"), &line, &environment, self.folder.path())
    }

    pub(super) async fn wait_for_address(&mut self, index: usize) {
        let deadline = Instant::now() + START_LIMIT;
        let api = &mut self.apis[index];
        api.address = address_of(&mut api.process, deadline).await;
    }
}

/// Waits for the first line of an api's stdout and returns the address in that line.
///
/// Panics if the api exits, prints anything else, or prints nothing by the deadline.
pub async fn address_of(process: &mut Process, deadline: Instant) -> String {
    loop {
        let text = process.stdout();
        if let Some((line, _)) = text.split_once('\n') {
            let address = line.strip_prefix("listening on http://");
            return address.unwrap_or_else(|| panic!("unexpected first line {line:?}")).to_owned();
        }
        if let Some(status) = process.exit_status() {
            panic!("api exited during startup with {status}:\n{}", process.stderr());
        }
        assert!(Instant::now() < deadline, "api did not start:\n{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

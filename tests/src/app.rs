//! A complete installation for one test: a folder, a database, and the processes that share it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    client::Client,
    port,
    process::{self, Environment, Process, Signal},
    redis::Redis,
    store_lock::StoreLock,
    wait::eventually,
};

/// Maximum number of processes of all tests at one time; more would only slow each other down.
const MAX_PROCESSES: usize = 12;

/// Time limit for a process to start on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Time limit for a process to stop, in addition to its own grace period.
pub const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Longest time that a process that is not frozen holds the write lock.
const FREE_WITHIN: Duration = Duration::from_millis(400);

static ROOM: Semaphore = Semaphore::const_new(MAX_PROCESSES);

/// Configuration of a [`TestApp`].
#[derive(Debug)]
pub struct Builder {
    apis: usize,
    workers: usize,
    environment: Environment,
    agents: String,
    redis: bool,
    own_redis: Option<Redis>,
    lasting_ports: bool,
}

impl Builder {
    /// Sets the number of `api` processes; the default is 1.
    pub fn apis(mut self, count: usize) -> Self {
        self.apis = count;
        self
    }

    /// Sets the number of `worker` processes; the default is 1.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// Sets an environment variable for every process.
    pub fn env(mut self, variable: &str, value: &str) -> Self {
        self.environment.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// Sets several environment variables for every process.
    pub fn all_env(mut self, variables: Environment) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Adds tables to `agents.toml`.
    pub fn agents(mut self, toml: &str) -> Self {
        let _ = writeln!(self.agents, "{toml}");
        self
    }

    /// Connects the processes through a Redis server of their own. `BANTER_TEST_REDIS=1` does so for every test.
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Runs without Redis, regardless of `BANTER_TEST_REDIS`.
    pub fn embedded(mut self) -> Self {
        self.redis = false;
        self
    }

    /// Connects the processes through this Redis server. Its URL is used unless `REDIS_URL` is set.
    pub fn on_redis(mut self, redis: Redis) -> Self {
        self.own_redis = Some(redis);
        self
    }

    /// Binds the apis to ports that no outgoing connection takes while they are down.
    pub fn lasting_ports(mut self) -> Self {
        self.lasting_ports = true;
        self
    }

    /// Starts all processes at once and waits until every api has printed its address.
    pub async fn start(mut self) -> TestApp {
        let redis = match self.own_redis.take() {
            None if self.redis => Some(Redis::start().await),
            redis => redis,
        };
        if let Some(redis) = &redis {
            self.environment.entry("REDIS_URL".into()).or_insert_with(|| redis.url());
        }
        let lasting_ports = self.lasting_ports;
        let wanted = (self.apis + self.workers).clamp(1, MAX_PROCESSES);
        let room = ROOM.acquire_many(u32::try_from(wanted).unwrap()).await.unwrap();
        let mut app = self.prepare(room, redis);
        let addresses = app.expected_apis;
        for _ in 0..app.expected_workers {
            app.spawn_worker();
        }
        for _ in 0..addresses {
            let port = if lasting_ports { port::lasting() } else { 0 };
            app.spawn_api(&format!("127.0.0.1:{port}"));
        }
        for index in 0..addresses {
            app.wait_for_address(index).await;
        }
        app
    }

    fn prepare(self, room: SemaphorePermit<'static>, redis: Option<Redis>) -> TestApp {
        let folder = tempfile::Builder::new().prefix("banter-test-").tempdir().unwrap();
        let mut environment = self.environment;
        let url = format!("sqlite://{}", folder.path().join("banter.db").display());
        environment.entry("DATABASE_URL".into()).or_insert(url);
        environment.entry("DATA_DIR".into()).or_insert_with(|| folder.path().join("data").display().to_string());
        if !self.agents.is_empty() {
            let file = folder.path().join("agents.toml");
            fs::write(&file, self.agents).unwrap();
            environment.insert("AGENTS_FILE".into(), file.display().to_string());
        }
        TestApp {
            apis: Vec::new(),
            workers: Vec::new(),
            environment,
            expected_apis: self.apis,
            expected_workers: self.workers,
            started: AtomicUsize::new(0),
            folder,
            redis,
            _room: room,
        }
    }
}

/// An `api` process and its address.
#[derive(Debug)]
pub struct Api {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:PORT`, known once the api has started.
    pub address: String,
}

/// A running installation. Dropping it kills every process and removes the folder.
///
/// When the test fails, the last lines of each process's log are printed.
#[derive(Debug)]
pub struct TestApp {
    // Dropped in this order: the processes before the folder that they write to.
    apis: Vec<Api>,
    workers: Vec<Process>,
    environment: Environment,
    expected_apis: usize,
    expected_workers: usize,
    started: AtomicUsize,
    folder: TempDir,
    redis: Option<Redis>,
    _room: SemaphorePermit<'static>,
}

impl TestApp {
    /// Returns a builder for one api and one worker with the demo agent, in keyless mode.
    pub fn builder() -> Builder {
        let redis = std::env::var_os("BANTER_TEST_REDIS").is_some();
        Builder {
            apis: 1,
            workers: 1,
            environment: Environment::new(),
            agents: String::new(),
            redis,
            own_redis: None,
            lasting_ports: false,
        }
    }

    /// Starts one api and one worker.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Returns a client of the first api, without a key.
    pub fn client(&self) -> Client {
        self.client_of(0)
    }

    /// Returns a client of one api, without a key.
    pub fn client_of(&self, index: usize) -> Client {
        Client::new(&self.apis[index].address)
    }

    /// Returns one api.
    pub fn api(&mut self, index: usize) -> &mut Api {
        &mut self.apis[index]
    }

    /// Returns one worker.
    pub fn worker(&mut self, index: usize) -> &mut Process {
        &mut self.workers[index]
    }

    /// Returns the Redis server between the processes.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the builder was called with `redis()`")
    }

    /// Returns the environment of the processes.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the names and ids of all processes, including Redis.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let numbered = |kind: &str, index: usize| format!("{kind}-{}", index + 1);
        let apis = self.apis.iter().enumerate().map(|(index, api)| (numbered("api", index), api.process.pid()));
        let workers = self.workers.iter().enumerate().map(|(index, worker)| (numbered("worker", index), worker.pid()));
        let redis = self.redis.iter().map(|redis| ("redis".to_owned(), redis.pid()));
        apis.chain(workers).chain(redis).collect()
    }

    /// Returns the number of apis.
    pub fn api_count(&self) -> usize {
        self.apis.len()
    }

    /// Shuts all processes down gracefully, workers first.
    pub async fn stop_all(&mut self) {
        for worker in &mut self.workers {
            worker.stop(STOP_LIMIT).await;
        }
        for api in &mut self.apis {
            api.process.stop(STOP_LIMIT).await;
        }
    }

    /// Returns the logs of all processes except Redis.
    pub fn logs(&self) -> String {
        let apis = self.apis.iter().map(|api| api.process.stderr());
        apis.chain(self.workers.iter().map(Process::stderr)).collect()
    }

    /// Returns the folder that holds the database, the logs, and `agents.toml`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of the database file.
    pub fn database(&self) -> PathBuf {
        PathBuf::from(self.environment["DATABASE_URL"].trim_start_matches("sqlite://"))
    }

    /// Sets an environment variable for the processes that start from now on.
    pub fn set_env(&mut self, variable: &str, value: &str) {
        self.environment.insert(variable.to_owned(), value.to_owned());
    }

    /// Sets several environment variables for the processes that start from now on.
    pub fn set_all_env(&mut self, variables: Environment) {
        self.environment.extend(variables);
    }

    /// Sends a signal to all processes at once, including Redis.
    pub fn signal_all(&self, signal: Signal) {
        let pids: Vec<u32> = self.processes().into_iter().map(|(_, pid)| pid).collect();
        signal.send_to_all(&pids);
    }

    /// Returns the heartbeat counters of all live workers.
    pub async fn beats(&self) -> Vec<i64> {
        let options = SqliteConnectOptions::new().filename(self.database()).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let beats = sqlx::query_scalar("SELECT beat FROM worker_heartbeat ORDER BY worker_id");
        let beats = beats.fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        beats
    }

    /// Waits for `count` more heartbeats of every worker, with `workers` workers still alive.
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
        self.spawn_api("127.0.0.1:0");
        let index = self.apis.len() - 1;
        self.wait_for_address(index).await;
        index
    }

    /// Starts another worker and returns its index.
    pub fn add_worker(&mut self) -> usize {
        self.spawn_worker();
        self.workers.len() - 1
    }

    /// Restarts an api that has exited, on the same port.
    pub async fn revive_api(&mut self, index: usize) {
        let address = self.apis[index].address.clone();
        self.apis[index].process.kill();
        let process = self.spawn("api", &[("BIND_ADDR", &address)]);
        self.apis[index].process = process;
        self.wait_for_address(index).await;
        assert_eq!(self.apis[index].address, address, "the api listens on the configured address");
    }

    /// Shuts an api down gracefully and restarts it on the same port.
    pub async fn restart_api(&mut self, index: usize) {
        self.apis[index].process.stop(STOP_LIMIT).await;
        self.revive_api(index).await;
    }

    /// Freezes a worker (SIGSTOP), but not inside a write transaction: it would hold the database's only write lock and
    /// block every other process until it resumes.
    pub async fn freeze_worker(&mut self, index: usize) {
        for _ in 0..20 {
            self.workers[index].signal(Signal::Freeze);
            if !self.is_store_held().await {
                return;
            }
            self.workers[index].signal(Signal::Thaw);
        }
        panic!("another process holds the write lock");
    }

    /// Returns the number of apis.
    pub fn apis(&self) -> usize {
        self.apis.len()
    }

    /// Returns the number of workers.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Shuts a worker down gracefully and removes it; the last worker takes its index.
    pub async fn remove_worker(&mut self, index: usize) {
        self.workers.swap_remove(index).stop(STOP_LIMIT).await;
    }

    /// Returns whether a process holds the database's write lock for longer than a process that is not frozen does.
    pub async fn is_store_held(&self) -> bool {
        match StoreLock::take(&self.database(), FREE_WITHIN).await {
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
        self.workers[index] = self.spawn("worker", &[]);
    }

    /// Starts another worker at the index of one, and returns the old one, still running, for the caller to stop.
    pub fn roll_worker(&mut self, index: usize) -> Process {
        let next = self.spawn("worker", &[]);
        std::mem::replace(&mut self.workers[index], next)
    }

    /// Runs `api …` to completion in the environment of this installation.
    pub async fn run_api(&self, arguments: &[&str]) -> Output {
        process::run("api", arguments, &self.environment, self.folder.path()).await
    }

    /// Returns the violations that `api check` reports, if any.
    pub async fn find_violations(&self) -> Option<String> {
        let output = self.run_api(&["check"]).await;
        let text = || [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
        (!output.status.success()).then(text)
    }

    /// Panics when `api check` reports violations.
    pub async fn check(&self) {
        if let Some(violations) = self.find_violations().await {
            panic!("api check: {violations}");
        }
    }

    /// Runs `worker …` to completion in the environment of this installation.
    pub async fn run_worker(&self, arguments: &[&str]) -> Output {
        process::run("worker", arguments, &self.environment, self.folder.path()).await
    }

    /// Creates a key with `api keys create`.
    pub async fn create_key(&self, workspace: &str, user: &str, role: &str) -> String {
        let output = self.run_api(&["keys", "create", "--user", user, "--workspace", workspace, "--role", role]).await;
        assert!(output.status.success(), "keys create: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace()
            .find(|word| word.starts_with("bnt_"))
            .unwrap_or_else(|| panic!("`keys create` prints no key: {text:?}"))
            .to_owned()
    }

    /// Returns a client of the first api with a new key of that user in workspace `default`.
    pub async fn client_for(&self, user: &str, role: &str) -> Client {
        self.client().with_key(&self.create_key("default", user, role).await)
    }

    fn spawn_worker(&mut self) {
        let process = self.spawn("worker", &[]);
        self.workers.push(process);
    }

    fn spawn_api(&mut self, bind: &str) {
        let process = self.spawn("api", &[("BIND_ADDR", bind)]);
        self.apis.push(Api { process, address: String::new() });
    }

    /// Starts `api` or `worker` with additional variables, outside the lists.
    pub fn spawn(&self, program: &str, variables: &[(&str, &str)]) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut environment = self.environment.clone();
        environment.extend(variables.iter().map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned())));
        Process::spawn(&format!("{program}-{number}"), program, &[], &environment, self.folder.path())
    }

    /// Starts an api by a shell command line, given the part before `api` (`ulimit -n 256 && exec`).
    pub fn spawn_api_after(&self, line: &str, variables: &[(&str, &str)]) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut environment = self.environment.clone();
        environment.insert("BIND_ADDR".into(), "127.0.0.1:0".into());
        environment.extend(variables.iter().map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned())));
        let line = format!("{line} {}", process::binary("api").display());
        Process::spawn_line(&format!("api-{number}"), &line, &environment, self.folder.path())
    }

    async fn wait_for_address(&mut self, index: usize) {
        let deadline = Instant::now() + START_LIMIT;
        let api = &mut self.apis[index];
        api.address = address_of(&mut api.process, deadline).await;
    }
}

/// Waits for the first line of an api's stdout and returns the address in it.
///
/// Panics when the api exits or prints anything else.
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

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.apis.iter().for_each(|api| api.process.print_log());
            self.workers.iter().for_each(Process::print_log);
        }
    }
}

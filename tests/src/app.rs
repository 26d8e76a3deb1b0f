//! The product as a test sees it: a folder, a database, and processes that share it.

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

/// Processes of all tests together at one time; more would only make each other late.
const MAX_PROCESSES: usize = 12;

/// How long a process may take to come up on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long a process may take to stop beyond its own grace.
pub const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How long a process that is not frozen may hold the write lock.
const FREE_WITHIN: Duration = Duration::from_millis(400);

static ROOM: Semaphore = Semaphore::const_new(MAX_PROCESSES);

/// What a [`TestApp`] starts with.
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
    /// How many `api` processes (1 unless told).
    pub fn apis(mut self, count: usize) -> Self {
        self.apis = count;
        self
    }

    /// How many `worker` processes (1 unless told).
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// A variable for every process.
    pub fn env(mut self, variable: &str, value: &str) -> Self {
        self.environment.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// Several variables for every process.
    pub fn all_env(mut self, variables: Environment) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Tables for `agents.toml`.
    pub fn agents(mut self, toml: &str) -> Self {
        let _ = writeln!(self.agents, "{toml}");
        self
    }

    /// With a Redis of its own between the processes. `BANTER_TEST_REDIS=1` gives every test one.
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Without Redis, whatever `BANTER_TEST_REDIS` says.
    pub fn embedded(mut self) -> Self {
        self.redis = false;
        self
    }

    /// With this Redis between the processes, and with its URL unless `REDIS_URL` is set.
    pub fn on_redis(mut self, redis: Redis) -> Self {
        self.own_redis = Some(redis);
        self
    }

    /// Apis on ports that no outgoing connection takes while they are down.
    pub fn lasting_ports(mut self) -> Self {
        self.lasting_ports = true;
        self
    }

    /// Starts all processes at once, and waits until every api has told its address.
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

/// One `api` process and where it listens.
#[derive(Debug)]
pub struct Api {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:PORT`, known once it has started.
    pub address: String,
}

/// A running installation of its own. Dropping it kills every process and removes the folder.
///
/// When the test fails, the end of each process's log is printed.
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
    /// One api, one worker, the demo agent, keyless, unless the builder is told otherwise.
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

    /// One api and one worker.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A client of the first api, without a key.
    pub fn client(&self) -> Client {
        self.client_of(0)
    }

    /// A client of one api, without a key.
    pub fn client_of(&self, index: usize) -> Client {
        Client::new(&self.apis[index].address)
    }

    /// One api.
    pub fn api(&mut self, index: usize) -> &mut Api {
        &mut self.apis[index]
    }

    /// One worker.
    pub fn worker(&mut self, index: usize) -> &mut Process {
        &mut self.workers[index]
    }

    /// The Redis between the processes.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the builder was told `redis()`")
    }

    /// The environment of its processes.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Names and process ids of all its processes, the Redis included.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let numbered = |kind: &str, index: usize| format!("{kind}-{}", index + 1);
        let apis = self.apis.iter().enumerate().map(|(index, api)| (numbered("api", index), api.process.pid()));
        let workers = self.workers.iter().enumerate().map(|(index, worker)| (numbered("worker", index), worker.pid()));
        let redis = self.redis.iter().map(|redis| ("redis".to_owned(), redis.pid()));
        apis.chain(workers).chain(redis).collect()
    }

    /// How many apis there are.
    pub fn api_count(&self) -> usize {
        self.apis.len()
    }

    /// Stops all processes in good order, workers first.
    pub async fn stop_all(&mut self) {
        for worker in &mut self.workers {
            worker.stop(STOP_LIMIT).await;
        }
        for api in &mut self.apis {
            api.process.stop(STOP_LIMIT).await;
        }
    }

    /// What all its processes have logged, the Redis excluded.
    pub fn logs(&self) -> String {
        let apis = self.apis.iter().map(|api| api.process.stderr());
        apis.chain(self.workers.iter().map(Process::stderr)).collect()
    }

    /// The folder that holds the database, the logs and `agents.toml`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        PathBuf::from(self.environment["DATABASE_URL"].trim_start_matches("sqlite://"))
    }

    /// Sets a variable for the processes that start from now on.
    pub fn set_env(&mut self, variable: &str, value: &str) {
        self.environment.insert(variable.to_owned(), value.to_owned());
    }

    /// Sets several.
    pub fn set_all_env(&mut self, variables: Environment) {
        self.environment.extend(variables);
    }

    /// Sends a signal to all its processes at once, the Redis included.
    pub fn signal_all(&self, signal: Signal) {
        let pids: Vec<u32> = self.processes().into_iter().map(|(_, pid)| pid).collect();
        signal.send_to_all(&pids);
    }

    /// The heartbeat counters of all workers that beat.
    pub async fn beats(&self) -> Vec<i64> {
        let options = SqliteConnectOptions::new().filename(self.database()).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let beats = sqlx::query_scalar("SELECT beat FROM worker_heartbeat ORDER BY worker_id");
        let beats = beats.fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        beats
    }

    /// Waits until every worker has beaten `count` times more, and `workers` still do.
    pub async fn wait_for_beats(&self, workers: usize, count: i64) {
        let before: i64 = self.beats().await.iter().max().copied().unwrap_or_default();
        eventually("all workers' heartbeats", async || {
            let beats = self.beats().await;
            (beats.len() == workers && beats.iter().all(|beat| *beat >= before + count)).then_some(())
        })
        .await;
    }

    /// Starts one more api and returns its index.
    pub async fn add_api(&mut self) -> usize {
        self.spawn_api("127.0.0.1:0");
        let index = self.apis.len() - 1;
        self.wait_for_address(index).await;
        index
    }

    /// Starts one more worker and returns its index.
    pub fn add_worker(&mut self) -> usize {
        self.spawn_worker();
        self.workers.len() - 1
    }

    /// Starts an api that has ended again, on the port that it had.
    pub async fn revive_api(&mut self, index: usize) {
        let address = self.apis[index].address.clone();
        self.apis[index].process.kill();
        let process = self.spawn("api", &[("BIND_ADDR", &address)]);
        self.apis[index].process = process;
        self.wait_for_address(index).await;
        assert_eq!(self.apis[index].address, address, "it listens where it was told to");
    }

    /// Stops an api in good order and starts it again on the same port.
    pub async fn restart_api(&mut self, index: usize) {
        self.apis[index].process.stop(STOP_LIMIT).await;
        self.revive_api(index).await;
    }

    /// Freezes a worker (SIGSTOP), but not inside a write transaction: there it would hold the database's one write lock,
    /// and nobody could go on until it thaws.
    pub async fn freeze_worker(&mut self, index: usize) {
        for _ in 0..20 {
            self.workers[index].signal(Signal::Freeze);
            if !self.is_store_held().await {
                return;
            }
            self.workers[index].signal(Signal::Thaw);
        }
        panic!("somebody holds the write lock");
    }

    /// How many apis there are.
    pub fn apis(&self) -> usize {
        self.apis.len()
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Stops a worker in good order, and forgets it: the last one takes its index.
    pub async fn remove_worker(&mut self, index: usize) {
        self.workers.swap_remove(index).stop(STOP_LIMIT).await;
    }

    /// Whether somebody holds the database's write lock for longer than a process that is not frozen may.
    pub async fn is_store_held(&self) -> bool {
        match StoreLock::take(&self.database(), FREE_WITHIN).await {
            Some(lock) => {
                lock.release().await;
                false
            }
            None => true,
        }
    }

    /// Starts another worker in the place of one, which is killed if it still lives.
    pub fn replace_worker(&mut self, index: usize) {
        self.workers[index].kill();
        self.workers[index] = self.spawn("worker", &[]);
    }

    /// Starts another worker in the place of one, and returns that one: it still works, for the caller to stop.
    pub fn roll_worker(&mut self, index: usize) -> Process {
        let next = self.spawn("worker", &[]);
        std::mem::replace(&mut self.workers[index], next)
    }

    /// Runs `api …` to its end with the environment of this installation.
    pub async fn run_api(&self, arguments: &[&str]) -> Output {
        process::run("api", arguments, &self.environment, self.folder.path()).await
    }

    /// What `api check` finds amiss in the database, if anything.
    pub async fn find_amiss(&self) -> Option<String> {
        let output = self.run_api(&["check"]).await;
        let told = || [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
        (!output.status.success()).then(told)
    }

    /// Panics when `api check` finds anything amiss in the database.
    pub async fn check(&self) {
        if let Some(amiss) = self.find_amiss().await {
            panic!("api check: {amiss}");
        }
    }

    /// Runs `worker …` to its end with the environment of this installation.
    pub async fn run_worker(&self, arguments: &[&str]) -> Output {
        process::run("worker", arguments, &self.environment, self.folder.path()).await
    }

    /// Makes a key with `api keys create`.
    pub async fn create_key(&self, workspace: &str, user: &str, role: &str) -> String {
        let output = self.run_api(&["keys", "create", "--user", user, "--workspace", workspace, "--role", role]).await;
        assert!(output.status.success(), "keys create: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace()
            .find(|word| word.starts_with("bnt_"))
            .unwrap_or_else(|| panic!("`keys create` prints no key: {text:?}"))
            .to_owned()
    }

    /// A client of the first api with a fresh key of that user in workspace `default`.
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

    /// Starts `api` or `worker` with more variables than the others have, outside the lists.
    pub fn spawn(&self, program: &str, variables: &[(&str, &str)]) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut environment = self.environment.clone();
        environment.extend(variables.iter().map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned())));
        Process::spawn(&format!("{program}-{number}"), program, &[], &environment, self.folder.path())
    }

    /// Starts an api by a line of the shell, which says what comes before `api` (`ulimit -n 256 && exec`).
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

/// Waits for the first line of an api's stdout, and returns the address in it.
///
/// Panics when it ends instead, or says something else.
pub async fn address_of(process: &mut Process, deadline: Instant) -> String {
    loop {
        let text = process.stdout();
        if let Some((line, _)) = text.split_once('\n') {
            let address = line.strip_prefix("listening on http://");
            return address.unwrap_or_else(|| panic!("unexpected first line {line:?}")).to_owned();
        }
        if let Some(status) = process.exit_status() {
            panic!("api ended at its start with {status}:\n{}", process.stderr());
        }
        assert!(Instant::now() < deadline, "api does not start:\n{}", process.stderr());
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

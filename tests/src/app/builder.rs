//! Configures and starts an installation.

use std::{fmt::Write as _, fs, sync::atomic::AtomicUsize};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::TestApp;
use crate::{port, process::Environment, redis::Redis};

/// Maximum number of apis and workers in the installations of all concurrent tests, not counting processes that are
/// added later. A larger installation runs alone.
const MAX_PROCESSES: usize = 12;

static PROCESS_SLOTS: Semaphore = Semaphore::const_new(MAX_PROCESSES);

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

impl Default for Builder {
    fn default() -> Self {
        Self {
            apis: 1,
            workers: 1,
            environment: Environment::new(),
            agents: String::new(),
            redis: std::env::var_os("BANTER_TEST_REDIS").is_some(),
            own_redis: None,
            lasting_ports: false,
        }
    }
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

    /// Connects the processes through a dedicated Redis server. `BANTER_TEST_REDIS=1` does this for every test.
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Runs without Redis, regardless of `BANTER_TEST_REDIS`.
    pub fn embedded(mut self) -> Self {
        self.redis = false;
        self
    }

    /// Connects the processes through this Redis server. The server's URL is used unless `REDIS_URL` is set explicitly.
    pub fn on_redis(mut self, redis: Redis) -> Self {
        self.own_redis = Some(redis);
        self
    }

    /// Binds the apis to ports that no outgoing connection can take while an api is down.
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
        let slots = PROCESS_SLOTS.acquire_many(u32::try_from(wanted).unwrap()).await.unwrap();
        let mut app = self.prepare(slots, redis);
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

    fn prepare(self, slots: SemaphorePermit<'static>, redis: Option<Redis>) -> TestApp {
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
            _slots: slots,
        }
    }
}

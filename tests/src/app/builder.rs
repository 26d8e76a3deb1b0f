//! Configures and starts an installation.

use std::{fmt::Write as _, fs, sync::atomic::AtomicUsize, time::Duration};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::TestApp;
use crate::{
    delayed_link,
    network::Network,
    port,
    postgres::{self, Postgres},
    process::Environment,
    redis::Redis,
};

/// Maximum number of apis and workers in the installations of all concurrent tests, not counting processes that are
/// added later. A larger installation runs alone.
const MAX_PROCESSES: usize = 12;

/// The port of an api on a host of a network.
const HOST_PORT: u16 = 8080;

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
    own_postgres: Option<Postgres>,
    /// How long data takes to that server, in each direction.
    postgres_delay: Duration,
    /// The URL of a PostgreSQL server that several tests share.
    shared_postgres: Option<String>,
    network: Option<Network>,
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
            own_postgres: None,
            postgres_delay: Duration::ZERO,
            shared_postgres: std::env::var("TEST_POSTGRES_URL").ok(),
            network: None,
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

    /// Runs on SQLite and without Redis, regardless of `BANTER_TEST_REDIS` and `TEST_POSTGRES_URL`.
    pub fn embedded(mut self) -> Self {
        self.redis = false;
        self.on_sqlite()
    }

    /// Runs on SQLite, regardless of `TEST_POSTGRES_URL`, which otherwise names a PostgreSQL server for all tests.
    pub fn on_sqlite(mut self) -> Self {
        self.shared_postgres = None;
        self
    }

    /// Stores the data on this PostgreSQL server.
    pub fn on_postgres(mut self, postgres: Postgres) -> Self {
        self.own_postgres = Some(postgres);
        self
    }

    /// Stores the data on this PostgreSQL server, and delays all data to it and from it.
    pub fn on_distant_postgres(self, postgres: Postgres, delay: Duration) -> Self {
        Self { postgres_delay: delay, ..self.on_postgres(postgres) }
    }

    /// Connects the processes through this Redis server. The server's URL is used unless `REDIS_URL` is set explicitly.
    pub fn on_redis(mut self, redis: Redis) -> Self {
        self.own_redis = Some(redis);
        self
    }

    /// Starts each process on its own host of this network. The hosts are named `api-0`, `api-1`, …, and `worker-0`, ….
    pub fn on_network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Starts all processes at once and waits until every api has printed its address.
    pub async fn start(mut self) -> TestApp {
        let postgres_url = match (&self.own_postgres, &self.shared_postgres) {
            (Some(postgres), _) => Some(postgres.create_database("banter")),
            (None, Some(server)) if !self.environment.contains_key("DATABASE_URL") => {
                Some(postgres::create_database(server))
            }
            _ => None,
        };
        let redis = match self.own_redis.take() {
            None if self.redis || postgres_url.is_some() => Some(Redis::start().await),
            redis => redis,
        };
        if let Some(redis) = &redis {
            self.environment.entry("REDIS_URL".into()).or_insert_with(|| redis.url());
        }
        if let Some(mut url) = postgres_url {
            if let Some(postgres) = &self.own_postgres
                && !self.postgres_delay.is_zero()
            {
                let address = postgres.address();
                url = url.replace(&address, &delayed_link::start(address.clone(), self.postgres_delay).await);
            }
            self.environment.insert("DATABASE_URL".into(), url);
        }
        let wanted = (self.apis + self.workers).clamp(1, MAX_PROCESSES);
        let slots = PROCESS_SLOTS.acquire_many(u32::try_from(wanted).unwrap()).await.unwrap();
        let mut app = self.prepare(slots, redis);
        let addresses = app.expected_apis;
        for _ in 0..app.expected_workers {
            app.spawn_worker();
        }
        for index in 0..addresses {
            let host = app.network.as_ref().map(|network| network.host(&format!("api-{index}")).address());
            // An api may be restarted on its port.
            let bind = host
                .map_or_else(|| format!("127.0.0.1:{}", port::lasting()), |address| format!("{address}:{HOST_PORT}"));
            app.spawn_api(&bind);
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
            postgres: self.own_postgres,
            network: self.network,
            _slots: slots,
        }
    }
}

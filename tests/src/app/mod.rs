//! A complete installation for one test: a folder, a database, and the processes that share it.

mod builder;
mod commands;
mod keys;
mod processes;

pub use builder::Builder;
pub use processes::address_of;

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicUsize,
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::SemaphorePermit;

use crate::{
    client::Client,
    database::Database,
    network::Network,
    postgres::Postgres,
    process::{Environment, Process},
    redis::Redis,
};

/// Time limit for a process to stop, in addition to its grace period.
pub const STOP_LIMIT: Duration = Duration::from_secs(20);

/// An `api` process and its address.
#[derive(Debug)]
pub struct Api {
    /// The process.
    pub process: Process,
    /// The address as `127.0.0.1:PORT`, or with the address of the host; empty until the api has started.
    pub address: String,
}

/// A running installation. Dropping it kills every process and removes the folder.
///
/// If the test fails, the last lines of each process's log are printed.
#[derive(Debug)]
pub struct TestApp {
    // The processes are dropped before the folder, because they write to the folder.
    apis: Vec<Api>,
    workers: Vec<Process>,
    environment: Environment,
    expected_apis: usize,
    expected_workers: usize,
    started: AtomicUsize,
    folder: TempDir,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    network: Option<Network>,
    _slots: SemaphorePermit<'static>,
}

impl TestApp {
    /// Returns a builder for an installation in keyless mode with one api, one worker, and the demo agent.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts an installation with one api and one worker.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Returns a client for the first api, without a key.
    pub fn client(&self) -> Client {
        self.client_of(0)
    }

    /// Returns a client for the api at this index, without a key.
    pub fn client_of(&self, index: usize) -> Client {
        Client::new(&self.apis[index].address)
    }

    /// Returns an api by index.
    pub fn api(&mut self, index: usize) -> &mut Api {
        &mut self.apis[index]
    }

    /// Returns a worker by index.
    pub fn worker(&mut self, index: usize) -> &mut Process {
        &mut self.workers[index]
    }

    /// Returns the Redis server that connects the processes.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("the builder was called with `redis()`")
    }

    /// Returns the PostgreSQL server that stores the data.
    pub fn postgres(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("the builder was called with `on_postgres()`")
    }

    /// Returns the network that connects the processes' hosts.
    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("the builder was called with `on_network()`")
    }

    /// Returns the processes' environment variables.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the names and process IDs of all processes, including Redis.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let numbered = |kind: &str, index: usize| format!("{kind}-{}", index + 1);
        let apis = self.apis.iter().enumerate().map(|(index, api)| (numbered("api", index), api.process.pid()));
        let workers = self.workers.iter().enumerate().map(|(index, worker)| (numbered("worker", index), worker.pid()));
        let redis = self.redis.iter().map(|redis| ("redis".to_owned(), redis.pid()));
        apis.chain(workers).chain(redis).collect()
    }

    /// Returns the number of apis.
    pub fn apis(&self) -> usize {
        self.apis.len()
    }

    /// Returns the logs of all processes except Redis.
    pub fn logs(&self) -> String {
        let apis = self.apis.iter().map(|api| api.process.stderr());
        apis.chain(self.workers.iter().map(Process::stderr)).collect()
    }

    /// Returns the folder that contains the logs, `agents.toml`, and, by default, the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the installation's database.
    pub fn database(&self) -> Database {
        Database::from_url(&self.environment["DATABASE_URL"])
    }

    /// Returns the path of the database file. Panics if the installation runs on PostgreSQL.
    pub fn database_file(&self) -> PathBuf {
        match self.database() {
            Database::File(path) => path,
            Database::Server(_) => panic!("the test must call `on_sqlite()`"),
        }
    }

    /// Sets an environment variable for processes that start from now on.
    pub fn set_env(&mut self, variable: &str, value: &str) {
        self.environment.insert(variable.to_owned(), value.to_owned());
    }

    /// Sets several environment variables for processes that start from now on.
    pub fn set_all_env(&mut self, variables: Environment) {
        self.environment.extend(variables);
    }

    /// Returns the number of workers.
    pub fn workers(&self) -> usize {
        self.workers.len()
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

//! The installation that is measured: its processes, the model that answers, and its users.

use anyhow::{Context as _, Result, ensure};
use banter_tests::{app::TestApp, redis::Redis};

use super::{
    connection::Connection,
    model::Model,
    placement::Placement,
    setup::{Relay, Setup},
    stream::EventStream,
    usage::Usage,
};

/// A running installation. Dropping it kills its processes.
#[derive(Debug)]
pub struct Installation {
    app: TestApp,
    is_redis: bool,
}

impl Installation {
    /// Starts the processes on their CPUs. Call it on the thread of the load.
    ///
    /// # Errors
    /// Fails if the CPUs cannot be set.
    pub async fn start(setup: Setup, placement: &Placement, model: &Model) -> Result<Self> {
        placement.enter()?;
        let builder = TestApp::builder()
            .workers(setup.workers)
            .env("RUST_LOG", "warn")
            .env("DATABASE_SYNCHRONOUS", setup.durability.as_str())
            .agents(&model.agent_table());
        let is_redis = setup.relay == Relay::Redis;
        let builder = if is_redis { builder.on_redis(Redis::start().await) } else { builder.embedded() };
        let _side = placement.enter_product_side()?;
        Ok(Self { app: builder.start().await, is_redis })
    }

    /// Returns the processes and the folder.
    pub fn app(&mut self) -> &mut TestApp {
        &mut self.app
    }

    /// Creates users and returns their keys.
    pub async fn create_users(&self, count: usize) -> Vec<String> {
        self.app.create_keys((0..count).map(|number| format!("user-{number}"))).await
    }

    /// Opens a connection to the api.
    ///
    /// # Errors
    /// Fails if the api does not accept it.
    pub async fn connect(&self, key: &str) -> Result<Connection> {
        Connection::open(self.app.client().address(), Some(key)).await
    }

    /// Opens the stream of all of a user's sessions.
    ///
    /// # Errors
    /// Fails if the api does not accept it.
    pub async fn follow(&self, key: &str) -> Result<EventStream> {
        EventStream::open(self.connect(key).await?, "/v1/events").await
    }

    /// Returns the usage of apis and workers since their start.
    ///
    /// # Errors
    /// Fails if one has exited.
    pub fn usage(&self) -> Result<Usage> {
        let processes = self.app.processes();
        let pids: Vec<u32> =
            processes.into_iter().filter(|(name, _)| !(self.is_redis && name == "redis")).map(|(_, pid)| pid).collect();
        Usage::of(&pids)
    }

    /// Stops the processes and checks the database.
    ///
    /// # Errors
    /// Returns the violations that `api check` reports.
    pub async fn stop(mut self) -> Result<()> {
        self.app.stop_all().await;
        let violations = self.app.find_violations().await;
        ensure!(violations.is_none(), "api check: {}", violations.unwrap_or_default());
        let logs = self.app.logs();
        ensure!(!logs.contains("ERROR"), "errors were logged: {logs:.2000}");
        Ok(())
    }
}

/// Returns the `id` in a JSON body.
///
/// # Errors
/// Fails if there is none.
pub fn id_of(body: &[u8]) -> Result<String> {
    let value: serde_json::Value = serde_json::from_slice(body)?;
    Ok(value["id"].as_str().context("no id")?.to_owned())
}

//! The installation being measured, including its processes and users.

use anyhow::{Context as _, Result, ensure};
use banter_tests::{app::TestApp, postgres::Postgres, redis::Redis};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    connection::Connection,
    fill::{self, Fill},
    model::Model,
    placement::Placement,
    setup::{DISTANCE, Services, Setup},
    stream::EventStream,
    usage::Usage,
};

/// An installation. Dropping it kills its processes.
#[derive(Debug)]
pub struct Installation {
    app: TestApp,
    setup: Setup,
    is_redis: bool,
}

impl Installation {
    /// Prepares an installation and starts its processes.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub async fn start(setup: Setup, placement: &Placement, model: &Model) -> Result<Self> {
        let mut installation = Self::prepare(setup, placement, model).await?;
        installation.launch(placement).await?;
        Ok(installation)
    }

    /// Prepares an installation and starts Redis if the setup requires it, but does not start the product's processes.
    /// Must be called on the thread that generates the load.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub async fn prepare(setup: Setup, placement: &Placement, model: &Model) -> Result<Self> {
        Self::prepare_with(setup, placement, model, &[]).await
    }

    /// Like [`prepare`](Self::prepare), but with additional environment variables.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub async fn prepare_with(
        setup: Setup,
        placement: &Placement,
        model: &Model,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        placement.enter()?;
        let builder = TestApp::builder()
            .apis(0)
            .workers(0)
            .env("RUST_LOG", "warn")
            .env("DATABASE_SYNCHRONOUS", setup.durability.as_str())
            .agents(&model.agent_table());
        let builder = variables.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
        let is_redis = setup.services != Services::Embedded;
        let builder = if is_redis { builder.on_redis(Redis::start().await) } else { builder.embedded() };
        let builder = match setup.services {
            Services::Embedded | Services::Redis => builder.on_sqlite(),
            Services::Postgres => builder.on_postgres(Postgres::start().await),
            Services::DistantPostgres => builder.on_distant_postgres(Postgres::start().await, DISTANCE),
        };
        Ok(Self { app: builder.start().await, setup, is_redis })
    }

    /// Starts the product's processes on the CPUs chosen for them.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub async fn launch(&mut self, placement: &Placement) -> Result<()> {
        let _side = placement.enter_product_side()?;
        for _ in 0..self.setup.workers {
            self.app.add_worker();
        }
        self.app.add_api().await;
        Ok(())
    }

    /// Creates users with conversations, and returns the users' keys. Must be called before the product's processes are
    /// started.
    ///
    /// # Errors
    /// Fails if the migration fails or a row violates the schema.
    pub async fn fill(&self, size: Fill) -> Result<Vec<String>> {
        let migrated = self.app.run_api(&["migrate"]).await;
        ensure!(migrated.status.success(), "api migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        let keys = self.create_users(size.users).await;
        fill::run(&self.app.database_file(), size).await?;
        Ok(keys)
    }

    /// Returns the application, which owns the processes and their folder.
    pub fn app(&self) -> &TestApp {
        &self.app
    }

    /// Creates users and returns their keys.
    pub async fn create_users(&self, count: usize) -> Vec<String> {
        self.app.create_keys((0..count).map(|number| format!("user-{number}"))).await
    }

    /// Returns the number of stored messages.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn count_messages(&mut self) -> Result<u64> {
        const COUNT: &str = "SELECT COUNT(*) FROM chat_message";
        if matches!(self.setup.services, Services::Postgres | Services::DistantPostgres) {
            return Ok(self.app.postgres().query("banter", COUNT).parse()?);
        }
        let options = SqliteConnectOptions::new().filename(self.app.database_file()).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let count: i64 = sqlx::query_scalar(COUNT).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(u64::try_from(count)?)
    }

    /// Opens a connection to the api.
    ///
    /// # Errors
    /// Fails if the api cannot be reached.
    pub async fn connect(&self, key: &str) -> Result<Connection> {
        Connection::open(self.app.client().address(), Some(key)).await
    }

    /// Opens the stream for all of a user's sessions.
    ///
    /// # Errors
    /// Fails if the api cannot be reached or rejects a request.
    pub async fn follow(&self, key: &str) -> Result<EventStream> {
        EventStream::open(self.connect(key).await?, "/v1/events").await
    }

    /// Returns the resource usage of all apis and workers since they were started.
    ///
    /// # Errors
    /// Fails if one of them has exited.
    pub fn usage(&self) -> Result<Usage> {
        self.usage_of(|name| !(self.is_redis && name == "redis"))
    }

    /// Returns the resource usage of all workers since they were started.
    ///
    /// # Errors
    /// Fails if one of them has exited.
    pub fn worker_usage(&self) -> Result<Usage> {
        self.usage_of(|name| name.starts_with("worker"))
    }

    fn usage_of(&self, is_counted: impl Fn(&str) -> bool) -> Result<Usage> {
        let processes = self.app.processes();
        let pids: Vec<u32> = processes.into_iter().filter(|(name, _)| is_counted(name)).map(|(_, pid)| pid).collect();
        Usage::of(&pids)
    }

    /// Stops the processes and checks the database.
    ///
    /// # Errors
    /// Fails if `api check` reports violations, or if errors were logged.
    pub async fn stop(mut self) -> Result<()> {
        self.app.stop_all().await;
        let violations = self.app.find_violations().await;
        ensure!(violations.is_none(), "api check: {}", violations.unwrap_or_default());
        let logs = self.app.logs();
        ensure!(!logs.contains("ERROR"), "errors were logged: {logs:.2000}");
        Ok(())
    }
}

/// Returns the `id` from a JSON body.
///
/// # Errors
/// Fails if there is none.
pub fn id_of(body: &[u8]) -> Result<String> {
    let value: serde_json::Value = serde_json::from_slice(body)?;
    Ok(value["id"].as_str().context("no id")?.to_owned())
}

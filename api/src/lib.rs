//! Banter's HTTP API, which accepts requests, stores changes, and streams events.
//!
//! | module | contents |
//! |---|---|
//! | `server` | connections and their limits |
//! | `router` | all routes, and the layers around them |
//! | `routes` | one file per operation |
//! | `extract` | extractors: authentication, ownership, validation |
//! | `middleware` | layers for every request |
//! | `response_memory` | the memory budget for long responses |
//! | `stream` | event streams |
//! | `error` | error responses |
//! | `dashboard` | the built dashboard |
//! | `cli` | the command line |
//!
//! Any number of `api` processes can share one database. No process holds state that another process needs.

mod access;
mod availability;
pub mod cli;
mod dashboard;
mod error;
mod extract;
mod healthcheck;
mod metrics;
mod middleware;
mod openapi;
mod response_memory;
mod router;
mod routes;
mod server;
mod state;
mod stream;

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use banter_shared::{
    agents_file::AgentCatalog,
    attachments::{Storage, Thumbnails},
    chat::UserRef,
    clock::SystemClock,
    config::Config,
    relay::{self, Identity},
    shutdown::Shutdown,
    store::{Installation, Retention, Store},
    upkeep::{self, UpkeepOptions},
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    access::AccessPolicy,
    metrics::Metrics,
    response_memory::ResponseMemory,
    server::{ConnectionLimits, Connections},
    state::{AppState, ImportOptions, Parts},
    stream::Hub,
};

/// The maximum number of uploads that a process receives at once. Each one needs up to 15 MiB if the storage is a
/// bucket. Further uploads wait.
const MAX_UPLOADS: usize = 32;

/// An api that is ready to serve requests.
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    connections: Connections,
    state: AppState,
}

impl Application {
    /// Opens the store, starts the background tasks, and binds the address.
    ///
    /// # Errors
    /// Returns an error if a component cannot be started. On a non-loopback address, also returns an error if no API
    /// key exists, unless keys are always required.
    pub async fn build(config: &Config, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let catalog = AgentCatalog::load(config.agents_file.as_deref(), |name| std::env::var(name).ok())?;
        let store = Store::open(config.store_options(), Arc::new(SystemClock)).await?;
        tracing::info!(database = %store.location(), agents = catalog.agents().len(), "store opened");

        let storage = Storage::open(config.attachments_url.clone())
            .with_context(|| format!("ATTACHMENTS_URL={}: cannot open the storage", config.attachments_url))?;

        let access = Arc::new(AccessPolicy::new(config.auth, config.bind_addr));
        anyhow::ensure!(
            !access.must_refuse_to_start(&store).await?,
            "BIND_ADDR={} is reachable from other machines, but there is no API key yet. Create one with `api \
             keys create --user NAME`, set AUTH=required to start without one, or bind to 127.0.0.1.",
            config.bind_addr
        );
        store.ensure_user(&UserRef::local()).await?;
        if access.is_keyless(&store).await? {
            tracing::warn!(
                "no API key exists: everyone on this machine is an admin of workspace `default` until you run `api keys create`"
            );
        }

        let Installation { id, relay_key } = store.installation().await?;
        let identity = Identity { installation: id, key: relay_key.into() };
        let relay = relay::start(&config.relay, store.location().file(), &identity).await?;
        let metrics = Metrics::default();
        let connections = Connections::new(ConnectionLimits::apply(config), metrics.clone());
        let hub = Hub::start(store.clone(), relay.clone(), shutdown, metrics.clone());
        let options =
            UpkeepOptions { lease: config.task_lease, retention: Retention { events: config.event_retention } };
        upkeep::spawn(&store, &relay, &storage, shutdown, options);
        upkeep::spawn_indexing(&store, shutdown);

        let import_folder = config.data_dir.join("imports");
        remove_abandoned(&import_folder);

        let bind = || format!("BIND_ADDR={}: cannot listen on this address", config.bind_addr);
        let listener = TcpListener::bind(config.bind_addr).await.with_context(bind)?;
        let address = listener.local_addr()?;
        let state = AppState::new(Parts {
            store,
            relay,
            catalog: Arc::new(catalog),
            hub,
            shutdown: shutdown.clone(),
            access,
            metrics,
            storage,
            thumbnails: Thumbnails::default(),
            uploads: Semaphore::new(MAX_UPLOADS),
            attachment_limits: config.attachment_limits,
            imports: ImportOptions { folder: import_folder, max_bytes: config.import_max_bytes },
            response_memory: ResponseMemory::new(connections.clone()),
            openapi: openapi::to_json(&router::openapi())?.into(),
            task_max_attempts: config.task_max_attempts,
        });
        Ok(Self { listener, address, connections, state })
    }

    /// Returns the address on which the api listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Prints the address to stdout and serves requests until the shutdown is complete or its grace period has elapsed.
    ///
    /// # Errors
    /// Returns an error if writing to stdout fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { listener, address, connections, state } = self;
        let mut stdout = std::io::stdout();
        // Not every browser can open an unspecified address.
        let mut shown = address;
        if shown.ip().is_unspecified() {
            shown.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        writeln!(stdout, "listening on http://{shown}")?;
        stdout.flush()?;

        let shutdown = state.shutdown.clone();
        let (store, relay) = (state.store.clone(), state.relay.clone());
        let finish = async {
            server::serve(listener, router::router(state), &connections, &shutdown).await;
            shutdown.tasks().close();
            shutdown.tasks().wait().await;
            relay.flush().await;
            store.close().await;
        };
        tokio::select! {
            () = finish => tracing::info!("drained"),
            () = shutdown.hard().cancelled() => tracing::warn!("grace period expired; unfinished requests were aborted"),
        }
        Ok(())
    }
}

/// Removes the files of imports that crashed processes left behind. Running imports have locked their files.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(file) = std::fs::File::open(entry.path()) else { continue };
        if file.try_lock().is_ok()
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            tracing::warn!(%error, file = %entry.path().display(), "failed to remove an abandoned import");
        }
    }
}

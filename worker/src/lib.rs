//! The worker, which claims tasks from the queue, runs agents, and writes the outcomes.
//!
//! [`queue`] claims tasks, [`turn`] runs one attempt with one of the [`agents`], and [`outcome`] writes the result.
//! [`attempts`] delivers stop requests and permission decisions, [`heartbeat`] keeps the lease alive, `data_folder`
//! identifies the folder that contains the agents' files, and `workplace` finds the folders in which agents work.

pub mod agents;
mod answer_files;
pub mod attempts;
mod data_folder;
pub mod doctor;
pub mod heartbeat;
pub mod outcome;
mod permissions;
pub mod queue;
mod spans;
mod steps;
pub mod supervise;
mod text;
pub mod turn;
mod workplace;

use std::{env, sync::Arc, time::Duration};

use anyhow::Context as _;
use apalis::layers::{WorkerBuilderExt as _, catch_panic::CatchPanicLayer};
use apalis::prelude::{Data, Monitor, ParallelizeExt as _, WorkerBuilder};
use banter_shared::{
    agents_file::AgentCatalog,
    attachments::Storage,
    clock::SystemClock,
    config::Config,
    count::seconds,
    id::WorkerId,
    relay::{self, Identity, SharedRelay},
    shutdown::Shutdown,
    store::{Claim, FolderReport, Installation, Retention, Store},
    upkeep::{self, UpkeepOptions},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use agents::{Registry, health, process::ProcessHost};
use attempts::RunningAttempts;
use queue::{AgentQueue, QueueParts, TaskSlot};
use turn::TurnRunner;
use workplace::{Removal, Workplace};

/// Interval between reports of the agents' health.
const HEALTH_INTERVAL: Duration = Duration::from_mins(1);
/// Interval between reports about the folders.
const FOLDER_INTERVAL: Duration = Duration::from_secs(10);
/// The timeout of an apalis task. It exceeds the longest timeout of an attempt, which is 24 hours.
const LONGEST_TURN: Duration = Duration::from_hours(25);
/// How long an apalis task may keep starting further attempts. The limit leaves enough of [`LONGEST_TURN`] for the last
/// attempt.
const LONGEST_SERIES: Duration = Duration::from_mins(30);
/// How long a claim in progress may delay stopping the monitor.
const CLAIM_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait after the grace period for all tasks to be handed back.
const HAND_BACK_LIMIT: Duration = Duration::from_secs(10);

/// A worker that is ready to run.
pub struct Worker {
    config: Config,
    id: WorkerId,
    store: Store,
    storage: Storage,
    relay: SharedRelay,
    catalog: AgentCatalog,
    shutdown: Shutdown,
}

impl Worker {
    /// Opens the store and loads the agents. Triggering `shutdown` stops everything that the worker has started.
    ///
    /// # Errors
    /// Fails if the agents file is invalid, or if the store or the relay cannot be opened.
    pub async fn build(config: Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        let catalog = AgentCatalog::load(config.agents_file.as_deref(), |name| env::var(name).ok())?;
        let store = Store::open(config.store_options(), Arc::new(SystemClock)).await?;
        tracing::info!(database = %store.location(), agents = catalog.agents().len(), "store opened");
        let storage = Storage::open(config.attachments_url.clone())
            .with_context(|| format!("ATTACHMENTS_URL={}: cannot open the storage", config.attachments_url))?;
        let Installation { id, relay_key } = store.installation().await?;
        let identity = Identity { installation: id, key: relay_key.into() };
        let relay = relay::start(&config.relay, store.location().file(), &identity).await?;
        Ok(Self { config, id: WorkerId::generate(), store, storage, relay, catalog, shutdown })
    }

    /// Processes tasks until shutdown, and then finishes the running tasks or hands them back.
    ///
    /// # Errors
    /// Fails if the agents' folders cannot be created, if the queue stops unexpectedly, or if running tasks cannot be
    /// handed back in time.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { config, id, store, storage, relay, catalog, shutdown } = self;
        let data_folder = data_folder::identify(&config.data_dir).context("cannot identify DATA_DIR")?;
        let wake = Arc::new(Notify::new());
        let running = RunningAttempts::default();
        // This token is cancelled only after the last task has ended, so that these services outlast the soft shutdown.
        let end = CancellationToken::new();
        let tasks = shutdown.tasks();
        tasks.spawn(heartbeat::run(store.clone(), id.clone(), data_folder.clone(), config.task_lease, end.clone()));
        tasks.spawn(attempts::follow(
            running.clone(),
            store.clone(),
            relay.clone(),
            id.clone(),
            Arc::clone(&wake),
            end.clone(),
        ));
        upkeep::spawn(
            &store,
            &relay,
            &storage,
            &shutdown,
            UpkeepOptions { lease: config.task_lease, retention: Retention { events: config.event_retention } },
        );
        let host = ProcessHost::new(&config.data_dir).context("cannot create the agents' folders")?;
        let workplace = Arc::new(Workplace::new(&catalog, &host));
        // Tasks in configured folders can be claimed only by workers that have reported these folders.
        report_folders(&store, &id, &workplace.report().await).await;
        tasks.spawn(report_health(store.clone(), id.clone(), catalog.clone(), Arc::clone(&workplace), end.clone()));
        let agents =
            Arc::new(Registry::from_catalog(&catalog, |name| env::var(name).ok(), &host, config.worker_concurrency));
        let removal = Removal { agents: Arc::clone(&agents), workplace: Arc::clone(&workplace) };
        tasks.spawn(removal.run(store.clone(), end.clone()));
        let runner = TurnRunner {
            store: store.clone(),
            storage,
            attachment_limits: config.attachment_limits,
            relay: relay.clone(),
            agents,
            workplace: Some(workplace),
            running: running.clone(),
            worker: id.clone(),
            data_folder,
            concurrency: config.worker_concurrency,
            shutdown: shutdown.clone(),
        };
        let parts = QueueParts {
            store: store.clone(),
            relay: relay.clone(),
            worker: id.clone(),
            running,
            wake,
            concurrency: config.worker_concurrency,
            drain: shutdown.soft().clone(),
            drained: CancellationToken::new(),
        };
        tracing::info!(worker = %id, concurrency = config.worker_concurrency, "ready");
        let result = run_queue(parts, runner, &shutdown).await;
        host.shut_down().await;
        end.cancel();
        shutdown.soft().cancel();
        shutdown.hard().cancel();
        tasks.close();
        tasks.wait().await;
        if let Err(error) = store.deregister(&id).await {
            tracing::warn!(%error, "failed to deregister; the lease will expire");
        }
        relay.flush().await;
        store.close().await;
        result
    }
}

/// Runs the queue under apalis until it is drained.
async fn run_queue(parts: QueueParts, runner: TurnRunner, shutdown: &Shutdown) -> anyhow::Result<()> {
    let drained = parts.drained.clone();
    let soft = shutdown.soft().clone();
    let hard = shutdown.hard().clone();
    let monitor = Monitor::new().register(move |_| {
        WorkerBuilder::new(parts.worker.as_str())
            .backend(AgentQueue::new(parts.clone()))
            .parallelize(tokio::spawn)
            .layer(CatchPanicLayer::new())
            .timeout(LONGEST_TURN)
            .data(runner.clone())
            .build(handle)
    });
    // The grace period is implemented by the worker, not by the monitor: at the end of the period, every turn hands
    // back its task and returns. The monitor is not stopped while a claim is in progress, because the process would
    // then keep the claimed task, without running it, until the process exits.
    let worked = monitor.run_with_signal(async move {
        soft.cancelled().await;
        let _ = timeout(CLAIM_LIMIT, drained.cancelled()).await;
        Ok(())
    });
    let too_late = async {
        hard.cancelled().await;
        sleep(HAND_BACK_LIMIT).await;
    };
    tokio::select! {
        result = worked => result.context("the queue stopped unexpectedly"),
        () = too_late => anyhow::bail!("could not return the running tasks to the queue within {}", seconds(HAND_BACK_LIMIT)),
    }
}

/// Runs a claimed task, and then each further task that was claimed when the previous task's outcome was written.
async fn handle(claim: Claim, slot: Data<TaskSlot>, runner: Data<TurnRunner>) {
    let began = Instant::now();
    let mut next = Some(claim);
    while let Some(claim) = next {
        slot.assign(claim.clone());
        next = runner.run(claim, began.elapsed() < LONGEST_SERIES).await;
    }
}

/// Reports in which folders agents can work.
async fn report_folders(store: &Store, worker: &WorkerId, found: &[FolderReport]) {
    if found.is_empty() {
        return;
    }
    if let Err(error) = store.report_folders(worker, found).await {
        tracing::warn!(%error, "failed to report the folders; retrying");
    }
}

/// Periodically reports which agents this worker considers available, and in which folders they can work.
async fn report_health(
    store: Store,
    worker: WorkerId,
    catalog: AgentCatalog,
    workplace: Arc<Workplace>,
    end: CancellationToken,
) {
    loop {
        let found = health::check(&catalog, |name| env::var(name).ok());
        if let Err(error) = store.report_agents(&worker, &found).await {
            tracing::warn!(%error, "failed to report agent health; retrying");
        }
        // The reports of a worker that was considered dead are removed, so they are repeated even if nothing has changed.
        let mut folders = workplace.report().await;
        report_folders(&store, &worker, &folders).await;
        let next_report = Instant::now() + HEALTH_INTERVAL;
        while Instant::now() < next_report {
            if end.run_until_cancelled(sleep(FOLDER_INTERVAL)).await.is_none() {
                return;
            }
            let found = workplace.report().await;
            if found != folders {
                report_folders(&store, &worker, &found).await;
                folders = found;
            }
        }
    }
}

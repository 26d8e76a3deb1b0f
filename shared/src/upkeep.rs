//! What every process does on the side, so that it is done as long as one of them lives: dead workers' tasks are taken
//! back, stops that a worker does not hear are carried out, old rows are pruned.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{LeaseWatch, Retention, Store, StoreError},
};

/// How long a worker may take to carry out a stop before another process does.
pub const STOP_PATIENCE: Duration = Duration::from_millis(700);
/// How often unheard stops are looked for.
const STOP_SWEEP: Duration = Duration::from_secs(1);
/// How often old rows are pruned.
const PRUNE_INTERVAL: Duration = Duration::from_mins(1);

/// What the side work is told.
#[derive(Clone, Copy, Debug)]
pub struct UpkeepOptions {
    /// How long a worker may be silent.
    pub lease: Duration,
    /// How long things are kept.
    pub retention: Retention,
}

/// Starts the side work; it ends with the process's soft shutdown.
pub fn spawn(store: &Store, relay: &SharedRelay, shutdown: &Shutdown, options: UpkeepOptions) {
    let tasks = shutdown.tasks();
    let end = shutdown.soft();
    tasks.spawn(reap(store.clone(), relay.clone(), options.lease, end.clone()));
    tasks.spawn(sweep_stops(store.clone(), relay.clone(), end.clone()));
    tasks.spawn(prune(store.clone(), relay.clone(), options.retention, end.clone()));
}

/// Takes back the tasks of workers that this process has itself seen silent for a lease.
async fn reap(store: Store, relay: SharedRelay, lease: Duration, end: CancellationToken) {
    let mut watch = LeaseWatch::new(lease);
    let mut ticks = interval(watch.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        // Beats are writes: while nobody can write, silence means nothing.
        let asked_at = Instant::now();
        if let Err(error) = store.check_writable().await {
            tracing::warn!(%error, "the store cannot be written; no worker is taken for dead");
            watch.forgive();
            continue;
        }
        if asked_at.elapsed() > watch.tolerance() {
            watch.forgive();
        }
        let beats = match store.list_beats().await {
            Ok(beats) => beats,
            Err(error) => {
                tracing::warn!(%error, "cannot look at the workers");
                continue;
            }
        };
        for dead in watch.observe(&beats, Instant::now()) {
            match store.reap(&dead).await {
                Ok(reaped) => {
                    tracing::warn!(worker = %dead.worker_id, tasks = reaped.value, "took over from a silent worker");
                    relay.announce(reaped.hints);
                }
                Err(error) => tracing::warn!(worker = %dead.worker_id, %error, "cannot take over yet"),
            }
        }
    }
}

async fn sweep_stops(store: Store, relay: SharedRelay, end: CancellationToken) {
    let mut ticks = interval(STOP_SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        let swept = async {
            for task_id in store.list_unheard_stops(STOP_PATIENCE).await? {
                relay.announce(store.end_unheard_stop(task_id).await?.hints);
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "cannot look for stops");
        }
    }
}

async fn prune(store: Store, relay: SharedRelay, retention: Retention, end: CancellationToken) {
    let mut ticks = interval(PRUNE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while tick(&mut ticks, &end).await {
        match store.reconcile().await {
            Ok(reconciled) => relay.announce(reconciled.hints),
            Err(error) => tracing::warn!(%error, "cannot reconcile"),
        }
        match store.prune(retention).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "pruned"),
            Err(error) => tracing::warn!(%error, "cannot prune"),
        }
    }
}

/// Waits for the next tick; false at the end.
async fn tick(ticks: &mut tokio::time::Interval, end: &CancellationToken) -> bool {
    tokio::select! {
        () = end.cancelled() => false,
        _ = ticks.tick() => true,
    }
}

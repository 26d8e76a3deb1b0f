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
    let mut last_seen = None;
    while tick(&mut ticks, &end).await {
        let looked = async { Ok::<_, StoreError>((store.list_beats().await?, store.tail_position().await?)) };
        let seen = match looked.await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "cannot look at the workers");
                continue;
            }
        };
        // Beats are writes: while nobody can write, silence means nothing. Where anything was written, there is no need
        // to ask for the lock, and make others wait for it.
        let was_written = last_seen.as_ref() != Some(&seen);
        let could_write = was_written || is_writable_at_once(&store, watch.interval()).await;
        let (beats, _) = last_seen.insert(seen);
        for dead in watch.observe(beats, Instant::now(), could_write) {
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

/// Whether the write lock can be had within this time.
async fn is_writable_at_once(store: &Store, limit: Duration) -> bool {
    let asked_at = Instant::now();
    match store.check_writable().await {
        Ok(()) => asked_at.elapsed() < limit,
        Err(error) => {
            tracing::warn!(%error, "the store cannot be written; no worker is taken for dead");
            false
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

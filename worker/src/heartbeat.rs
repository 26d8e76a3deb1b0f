//! This worker's heartbeat.

use std::time::Duration;

use banter_shared::{
    id::WorkerId,
    store::{DataFolder, Store},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Until `end` is cancelled, renews the lease five times per lease period, using a separate connection.
pub async fn run(store: Store, worker: WorkerId, folder: DataFolder, lease: Duration, end: CancellationToken) {
    let mut heartbeat = store.heartbeat(&worker, Some(folder));
    let mut ticks = interval(lease / 5);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = heartbeat.beat().await {
            tracing::warn!(%error, "heartbeat failed; retrying");
        }
    }
}

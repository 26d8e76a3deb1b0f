//! Stores the outcome of an attempt, retrying while the store fails.

use std::time::Duration;

use banter_shared::{
    chat::TaskStatus,
    id::WorkerId,
    relay::SharedRelay,
    store::{AttemptReport, Change, Claim, Store, StoreError},
};
use tokio::time::sleep;

use crate::attempts::ClaimGuard;

/// Pause after the first failed write. It doubles with each further failure, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between retries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Ends an attempt in the store, stores everything else that its report contains, and announces the change. Retries
/// until the outcome is written or the lease turns out to be lost, which means that the attempt has already been ended.
pub async fn write(store: &Store, relay: &SharedRelay, claim: &Claim, report: &AttemptReport) {
    write_and_claim(store, relay, claim, report, None).await;
}

/// Ends an attempt, as [`write()`] does. If a worker is given with its claim in progress, the first write also claims
/// the next due task for it. If that write fails, the retries write only the outcome, because a failed claim would
/// revert the outcome as well. Returns the task's new status and the next claim, if any, or `None` if the lease was
/// lost.
pub async fn write_and_claim(
    store: &Store,
    relay: &SharedRelay,
    claim: &Claim,
    report: &AttemptReport,
    mut claiming: Option<(&WorkerId, ClaimGuard)>,
) -> Option<(TaskStatus, Option<Claim>)> {
    let Claim { task_id, attempt, .. } = *claim;
    let mut pause = FIRST_PAUSE;
    loop {
        match store
            .finish_and_claim(&claim.user, task_id, attempt, report, claiming.as_ref().map(|(worker, _)| *worker))
            .await
        {
            Ok(Change { value: (status, next), hints }) => {
                tracing::info!(%task_id, attempt, status = status.as_str(), "attempt ended");
                relay.announce(hints);
                return Some((status, next));
            }
            Err(StoreError::LeaseLost) => {
                tracing::info!(%task_id, attempt, "lease lost; outcome discarded");
                return None;
            }
            Err(error) => {
                tracing::warn!(%task_id, %error, "failed to store the outcome; retrying");
                claiming = None;
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
}

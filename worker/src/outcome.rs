//! Stores the outcome of an attempt, retrying until the store accepts it.

use std::time::Duration;

use banter_shared::{
    relay::SharedRelay,
    store::{AttemptEnd, Claim, StepState, Store, StoreError},
};
use tokio::time::sleep;

/// Pause after the first failed write. It doubles with each further failure, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between write attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Ends an attempt in the store, along with any steps that have not been written yet, and announces the change. Retries
/// until the outcome is written or the lease turns out to be lost, which means that another process has ended the
/// attempt.
pub async fn write(store: &Store, relay: &SharedRelay, claim: &Claim, finish: AttemptEnd, steps: &[StepState]) {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.finish(claim.task_id, claim.attempt, finish.clone(), steps).await {
            Ok(ended) => {
                tracing::info!(task_id = %claim.task_id, attempt = claim.attempt, status = ended.value.as_str(), "attempt ended");
                return relay.announce(ended.hints);
            }
            Err(StoreError::LeaseLost) => {
                tracing::info!(task_id = %claim.task_id, attempt = claim.attempt, "lease lost; outcome discarded");
                return;
            }
            Err(error) => {
                tracing::warn!(task_id = %claim.task_id, %error, "failed to store the outcome; retrying");
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
}

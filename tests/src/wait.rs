//! Waiting for something to become true, with a deadline and without hidden sleeps.

use std::time::{Duration, Instant};

/// How long a test waits for something that has no bound of its own: long enough for a slow, shared machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at again.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `probe` has an answer, and panics with `what` when [`PATIENCE`] is over.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// Looks until `probe` has an answer, and panics with `what` when `limit` is over.
pub async fn within<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

//! Polls for a condition until a deadline.

use std::time::{Duration, Instant};

/// Default time limit for waits; long enough for a slow, shared machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polling interval.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls `probe` until it returns a value. Panics with `what` if that takes longer than [`PATIENCE`].
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// Polls `probe` until it returns a value. Panics with `what` if that takes longer than `limit`.
pub async fn within<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "timed out after {limit:?}: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

//! Handles messages without a valid signature from this installation. They are dropped, counted, and logged at most
//! once a minute.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::status::Counters;

/// The minimum time between log entries.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Counts rejected messages; see the module documentation.
#[derive(Debug)]
pub(super) struct Rejections {
    counters: Arc<Counters>,
    logged_at: Mutex<Option<Instant>>,
}

impl Rejections {
    pub(super) const fn new(counters: Arc<Counters>) -> Self {
        Self { counters, logged_at: Mutex::new(None) }
    }

    /// Counts a rejected message.
    pub(super) fn count(&self, channel: &str, now: Instant) {
        self.counters.rejected_messages.add(1);
        if self.must_log(now) {
            let total = self.counters.rejected_messages.get();
            tracing::warn!(channel, total, "rejected messages without a valid signature");
        }
    }

    fn must_log(&self, now: Instant) -> bool {
        let mut logged_at = self.logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged_at.is_none_or(|at| now.duration_since(at) >= LOG_INTERVAL);
        if is_due {
            *logged_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_at_most_once_a_minute() {
        let rejections = Rejections::new(Arc::default());
        let start = Instant::now();

        let logged: Vec<_> = [0, 1, 59, 60, 61, 119, 120]
            .map(|seconds| rejections.must_log(start + Duration::from_secs(seconds)))
            .into();

        assert_eq!(logged, [true, false, false, true, false, false, true]);
    }
}

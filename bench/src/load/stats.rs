//! Counts, measurements, and violations from a run.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use banter_tests::latency::LatencyRecorder;

/// Number of violations that are kept in full; any further ones are only counted.
const MAX_KEPT_VIOLATIONS: usize = 20;

/// The statistics for a run, shared by all users.
#[derive(Debug, Default)]
pub struct LoadStats {
    /// Latencies from sending a message to receiving the 202 response.
    pub sends: LatencyRecorder,
    /// Latencies from sending an `/echo` message to receiving the event with the task's outcome.
    pub answers: LatencyRecorder,
    /// Latencies from requesting a cancellation to receiving the event with the task's outcome.
    pub stops: LatencyRecorder,
    ended: AtomicU64,
    streams: AtomicU64,
    busy: AtomicU64,
    violations: Mutex<Vec<String>>,
    violation_count: AtomicU64,
}

/// The latencies measured in one sampling interval, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// p50 and p99 for sends.
    pub sends: (f64, f64),
    /// p50 and p99 for answers.
    pub answers: (f64, f64),
    /// p50 and p99 for cancellations.
    pub stops: (f64, f64),
}

impl LoadStats {
    /// Counts a task whose outcome has been received.
    pub fn count_answer(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a stream that was opened.
    pub fn count_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that received a 503 and is retried.
    pub fn count_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of 503 responses.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Returns the number of tasks whose outcome has been received.
    pub fn answers(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns the number of streams opened so far.
    pub fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// Records a violation.
    pub fn record_violation(&self, violation: String) {
        self.violation_count.fetch_add(1, Ordering::Relaxed);
        let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        if violations.len() < MAX_KEPT_VIOLATIONS {
            eprintln!("violation: {violation}");
            violations.push(violation);
        }
    }

    /// Returns the number of violations.
    pub fn violations(&self) -> u64 {
        self.violation_count.load(Ordering::Relaxed)
    }

    /// Takes the latencies recorded since the last call.
    pub fn take(&self) -> Figures {
        let pair = |recorder: &LatencyRecorder| {
            let latencies = recorder.take();
            (latencies.quantile_ms(0.5), latencies.quantile_ms(0.99))
        };
        Figures { sends: pair(&self.sends), answers: pair(&self.answers), stops: pair(&self.stops) }
    }
}

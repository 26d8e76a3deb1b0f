//! Counts, measurements, and violations of a run.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::measure::{Latencies, percentile};

/// Number of violations that are kept in full; the others are only counted.
const KEPT_COMPLAINTS: usize = 20;

/// Shared by all users of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// From sending a message to its 202.
    pub sends: Latencies,
    /// From sending an `/echo` to the event of its outcome.
    pub answers: Latencies,
    /// From requesting a stop to the event of its outcome.
    pub stops: Latencies,
    ended: AtomicU64,
    streams: AtomicU64,
    busy: AtomicU64,
    complaints: Mutex<Vec<String>>,
    complaint_count: AtomicU64,
}

/// The measurements of one sampling interval, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// (p50, p99) of sends.
    pub sends: (f64, f64),
    /// (p50, p99) of answers.
    pub answers: (f64, f64),
    /// (p50, p99) of stops.
    pub stops: (f64, f64),
}

impl Tally {
    /// Counts a task whose outcome has been received.
    pub fn count_answer(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an opened stream.
    pub fn count_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that was answered 503 and is retried.
    pub fn count_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of 503 responses.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Returns the number of outcomes.
    pub fn answers(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns the number of opened streams.
    pub fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// Records a violation.
    pub fn complain(&self, complaint: String) {
        self.complaint_count.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < KEPT_COMPLAINTS {
            eprintln!("complaint: {complaint}");
            complaints.push(complaint);
        }
    }

    /// Returns the number of violations.
    pub fn complaints(&self) -> u64 {
        self.complaint_count.load(Ordering::Relaxed)
    }

    /// Takes the measurements since the last call.
    pub fn take(&self) -> Figures {
        let pair = |latencies: &Latencies| {
            let sorted = latencies.take();
            (percentile(&sorted, 0.5), percentile(&sorted, 0.99))
        };
        Figures { sends: pair(&self.sends), answers: pair(&self.answers), stops: pair(&self.stops) }
    }
}

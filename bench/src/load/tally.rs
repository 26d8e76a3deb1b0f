//! What the people counted, measured, and have to complain about.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::measure::{Latencies, percentile};

/// Complaints that are kept with their words; the others are counted.
const KEPT_COMPLAINTS: usize = 20;

/// Shared by all people of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// From a send to its 202.
    pub sends: Latencies,
    /// From a send of an `/echo` to the news of its outcome on a stream.
    pub answers: Latencies,
    /// From the wish to stop to the news that it is done.
    pub stops: Latencies,
    ended: AtomicU64,
    streams: AtomicU64,
    busy: AtomicU64,
    complaints: Mutex<Vec<String>>,
    complaint_count: AtomicU64,
}

/// What was measured since the last look, in milliseconds.
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
    /// A task has its outcome, and its user has heard of it.
    pub fn count_answer(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream was opened.
    pub fn count_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered 503, and has to be sent again.
    pub fn count_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers 503 so far.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Outcomes so far.
    pub fn answers(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Streams opened so far.
    pub fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// Something that must not be.
    pub fn complain(&self, complaint: String) {
        self.complaint_count.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < KEPT_COMPLAINTS {
            eprintln!("complaint: {complaint}");
            complaints.push(complaint);
        }
    }

    /// How many complaints there are.
    pub fn complaints(&self) -> u64 {
        self.complaint_count.load(Ordering::Relaxed)
    }

    /// Takes what was measured since the last time.
    pub fn take(&self) -> Figures {
        let pair = |latencies: &Latencies| {
            let sorted = latencies.take();
            (percentile(&sorted, 0.5), percentile(&sorted, 0.99))
        };
        Figures { sends: pair(&self.sends), answers: pair(&self.answers), stops: pair(&self.stops) }
    }
}

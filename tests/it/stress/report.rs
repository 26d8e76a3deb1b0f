//! Counters and longest durations, reported at the end of a test.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The counters and longest durations for one test. Clones share the values.
#[derive(Clone, Debug)]
pub struct Report {
    test: &'static str,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    longest: Arc<Mutex<BTreeMap<&'static str, Duration>>>,
    last_number: Arc<AtomicU64>,
}

impl Report {
    /// Creates an empty report.
    pub fn new(test: &'static str) -> Self {
        Self { test, counts: Arc::default(), longest: Arc::default(), last_number: Arc::default() }
    }

    /// Increments a counter.
    pub fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// Adds to a counter.
    pub fn add(&self, what: &'static str, number: u64) {
        *self.counts.lock().unwrap().entry(what).or_default() += number;
    }

    /// Returns a unique number.
    pub fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Records a duration. Only the longest one is reported.
    pub fn time(&self, what: &'static str, time: Duration) {
        let mut longest = self.longest.lock().unwrap();
        let known = longest.entry(what).or_default();
        *known = time.max(*known);
    }

    /// Returns the value of a counter.
    pub fn get(&self, what: &str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    /// Prints the whole report at once, because tests run in parallel.
    pub fn print(&self) {
        let mut report = String::new();
        for (what, count) in &*self.counts.lock().unwrap() {
            let _ = writeln!(report, "stress: {}: {count} {what}", self.test);
        }
        for (what, time) in &*self.longest.lock().unwrap() {
            let _ = writeln!(report, "stress: {}: {:.2} s longest {what}", self.test, time.as_secs_f64());
        }
        print!("{report}");
    }
}

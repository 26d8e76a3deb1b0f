//! What was done and seen how often, for the report at a test's end.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Counts and longest times of one test; clones share them.
#[derive(Clone, Debug)]
pub struct Tally {
    test: &'static str,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    longest: Arc<Mutex<BTreeMap<&'static str, Duration>>>,
    last_number: Arc<AtomicU64>,
}

impl Tally {
    /// An empty one.
    pub fn of(test: &'static str) -> Self {
        Self { test, counts: Arc::default(), longest: Arc::default(), last_number: Arc::default() }
    }

    /// One more.
    pub fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// So many more.
    pub fn add(&self, what: &'static str, number: u64) {
        *self.counts.lock().unwrap().entry(what).or_default() += number;
    }

    /// A number that nobody else gets.
    pub fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A time, of which the longest is told.
    pub fn time(&self, what: &'static str, time: Duration) {
        let mut longest = self.longest.lock().unwrap();
        let known = longest.entry(what).or_default();
        *known = time.max(*known);
    }

    /// How many so far.
    pub fn get(&self, what: &str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    /// Prints all of it in one piece: tests run side by side.
    pub fn print(&self) {
        let mut report = String::new();
        for (what, count) in &*self.counts.lock().unwrap() {
            let _ = writeln!(report, "rounds: {}: {count} {what}", self.test);
        }
        for (what, time) in &*self.longest.lock().unwrap() {
            let _ = writeln!(report, "rounds: {}: {:.2} s longest {what}", self.test, time.as_secs_f64());
        }
        print!("{report}");
    }
}

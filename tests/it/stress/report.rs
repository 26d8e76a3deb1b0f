//! Counters and durations, reported at the end of a test.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The counters and durations for one test. Clones share the values.
#[derive(Clone, Debug)]
pub struct Report {
    test: &'static str,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    longest: Arc<Mutex<BTreeMap<&'static str, Duration>>>,
    samples: Arc<Mutex<BTreeMap<&'static str, Vec<Duration>>>>,
    last_number: Arc<AtomicU64>,
}

impl Report {
    /// Creates an empty report.
    pub fn new(test: &'static str) -> Self {
        Self {
            test,
            counts: Arc::default(),
            longest: Arc::default(),
            samples: Arc::default(),
            last_number: Arc::default(),
        }
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

    /// Records a duration. The median, the 99th percentile, and the longest one are reported.
    pub fn sample(&self, what: &'static str, time: Duration) {
        self.samples.lock().unwrap().entry(what).or_default().push(time);
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
        for (what, times) in &mut *self.samples.lock().unwrap() {
            times.sort_unstable();
            let at = |percent: usize| times[(times.len() * percent).div_ceil(100).saturating_sub(1)].as_secs_f64();
            let (test, p50, p99, longest) = (self.test, at(50), at(99), at(100));
            let _ = writeln!(report, "stress: {test}: {p50:.2} s p50, {p99:.2} s p99, {longest:.2} s longest {what}");
        }
        print!("{report}");
    }
}

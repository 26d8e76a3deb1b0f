//! When faults were about: what is promised for good days only is judged on good days only.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a fault is felt after its end, beside a lease: a backoff, and the work that has piled up.
const AFTERMATH: Duration = Duration::from_secs(3);

/// The faults that touched a process, the store or the relay. (What a proxy does to a connection is none.)
#[derive(Debug)]
pub struct Weather {
    faults: Mutex<Vec<(Instant, Option<Instant>)>>,
    aftermath: Duration,
}

impl Weather {
    /// Fair weather so far.
    pub fn new(lease: Duration) -> Self {
        Self { faults: Mutex::default(), aftermath: lease + AFTERMATH }
    }

    /// A fault begins; give the number to [`Self::end`].
    pub fn begin(&self) -> usize {
        let mut faults = self.faults.lock().unwrap();
        faults.push((Instant::now(), None));
        faults.len() - 1
    }

    /// It has ended.
    pub fn end(&self, number: usize) {
        self.faults.lock().unwrap()[number].1 = Some(Instant::now());
    }

    /// Whether no fault was felt between these times.
    pub fn was_calm(&self, from: Instant, to: Instant) -> bool {
        let faults = self.faults.lock().unwrap();
        !faults.iter().any(|(began, ended)| *began <= to && ended.is_none_or(|ended| ended + self.aftermath >= from))
    }
}

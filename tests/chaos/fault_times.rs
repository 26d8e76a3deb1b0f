//! The times of faults: guarantees for fault-free times are checked only there.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a fault has an effect after its end, in addition to a lease: a retry, and the backlog of work.
const AFTERMATH: Duration = Duration::from_secs(3);

/// The faults of a process, the store, or the relay; dropped connections do not count.
#[derive(Debug)]
pub struct FaultTimes {
    faults: Mutex<Vec<(Instant, Option<Instant>)>>,
    aftermath: Duration,
}

impl FaultTimes {
    /// Creates a record without faults.
    pub fn new(lease: Duration) -> Self {
        Self { faults: Mutex::default(), aftermath: lease + AFTERMATH }
    }

    /// Records the start of a fault; pass the returned number to [`Self::end`].
    pub fn begin(&self) -> usize {
        let mut faults = self.faults.lock().unwrap();
        faults.push((Instant::now(), None));
        faults.len() - 1
    }

    /// Records the end of a fault.
    pub fn end(&self, number: usize) {
        self.faults.lock().unwrap()[number].1 = Some(Instant::now());
    }

    /// Returns whether no fault had an effect between these times.
    pub fn was_fault_free(&self, from: Instant, to: Instant) -> bool {
        let faults = self.faults.lock().unwrap();
        !faults.iter().any(|(began, ended)| *began <= to && ended.is_none_or(|ended| ended + self.aftermath >= from))
    }
}

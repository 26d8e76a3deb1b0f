//! The times at which faults were in effect. Guarantees that hold only without faults are checked outside of them.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long the effect of a fault continues after its end, in addition to a lease, because of retries and the backlog
/// of work.
const AFTERMATH: Duration = Duration::from_secs(3);

/// The times of faults in a process, the store, or the relay. Dropped connections do not count.
#[derive(Debug)]
pub struct FaultTimes {
    faults: Mutex<Vec<(Instant, Option<Instant>)>>,
    aftermath: Duration,
}

impl FaultTimes {
    /// Creates an empty record.
    pub fn new(lease: Duration) -> Self {
        Self { faults: Mutex::default(), aftermath: lease + AFTERMATH }
    }

    /// Records the start of a fault. Pass the returned number to [`Self::end`].
    pub fn begin(&self) -> usize {
        let mut faults = self.faults.lock().unwrap();
        faults.push((Instant::now(), None));
        faults.len() - 1
    }

    /// Records the end of a fault.
    pub fn end(&self, number: usize) {
        self.faults.lock().unwrap()[number].1 = Some(Instant::now());
    }

    /// Returns whether no fault was in effect between these times.
    pub fn was_fault_free(&self, from: Instant, to: Instant) -> bool {
        let faults = self.faults.lock().unwrap();
        !faults.iter().any(|(began, ended)| *began <= to && ended.is_none_or(|ended| ended + self.aftermath >= from))
    }
}

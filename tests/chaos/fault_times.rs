//! Records when faults were in effect. Guarantees that hold only in the absence of faults are checked outside these
//! times.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// The effects of a fault may last for one lease plus this time after the fault has ended, because of retries and the
/// backlog.
const AFTERMATH: Duration = Duration::from_secs(3);

/// The times at which faults affected a process, the store, or the relay. Network faults are not recorded.
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

    /// Returns whether neither a fault nor its aftermath was in effect between these times.
    pub fn was_fault_free(&self, from: Instant, to: Instant) -> bool {
        let faults = self.faults.lock().unwrap();
        !faults.iter().any(|(began, ended)| *began <= to && ended.is_none_or(|ended| ended + self.aftermath >= from))
    }
}

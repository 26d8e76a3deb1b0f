//! Permits for a pool's processes.

use std::sync::{
    Arc,
    atomic::{AtomicIsize, Ordering},
};

/// A permit to run one process. Dropping it indicates that the process is about to exit; the process counts toward the
/// limit until it has exited.
pub(in crate::agents::acp) struct ProcessPermit {
    exiting: Arc<AtomicIsize>,
}

impl ProcessPermit {
    /// Creates a permit that increments `exiting` when it is dropped.
    pub(super) fn new(exiting: &Arc<AtomicIsize>) -> Self {
        Self { exiting: Arc::clone(exiting) }
    }
}

impl Drop for ProcessPermit {
    fn drop(&mut self) {
        self.exiting.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts a turn as waiting for a permit until the guard is dropped.
pub(super) struct WaiterGuard<'a>(&'a AtomicIsize);

impl<'a> WaiterGuard<'a> {
    /// Increments the number of waiting turns.
    pub fn new(waiting: &'a AtomicIsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for WaiterGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

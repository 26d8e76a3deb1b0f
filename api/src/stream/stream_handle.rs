//! The handle that other tasks use to wake an open stream and mark what is due on it.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    task::Waker,
};

use futures::task::AtomicWaker;

/// A heartbeat is due.
const HEARTBEAT: u8 = 1;
/// The typing events are due for renewal.
const TYPING: u8 = 1 << 1;
/// The client has accepted no data for too long.
const TOO_SLOW: u8 = 1 << 2;
/// The process is shutting down.
const DRAINING: u8 = 1 << 3;
/// The principal's key or login is no longer valid.
const REVOKED: u8 = 1 << 4;

/// Number of visits per heartbeat.
pub(super) const HEARTBEAT_VISITS: u8 = 5;
/// Number of visits after which a client that accepts no data is too slow.
pub(super) const STALL_VISITS: u8 = 10;

/// The handle of an open stream. The stream registers its waker here, and is woken when it has something to do or must
/// end.
#[derive(Debug, Default)]
pub(super) struct StreamHandle {
    waker: AtomicWaker,
    due: AtomicU8,
    /// Visits since the last heartbeat.
    visits: AtomicU8,
    /// Visits since the client stopped accepting data.
    stalled_visits: AtomicU8,
    is_stalled: AtomicBool,
    has_running_tasks: AtomicBool,
}

/// What is due on a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) heartbeat: bool,
    pub(super) typing: bool,
}

impl StreamHandle {
    /// Registers the stream's task to be woken.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    fn set(&self, flag: u8) {
        self.due.fetch_or(flag, Ordering::AcqRel);
        self.wake();
    }

    /// Marks what is due at this visit. The ticker visits each stream once per
    /// [`ROUND`](super::open_streams::ROUND).
    pub(super) fn visit(&self) {
        let mut due = 0;
        if self.visits.fetch_add(1, Ordering::Relaxed) + 1 >= HEARTBEAT_VISITS {
            self.visits.store(0, Ordering::Relaxed);
            due |= HEARTBEAT;
        }
        if self.has_running_tasks.load(Ordering::Relaxed) {
            due |= TYPING;
        }
        if self.is_stalled.load(Ordering::Relaxed)
            && self.stalled_visits.fetch_add(1, Ordering::Relaxed) + 1 >= STALL_VISITS
        {
            due |= TOO_SLOW;
        }
        if due != 0 {
            self.set(due);
        }
    }

    /// Ends the stream because the process is shutting down.
    pub(super) fn drain(&self) {
        self.set(DRAINING);
    }

    /// Ends the stream because the principal's key or login is no longer valid.
    pub(super) fn revoke(&self) {
        self.set(REVOKED);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.due.load(Ordering::Acquire) & DRAINING != 0
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.due.load(Ordering::Acquire) & REVOKED != 0
    }

    pub(super) fn is_too_slow(&self) -> bool {
        self.due.load(Ordering::Acquire) & TOO_SLOW != 0
    }

    /// Returns what is due, and marks it as done.
    pub(super) fn take_due(&self) -> Due {
        let repeated = HEARTBEAT | TYPING;
        if self.due.load(Ordering::Acquire) & repeated == 0 {
            return Due::default();
        }
        let due = self.due.fetch_and(!repeated, Ordering::AcqRel);
        Due { heartbeat: due & HEARTBEAT != 0, typing: due & TYPING != 0 }
    }

    /// Records whether there are running tasks, whose typing events must be renewed.
    pub(super) fn set_has_running_tasks(&self, has: bool) {
        self.has_running_tasks.store(has, Ordering::Relaxed);
    }

    /// Records that the client is not accepting any more data.
    pub(super) fn stall(&self) {
        self.is_stalled.store(true, Ordering::Relaxed);
    }

    /// Records that the client has accepted data.
    pub(super) fn proceed(&self) {
        self.is_stalled.store(false, Ordering::Relaxed);
        self.stalled_visits.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_due_at_every_fifth_visit() {
        let handle = StreamHandle::default();

        let due: Vec<bool> = (0..10)
            .map(|_| {
                handle.visit();
                handle.take_due().heartbeat
            })
            .collect();

        assert_eq!(due, [false, false, false, false, true, false, false, false, false, true]);
    }

    #[test]
    fn typing_is_renewed_while_tasks_run() {
        let handle = StreamHandle::default();
        handle.visit();
        assert!(!handle.take_due().typing);

        handle.set_has_running_tasks(true);
        handle.visit();

        assert!(handle.take_due().typing);
        assert_eq!(handle.take_due(), Due::default());
    }

    #[test]
    fn a_reader_is_too_slow_only_if_it_accepts_nothing() {
        let handle = StreamHandle::default();
        for _ in 0..2 {
            handle.stall();
            for _ in 1..STALL_VISITS {
                handle.visit();
            }
            assert!(!handle.is_too_slow());
            handle.proceed();
        }

        handle.stall();
        for _ in 0..STALL_VISITS {
            handle.visit();
        }

        assert!(handle.is_too_slow());
    }
}

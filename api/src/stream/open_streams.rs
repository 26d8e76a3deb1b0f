//! The open streams of a process, and the wheel on which the ticker visits them.
//!
//! The ticker visits each stream once per [`ROUND`]. The streams are distributed over the round by the time at which
//! they were opened, so that not all of them send heartbeats at once.

use std::{
    array,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use slab::Slab;
use tokio::sync::Notify;

use super::stream_handle::StreamHandle;

/// Interval between ticks.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Number of ticks per round.
const SLOTS: usize = 30;
/// Interval between visits to a stream.
pub(super) const ROUND: Duration = Duration::from_secs(3);

const _: () = assert!(TICK.as_millis() * SLOTS as u128 == ROUND.as_millis());

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct OpenStreams {
    wheel: Mutex<Wheel>,
    opened: Notify,
}

#[derive(Debug)]
struct Wheel {
    slots: [Slab<Arc<StreamHandle>>; SLOTS],
    /// The slot that the next tick visits.
    next: usize,
    is_draining: bool,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { slots: array::from_fn(|_| Slab::new()), next: 0, is_draining: false }
    }
}

impl Wheel {
    fn is_empty(&self) -> bool {
        self.slots.iter().all(Slab::is_empty)
    }
}

impl OpenStreams {
    fn wheel(&self) -> MutexGuard<'_, Wheel> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a stream, which is visited for the first time after a full round. The stream ends immediately if the
    /// process is shutting down.
    pub(super) fn add(self: &Arc<Self>, handle: &Arc<StreamHandle>) -> OpenStream {
        let mut wheel = self.wheel();
        let slot = (wheel.next + SLOTS - 1) % SLOTS;
        let key = wheel.slots[slot].insert(Arc::clone(handle));
        if wheel.is_draining {
            handle.drain();
        }
        self.opened.notify_waiters();
        OpenStream { streams: Arc::clone(self), slot, key }
    }

    /// Waits until at least one stream is open.
    pub(super) async fn any(&self) {
        loop {
            let mut opened = pin!(self.opened.notified());
            opened.as_mut().enable();
            if !self.wheel().is_empty() {
                return;
            }
            opened.await;
        }
    }

    /// Visits the streams in the next slot.
    pub(super) fn tick(&self) {
        let mut wheel = self.wheel();
        let slot = wheel.next;
        wheel.next = (slot + 1) % SLOTS;
        for (_, handle) in &wheel.slots[slot] {
            handle.visit();
        }
    }

    /// Ends all streams, including those opened later.
    pub(super) fn drain(&self) {
        let mut wheel = self.wheel();
        wheel.is_draining = true;
        for (_, handle) in wheel.slots.iter().flatten() {
            handle.drain();
        }
    }
}

/// The registration of an open stream, which ends when dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    streams: Arc<OpenStreams>,
    slot: usize,
    key: usize,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.wheel().slots[self.slot].try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_a_stream_once_per_round_starting_one_round_after_it_was_opened() {
        let (streams, handle) = (Arc::<OpenStreams>::default(), Arc::<StreamHandle>::default());
        (0..SLOTS + 7).for_each(|_| streams.tick());
        handle.set_has_running_tasks(true);
        let open = streams.add(&handle);

        let visits = (1..=3 * SLOTS)
            .filter(|_| {
                streams.tick();
                handle.take_due().typing
            })
            .collect::<Vec<_>>();

        assert_eq!(visits, [SLOTS, 2 * SLOTS, 3 * SLOTS]);
        drop(open);
        assert!(streams.wheel().is_empty());
    }

    #[tokio::test]
    async fn the_first_stream_wakes_all_waiting_tasks() {
        let streams = Arc::<OpenStreams>::default();

        let opens = async { streams.add(&Arc::default()) };

        let (.., open) = tokio::join!(streams.any(), streams.any(), opens);
        drop(open);
    }

    #[test]
    fn drains_streams_opened_before_and_after() {
        let (streams, [before, after]) = (Arc::<OpenStreams>::default(), [(); 2].map(|()| Arc::default()));
        let _before = streams.add(&before);

        streams.drain();
        let _after = streams.add(&after);

        assert!(before.is_draining() && after.is_draining());
    }
}

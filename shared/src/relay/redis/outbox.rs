//! What this process wants to publish.
//!
//! While Redis can be reached, messages leave in the order they came. Otherwise live text is dropped, since it would come
//! too late, and hints are held for [`HELD_FOR`], each once: hints are idempotent. After that, every receiver has
//! polled the database, so a hint says nothing new; it has cost its receivers up to a second, and is counted as dropped.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::Wire;
use crate::relay::{POLL_INTERVAL, status::Counters};

/// Messages that wait to be published.
const QUEUE: usize = 4096;
/// Different hints held while Redis cannot be reached.
const HELD: usize = 16_384;
/// How long a hint is held: as long as a receiver may take to find the change by itself.
const HELD_FOR: Duration = POLL_INTERVAL;

/// A message for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) channel: Arc<str>,
    pub(super) message: Wire,
    /// When it was announced.
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Whether messages can be published, as far as the publisher knows.
    is_open: bool,
    queue: VecDeque<Outgoing>,
    /// How many messages were taken and are not confirmed.
    in_flight: usize,
    /// Hints that could not be published, with the time of the last announcement.
    held: HashMap<(Arc<str>, Wire), Instant>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
    counters: Arc<Counters>,
}

impl Outbox {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        // Open, so that what is announced before the first connection is not lost.
        let state = Mutex::new(State { is_open: true, ..State::default() });
        Self { state, filled: Notify::new(), emptied: Notify::new(), counters }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message. Never waits.
    pub(super) fn push(&self, channel: Arc<str>, message: Wire) {
        self.push_at(channel, message, Instant::now());
    }

    fn push_at(&self, channel: Arc<str>, message: Wire, at: Instant) {
        let outgoing = Outgoing { channel, message, at };
        {
            let mut state = self.lock();
            if state.is_open && state.queue.len() < QUEUE {
                state.queue.push_back(outgoing);
            } else {
                self.hold(&mut state, outgoing);
            }
        }
        self.filled.notify_one();
    }

    /// Keeps a hint for later, and drops text.
    fn hold(&self, state: &mut State, Outgoing { channel, message, at }: Outgoing) {
        if matches!(message, Wire::Text(_)) {
            return self.counters.dropped_texts.add(1);
        }
        if state.held.len() >= HELD {
            self.expire(state, at);
        }
        if state.held.len() >= HELD {
            return self.counters.dropped_hints.add(1);
        }
        let last = state.held.entry((channel, message)).or_insert(at);
        *last = at.max(*last);
    }

    /// Drops hints that have been held for too long.
    fn expire(&self, state: &mut State, now: Instant) {
        let before = state.held.len();
        state.held.retain(|_, at| now.saturating_duration_since(*at) < HELD_FOR);
        self.counters.dropped_hints.add(before - state.held.len());
    }

    /// Returns when there may be something to publish.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes the next messages, those that were held first.
    pub(super) fn take(&self, most: usize) -> Vec<Outgoing> {
        self.take_at(most, Instant::now())
    }

    fn take_at(&self, most: usize, now: Instant) -> Vec<Outgoing> {
        let mut state = self.lock();
        self.expire(&mut state, now);
        if state.is_open && !state.held.is_empty() {
            for ((channel, message), at) in std::mem::take(&mut state.held) {
                state.queue.push_front(Outgoing { channel, message, at });
            }
        }
        let count = most.min(state.queue.len());
        state.in_flight = count;
        state.queue.drain(..count).collect()
    }

    /// Records that what was taken has been published.
    pub(super) fn confirm(&self) {
        self.lock().in_flight = 0;
        self.emptied.notify_waiters();
    }

    /// Returns once everything was published, held, or dropped.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            {
                let state = self.lock();
                if state.queue.is_empty() && state.in_flight == 0 {
                    return;
                }
            }
            emptied.await;
        }
    }

    /// Puts messages back that could not be published, to be taken again first.
    pub(super) fn put_back(&self, unsent: Vec<Outgoing>) {
        let mut state = self.lock();
        state.in_flight = 0;
        for outgoing in unsent.into_iter().rev() {
            state.queue.push_front(outgoing);
        }
    }

    /// Lets messages out again.
    pub(super) fn open(&self) {
        self.lock().is_open = true;
        self.filled.notify_one();
    }

    /// Redis cannot be reached: everything that waits is held or dropped.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_open = false;
        for outgoing in std::mem::take(&mut state.queue) {
            self.hold(&mut state, outgoing);
        }
        self.expire(&mut state, Instant::now());
        drop(state);
        self.emptied.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::{
        id::{MessageId, SessionId, TaskId},
        relay::LiveText,
    };

    fn outbox() -> (Outbox, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        (Outbox::new(Arc::clone(&counters)), counters)
    }

    fn text(offset: i64) -> Wire {
        let (session_id, task_id, message_id) = (SessionId::generate(), TaskId::generate(), MessageId::generate());
        Wire::Text(LiveText { session_id, task_id, attempt: 1, message_id, offset, text: "x".into() })
    }

    fn messages(outbox: &Outbox) -> Vec<Wire> {
        outbox.take(usize::MAX).into_iter().map(|outgoing| outgoing.message).collect()
    }

    #[test]
    fn messages_leave_in_the_order_they_came() {
        let (outbox, counters) = outbox();
        let sent = [Wire::Log, text(0), Wire::Log, text(1), Wire::Work];

        for message in &sent {
            outbox.push("c".into(), message.clone());
        }
        let unsent = outbox.take(3);
        outbox.put_back(unsent);

        assert_eq!(messages(&outbox), sent);
        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (0, 0));
    }

    #[test]
    fn a_closed_outbox_holds_each_hint_once_and_drops_text() {
        let (outbox, counters) = outbox();
        outbox.push("ann".into(), Wire::Log);
        outbox.push("ann".into(), text(0));

        outbox.close();
        for _ in 0..10_000 {
            outbox.push("ann".into(), Wire::Log);
            outbox.push("bob".into(), Wire::Log);
            outbox.push("bob".into(), text(0));
        }
        assert_eq!(messages(&outbox), []);
        outbox.open();

        assert_eq!(messages(&outbox), [Wire::Log, Wire::Log]);
        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (0, 10_001));
    }

    #[test]
    fn a_hint_that_every_receiver_has_found_by_polling_is_dropped_and_counted() {
        let (outbox, counters) = outbox();
        let start = Instant::now();
        outbox.close();
        outbox.push_at("ann".into(), Wire::Log, start);
        outbox.push_at("bob".into(), Wire::Log, start);
        outbox.push_at("bob".into(), Wire::Log, start + HELD_FOR / 2);

        outbox.open();
        let left = outbox.take_at(usize::MAX, start + HELD_FOR);

        assert_eq!(left.iter().map(|it| &*it.channel).collect::<Vec<_>>(), ["bob"]);
        assert_eq!(counters.dropped_hints.get(), 1);
    }

    #[tokio::test]
    async fn a_flush_waits_for_what_was_taken() {
        let (outbox, _) = outbox();
        let emptied = async |outbox: &Outbox| outbox.emptied().now_or_never().is_some();
        assert!(emptied(&outbox).await);
        outbox.push("ann".into(), Wire::Log);
        assert!(!emptied(&outbox).await);

        outbox.take(1);

        assert!(!emptied(&outbox).await);
        outbox.confirm();
        assert!(emptied(&outbox).await);
        outbox.push("ann".into(), Wire::Log);
        outbox.close();
        assert!(emptied(&outbox).await, "nothing can be published");
    }

    #[test]
    fn memory_is_bounded_and_the_excess_is_counted() {
        let (outbox, counters) = outbox();
        for number in 0..QUEUE + HELD + 7 {
            outbox.push(number.to_string().into(), Wire::Log);
        }
        outbox.push("ann".into(), text(0));

        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (7, 1));
        assert_eq!(outbox.take(usize::MAX).len(), QUEUE + HELD);
    }
}

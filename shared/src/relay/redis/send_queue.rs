//! The queue of messages to publish.
//!
//! While Redis is reachable, messages are published in order. Otherwise, live text is dropped, because it would arrive
//! too late, and hints are held for [`HELD_FOR`]. A duplicate of a held hint is not stored. After [`HELD_FOR`], a hint
//! is obsolete, because every receiver has polled the database. It is then counted as dropped, because receivers found
//! the change up to a second late.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::ChannelMessage;
use crate::relay::{POLL_INTERVAL, status::Counters};

/// The queue length at which further hints are held and further text is dropped.
const QUEUE: usize = 4096;
/// The maximum number of distinct hints to hold.
const HELD: usize = 16_384;
/// How long to hold a hint. After this time, every receiver has found the change by polling.
const HELD_FOR: Duration = POLL_INTERVAL;

/// A message for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedMessage {
    pub(super) channel: Arc<str>,
    pub(super) message: ChannelMessage,
    /// When the message was announced.
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Whether messages can be published, as last reported by the publisher.
    is_open: bool,
    queue: VecDeque<QueuedMessage>,
    /// The number of messages that were taken but not yet confirmed.
    in_flight: usize,
    /// The hints that could not be published, and when each was last announced.
    held: HashMap<(Arc<str>, ChannelMessage), Instant>,
}

/// The queue; see the module documentation.
#[derive(Debug)]
pub(super) struct SendQueue {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
    counters: Arc<Counters>,
}

impl SendQueue {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        // The queue starts open, so that messages pushed before the first connection are kept.
        let state = Mutex::new(State { is_open: true, ..State::default() });
        Self { state, filled: Notify::new(), emptied: Notify::new(), counters }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message. Never waits.
    pub(super) fn push(&self, channel: Arc<str>, message: ChannelMessage) {
        self.push_at(channel, message, Instant::now());
    }

    fn push_at(&self, channel: Arc<str>, message: ChannelMessage, at: Instant) {
        let queued = QueuedMessage { channel, message, at };
        {
            let mut state = self.lock();
            if state.is_open && state.queue.len() < QUEUE {
                state.queue.push_back(queued);
            } else {
                self.hold(&mut state, queued);
            }
        }
        self.filled.notify_one();
    }

    /// Holds a hint, or drops text.
    fn hold(&self, state: &mut State, QueuedMessage { channel, message, at }: QueuedMessage) {
        if matches!(message, ChannelMessage::Text(_)) {
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

    /// Waits until there may be messages to publish.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes the next messages, starting with held ones.
    pub(super) fn take(&self, most: usize) -> Vec<QueuedMessage> {
        self.take_at(most, Instant::now())
    }

    fn take_at(&self, most: usize, now: Instant) -> Vec<QueuedMessage> {
        let mut state = self.lock();
        self.expire(&mut state, now);
        if state.is_open && !state.held.is_empty() {
            for ((channel, message), at) in std::mem::take(&mut state.held) {
                state.queue.push_front(QueuedMessage { channel, message, at });
            }
        }
        let count = most.min(state.queue.len());
        state.in_flight = count;
        state.queue.drain(..count).collect()
    }

    /// Records that all taken messages have been published.
    pub(super) fn confirm(&self) {
        self.lock().in_flight = 0;
        self.emptied.notify_waiters();
    }

    /// Waits until every message has been published, held, or dropped.
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

    /// Puts messages that could not be published back at the front of the queue.
    pub(super) fn put_back(&self, unsent: Vec<QueuedMessage>) {
        let mut state = self.lock();
        state.in_flight = 0;
        for queued in unsent.into_iter().rev() {
            state.queue.push_front(queued);
        }
    }

    /// Resumes publishing.
    pub(super) fn open(&self) {
        self.lock().is_open = true;
        self.filled.notify_one();
    }

    /// Stops publishing because Redis is unreachable or denies access. Holds or drops all queued messages.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_open = false;
        for queued in std::mem::take(&mut state.queue) {
            self.hold(&mut state, queued);
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

    fn send_queue() -> (SendQueue, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        (SendQueue::new(Arc::clone(&counters)), counters)
    }

    fn text(offset: i64) -> ChannelMessage {
        let (session_id, task_id, message_id) = (SessionId::generate(), TaskId::generate(), MessageId::generate());
        ChannelMessage::Text(LiveText { session_id, task_id, attempt: 1, message_id, offset, text: "x".into() })
    }

    fn messages(send_queue: &SendQueue) -> Vec<ChannelMessage> {
        send_queue.take(usize::MAX).into_iter().map(|queued| queued.message).collect()
    }

    #[test]
    fn returns_messages_in_order() {
        let (send_queue, counters) = send_queue();
        let sent = [ChannelMessage::Log, text(0), ChannelMessage::Log, text(1), ChannelMessage::Work];

        for message in &sent {
            send_queue.push("c".into(), message.clone());
        }
        let unsent = send_queue.take(3);
        send_queue.put_back(unsent);

        assert_eq!(messages(&send_queue), sent);
        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (0, 0));
    }

    #[test]
    fn holds_each_hint_once_and_drops_text_while_closed() {
        let (send_queue, counters) = send_queue();
        send_queue.push("ann".into(), ChannelMessage::Log);
        send_queue.push("ann".into(), text(0));

        send_queue.close();
        for _ in 0..10_000 {
            send_queue.push("ann".into(), ChannelMessage::Log);
            send_queue.push("bob".into(), ChannelMessage::Log);
            send_queue.push("bob".into(), text(0));
        }
        assert_eq!(messages(&send_queue), []);
        send_queue.open();

        assert_eq!(messages(&send_queue), [ChannelMessage::Log, ChannelMessage::Log]);
        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (0, 10_001));
    }

    #[test]
    fn drops_and_counts_hints_after_a_polling_interval() {
        let (send_queue, counters) = send_queue();
        let start = Instant::now();
        send_queue.close();
        send_queue.push_at("ann".into(), ChannelMessage::Log, start);
        send_queue.push_at("bob".into(), ChannelMessage::Log, start);
        send_queue.push_at("bob".into(), ChannelMessage::Log, start + HELD_FOR / 2);

        send_queue.open();
        let left = send_queue.take_at(usize::MAX, start + HELD_FOR);

        assert_eq!(left.iter().map(|it| &*it.channel).collect::<Vec<_>>(), ["bob"]);
        assert_eq!(counters.dropped_hints.get(), 1);
    }

    #[tokio::test]
    async fn a_flush_waits_for_taken_messages() {
        let (send_queue, _) = send_queue();
        let emptied = async |send_queue: &SendQueue| send_queue.emptied().now_or_never().is_some();
        assert!(emptied(&send_queue).await);
        send_queue.push("ann".into(), ChannelMessage::Log);
        assert!(!emptied(&send_queue).await);

        send_queue.take(1);

        assert!(!emptied(&send_queue).await);
        send_queue.confirm();
        assert!(emptied(&send_queue).await);
        send_queue.push("ann".into(), ChannelMessage::Log);
        send_queue.close();
        assert!(emptied(&send_queue).await, "nothing can be published");
    }

    #[test]
    fn limits_the_queue_and_counts_the_excess() {
        let (send_queue, counters) = send_queue();
        for number in 0..QUEUE + HELD + 7 {
            send_queue.push(number.to_string().into(), ChannelMessage::Log);
        }
        send_queue.push("ann".into(), text(0));

        assert_eq!((counters.dropped_hints.get(), counters.dropped_texts.get()), (7, 1));
        assert_eq!(send_queue.take(usize::MAX).len(), QUEUE + HELD);
    }
}

//! One user's updates, queued for the user's streams.
//!
//! Guarantees: every stream receives the updates in order, starting with those sent after it subscribed. An update is
//! kept until every stream has received it, unless too many updates are queued. A stream that misses updates receives
//! [`Received::Lagged`] and reads the log instead.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use banter_shared::{chat::UserRef, event::Epoch, relay::FollowGuard};
use slab::Slab;

use super::{live_update::LiveUpdate, stream_handle::StreamHandle};

/// Maximum number of updates kept for the streams of one user.
const MAX_UPDATES: usize = 256;
/// Maximum total size of these updates, in bytes. The latest update is kept even if it is larger.
const MAX_BYTES: usize = 1024 * 1024;

/// One user's updates.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) user: UserRef,
    pub(super) epoch: Epoch,
    updates: Mutex<Updates>,
    subscribers: Mutex<Slab<Arc<StreamHandle>>>,
    /// Subscribes to the user's signals while the channel is open.
    _follow: FollowGuard,
}

#[derive(Debug, Default)]
struct Updates {
    queue: VecDeque<QueuedUpdate>,
    /// The position after the last update.
    end: u64,
    /// The size of the queued updates, in bytes.
    bytes: usize,
    subscribers: usize,
}

#[derive(Debug)]
struct QueuedUpdate {
    update: Arc<LiveUpdate>,
    /// The number of subscribers that have not received the update yet.
    unread: usize,
}

/// What a subscriber receives.
#[derive(Debug)]
pub(super) enum Received {
    /// The next update.
    Update(Arc<LiveUpdate>),
    /// Updates were dropped before this subscriber received them.
    Lagged,
    /// There is no update yet.
    Nothing,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Updates {
    fn start(&self) -> u64 {
        self.end - self.queue.len() as u64
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.queue.pop_front() {
            self.bytes -= oldest.update.size();
        }
    }

    /// Removes the updates at the front that every subscriber has received.
    fn trim(&mut self) {
        while self.queue.front().is_some_and(|oldest| oldest.unread == 0) {
            self.pop();
        }
        if self.queue.is_empty() {
            self.queue.shrink_to(4);
        }
    }

    fn get(&mut self, position: u64) -> Option<&mut QueuedUpdate> {
        let index = position.checked_sub(self.start())?;
        self.queue.get_mut(usize::try_from(index).ok()?)
    }
}

impl Channel {
    pub(super) fn new(user: UserRef, epoch: Epoch, follow: FollowGuard) -> Self {
        Self { user, epoch, updates: Mutex::default(), subscribers: Mutex::default(), _follow: follow }
    }

    /// Returns whether there are no subscribers.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.updates).subscribers == 0
    }

    /// Sends an update to every stream that is currently subscribed.
    pub(super) fn send(&self, update: LiveUpdate) {
        {
            let mut updates = lock(&self.updates);
            let unread = updates.subscribers;
            if unread == 0 {
                return;
            }
            updates.bytes += update.size();
            updates.queue.push_back(QueuedUpdate { update: Arc::new(update), unread });
            updates.end += 1;
            while updates.queue.len() > 1 && (updates.queue.len() > MAX_UPDATES || updates.bytes > MAX_BYTES) {
                updates.pop();
            }
        }
        for (_, handle) in &*lock(&self.subscribers) {
            handle.wake();
        }
    }

    /// Subscribes a stream, which is woken for every update.
    pub(super) fn subscribe(self: &Arc<Self>, handle: &Arc<StreamHandle>) -> Subscription {
        let key = lock(&self.subscribers).insert(Arc::clone(handle));
        let mut updates = lock(&self.updates);
        updates.subscribers += 1;
        Subscription { channel: Arc::clone(self), key, position: updates.end }
    }
}

/// A stream's subscription to its user's channel. Ends when dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    channel: Arc<Channel>,
    key: usize,
    /// The position of the next update.
    position: u64,
}

impl Subscription {
    /// Receives the next update. If updates were dropped, returns [`Received::Lagged`] once, then continues with the
    /// oldest remaining update.
    pub(super) fn receive(&mut self) -> Received {
        let mut updates = lock(&self.channel.updates);
        if self.position < updates.start() {
            self.position = updates.start();
            return Received::Lagged;
        }
        let Some(queued) = updates.get(self.position) else { return Received::Nothing };
        let update = Arc::clone(&queued.update);
        queued.unread -= 1;
        self.position += 1;
        updates.trim();
        Received::Update(update)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        {
            let mut updates = lock(&self.channel.updates);
            updates.subscribers -= 1;
            for position in self.position.max(updates.start())..updates.end {
                if let Some(queued) = updates.get(position) {
                    queued.unread -= 1;
                }
            }
            updates.trim();
        }
        lock(&self.channel.subscribers).try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> Arc<Channel> {
        let user = UserRef { workspace_id: "w".into(), user_id: "ann".into() };
        Arc::new(Channel::new(user, Epoch::from_stored("abc".into()), FollowGuard::default()))
    }

    fn send(channel: &Channel, seq: i64) {
        channel.send(LiveUpdate::LogOnly { seq });
    }

    fn seq(received: &Received) -> i64 {
        match received {
            Received::Update(update) => match **update {
                LiveUpdate::LogOnly { seq } => seq,
                ref other => panic!("{other:?}"),
            },
            Received::Lagged => -1,
            Received::Nothing => 0,
        }
    }

    #[test]
    fn every_subscriber_receives_every_update_sent_after_it_subscribed() {
        let (channel, handle) = (channel(), Arc::default());
        let mut first = channel.subscribe(&handle);
        send(&channel, 1);
        let mut second = channel.subscribe(&handle);
        send(&channel, 2);

        assert_eq!([(); 3].map(|()| seq(&first.receive())), [1, 2, 0]);
        assert_eq!(lock(&channel.updates).queue.len(), 1, "kept for the second subscriber");
        assert_eq!([(); 2].map(|()| seq(&second.receive())), [2, 0]);
        assert!(lock(&channel.updates).queue.is_empty());
    }

    #[test]
    fn a_subscriber_that_falls_behind_continues_with_the_oldest_update() {
        let (channel, handle) = (channel(), Arc::default());
        let mut slow = channel.subscribe(&handle);

        for number in 1..=MAX_UPDATES + 5 {
            send(&channel, i64::try_from(number).unwrap());
        }

        assert_eq!([(); 3].map(|()| seq(&slow.receive())), [-1, 6, 7]);
    }

    #[test]
    fn drops_updates_once_nobody_is_left_to_receive_them() {
        let (channel, handle) = (channel(), Arc::default());
        let mut first = channel.subscribe(&handle);
        let second = channel.subscribe(&handle);
        send(&channel, 1);
        send(&channel, 2);
        first.receive();

        drop(second);
        assert_eq!(lock(&channel.updates).queue.len(), 1);
        drop(first);

        assert!(lock(&channel.updates).queue.is_empty() && channel.is_idle());
        assert!(lock(&channel.subscribers).is_empty());
        send(&channel, 3);
        assert!(lock(&channel.updates).queue.is_empty());
    }
}

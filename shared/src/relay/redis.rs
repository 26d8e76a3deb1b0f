//! The relay over Redis pub/sub, for processes on any number of machines that share one database.
//!
//! Nothing waits for Redis, except for a new stream and an exiting process, which wait for at most half a second. While
//! Redis is unavailable, receivers find changes by polling the database. Both connections are restored within two
//! seconds after Redis becomes available again, and receivers get [`Reconnected`](super::Signal::Reconnected). A hint
//! that is not published is counted as dropped, unless it duplicates another hint. Nothing is stored in Redis.
//!
//! | module | contents |
//! |---|---|
//! | [`address`] | parsing of `REDIS_URL` and `REDIS_CA_FILE` |
//! | [`followed_users`] | the followed users and the subscriptions to their channels |
//! | [`send_queue`] | the queue of messages to publish |
//! | [`publisher`], [`subscriber`] | one connection each, including its recovery |
//! | [`connection`] | timeouts, backoff, and the classification of errors |
//!
//! The names of channels start with `banter:<installation>:`. There is one channel per user for events and text, one
//! for jobs, one for stop requests and permission decisions, and one for probes. Every message except a probe is
//! [signed](super::key).

mod address;
mod connection;
mod followed_users;
mod publisher;
mod send_queue;
mod subscriber;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{
    FollowGuard, Hints, Identity, LiveText, Relay, TextIntervals,
    rejections::Rejections,
    signals::{SignalSender, Signals},
    status::{Counters, Link, RelayStatus},
};
use crate::{chat::UserRef, id::TaskId};
use followed_users::FollowedUsers;
use publisher::Publisher;
use send_queue::SendQueue;
use subscriber::Subscriber;

pub use address::{AddressError, RedisAddress, URL_FORMS};

/// How long a new stream waits for the subscription to its user's channel before it relies on polling.
const FOLLOW_LIMIT: Duration = Duration::from_millis(200);
/// How long an exiting process waits for its last messages to be published.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);
/// How long text is collected before it is published.
const PUBLISHED: Duration = Duration::from_millis(30);
/// How long text is collected before it is stored. A stream that missed published text receives it with this delay.
const STORED: Duration = Duration::from_millis(250);

/// A message on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelMessage {
    /// On a user's channel: the user's log has grown.
    Log,
    /// On a user's channel: live text.
    Text(LiveText),
    /// On the channel for jobs: a job became runnable.
    Work,
    /// On the channel for stops: a stop was requested for a running task.
    Stop(TaskId),
    /// On the channel for stops: a running task's permission request was answered.
    Decided(TaskId),
}

impl ChannelMessage {
    /// Returns whether receivers in the sending process have already been notified.
    const fn is_known_to_sender(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// A message with its sender.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope<M> {
    /// Identifies the relay that sent the message.
    sender: Uuid,
    message: M,
}

/// The names of an installation's channels.
#[derive(Clone, Debug)]
struct ChannelNames {
    prefix: String,
}

impl ChannelNames {
    fn user(&self, user: &UserRef) -> Arc<str> {
        // The length prefix distinguishes user `c` of workspace `a/b` from user `b/c` of workspace `a`.
        format!("{}:user:{}:{}/{}", self.prefix, user.workspace_id.len(), user.workspace_id, user.user_id).into()
    }

    fn work(&self) -> Arc<str> {
        format!("{}:work", self.prefix).into()
    }

    fn stops(&self) -> Arc<str> {
        format!("{}:stops", self.prefix).into()
    }

    /// Returns the channel for probes, which has no subscribers.
    fn probe(&self) -> Arc<str> {
        format!("{}:probe", self.prefix).into()
    }
}

/// The Redis relay; see the module documentation.
#[derive(Debug)]
pub struct RedisRelay {
    channels: ChannelNames,
    signals: SignalSender,
    send_queue: Arc<SendQueue>,
    followed_users: Arc<FollowedUsers>,
    counters: Arc<Counters>,
    subscriber: Arc<Link>,
    publisher: Arc<Link>,
    /// Stops the publisher and the subscriber when dropped.
    _stop: DropGuard,
}

impl RedisRelay {
    /// Starts connecting, without waiting for the connections.
    #[must_use]
    pub fn start(address: &RedisAddress, identity: &Identity) -> Self {
        let channels = ChannelNames { prefix: format!("banter:{}", identity.installation) };
        let signals = SignalSender::new();
        let counters = Arc::<Counters>::default();
        let send_queue = Arc::new(SendQueue::new(Arc::clone(&counters)));
        let followed_users = Arc::<FollowedUsers>::default();
        let (subscriber, publisher) = (Arc::new(Link::new("subscriber")), Arc::new(Link::new("publisher")));
        let stop = CancellationToken::new();
        let sender = Uuid::now_v7();
        let publishing = Publisher {
            client: address.client().clone(),
            key: identity.key.clone(),
            sender,
            send_queue: Arc::clone(&send_queue),
            link: Arc::clone(&publisher),
            probe: channels.probe(),
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(publishing.run()));
        let subscribing = Subscriber {
            client: address.client().clone(),
            key: identity.key.clone(),
            sender,
            channels: channels.clone(),
            signals: signals.clone(),
            followed_users: Arc::clone(&followed_users),
            link: Arc::clone(&subscriber),
            rejections: Rejections::new(Arc::clone(&counters)),
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(subscribing.run()));
        Self {
            channels,
            signals,
            send_queue,
            followed_users,
            counters,
            subscriber,
            publisher,
            _stop: stop.drop_guard(),
        }
    }
}

#[async_trait]
impl Relay for RedisRelay {
    fn announce(&self, hints: Hints) {
        for user in &hints.users {
            self.send_queue.push(self.channels.user(user), ChannelMessage::Log);
        }
        if hints.wake_workers {
            self.send_queue.push(self.channels.work(), ChannelMessage::Work);
        }
        for task_id in &hints.stops {
            self.send_queue.push(self.channels.stops(), ChannelMessage::Stop(*task_id));
        }
        for task_id in &hints.decisions {
            self.send_queue.push(self.channels.stops(), ChannelMessage::Decided(*task_id));
        }
        // Receivers in this process do not need to wait for Redis.
        self.signals.send_hints(hints);
    }

    fn publish_text(&self, user: &UserRef, text: LiveText) {
        self.send_queue.push(self.channels.user(user), ChannelMessage::Text(text));
    }

    fn signals(&self) -> Signals {
        self.signals.subscribe()
    }

    async fn follow(&self, user: &UserRef) -> FollowGuard {
        let (follower, mut is_subscribed) = self.followed_users.add(self.channels.user(user), user);
        let _ = timeout(FOLLOW_LIMIT, is_subscribed.wait_for(|is_subscribed| *is_subscribed)).await;
        FollowGuard::new(follower)
    }

    fn follow_work(&self) -> FollowGuard {
        FollowGuard::default()
    }

    fn text_intervals(&self) -> TextIntervals {
        TextIntervals { stored: STORED, published: Some(PUBLISHED) }
    }

    fn status(&self) -> RelayStatus {
        RelayStatus {
            subscriber: self.subscriber.get(),
            publisher: self.publisher.get(),
            pending_subscriptions: self.followed_users.pending(),
            dropped_hints: self.counters.dropped_hints.get(),
            dropped_texts: self.counters.dropped_texts.get(),
            lagged_signals: self.signals.lagged(),
            rejected_messages: self.counters.rejected_messages.get(),
        }
    }

    async fn flush(&self) {
        let _ = timeout(FLUSH_LIMIT, self.send_queue.emptied()).await;
    }
}

//! Receives messages from other processes.
//!
//! Subscriptions are derived from [`FollowedUsers`]. After connecting, the subscriber subscribes to the channels of all
//! followed users. Whenever the followed users change, it adjusts its subscriptions while messages keep arriving.

use std::{future::pending, sync::Arc};

use ::redis::{
    Client, RedisError, RedisResult, Value,
    aio::{PubSubSink, PubSubStream},
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Fuse, FusedFuture as _},
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::{
    ChannelMessage, ChannelNames, Envelope,
    connection::{Backoff, answer, is_answer, state_after},
    followed_users::{FollowedUsers, SubscriptionChange},
};
use crate::relay::{POLL_INTERVAL, RelayKey, Signal, rejections::Rejections, signals::SignalSender, status::Link};

/// The subscriber; see the module documentation.
pub(super) struct Subscriber {
    pub(super) client: Client,
    pub(super) key: RelayKey,
    /// Identifies this relay's own messages.
    pub(super) sender: Uuid,
    pub(super) channels: ChannelNames,
    pub(super) signals: SignalSender,
    pub(super) followed_users: Arc<FollowedUsers>,
    pub(super) link: Arc<Link>,
    pub(super) rejections: Rejections,
}

/// A command that Redis has completed.
enum Completion {
    Changed(SubscriptionChange),
    Answered,
}

/// A request in progress; there is at most one.
type Request = Fuse<BoxFuture<'static, RedisResult<Completion>>>;

impl Subscriber {
    /// Receives messages until the future is dropped.
    pub(super) async fn run(self) {
        let mut backoff = Backoff::new();
        loop {
            let connected = self.connect().await;
            let was_connected = connected.is_ok();
            let error = match connected {
                Ok((sink, stream)) => self.listen(sink, stream).await,
                Err(error) => error,
            };
            self.followed_users.disconnected();
            self.link.failed(state_after(&error), &error);
            backoff.wait(was_connected).await;
        }
    }

    /// Connects and subscribes to the channels that every process needs.
    async fn connect(&self) -> RedisResult<(PubSubSink, PubSubStream)> {
        let (mut sink, stream) = answer(self.client.get_async_pubsub()).await?.split();
        answer(sink.subscribe(names(&[self.channels.work(), self.channels.stops()]))).await?;
        Ok((sink, stream))
    }

    /// Forwards messages until the connection ends or Redis stops responding. Checks regularly whether Redis responds,
    /// because connections stay open while Redis is frozen.
    async fn listen(&self, sink: PubSubSink, mut stream: PubSubStream) -> RedisError {
        self.link.connected();
        let mut is_caught_up = false;
        let mut request: Request = Fuse::terminated();
        let mut checks = interval(POLL_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if request.is_terminated() {
                if let Some(change) = self.followed_users.next_change() {
                    request = send_change(sink.clone(), change).boxed().fuse();
                } else if !is_caught_up {
                    is_caught_up = true;
                    self.signals.send(Signal::Reconnected);
                }
            }
            let is_idle = request.is_terminated();
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.pass_on(message.get_channel_name(), message.get_payload_bytes()),
                    None => return std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
                },
                done = async { if is_idle { pending().await } else { (&mut request).await } } => match done {
                    Ok(Completion::Changed(change)) => self.record(change),
                    Ok(Completion::Answered) => {}
                    Err(error) => return error,
                },
                () = self.followed_users.changed(), if is_idle => {}
                _ = checks.tick(), if is_idle => request = check(sink.clone()).boxed().fuse(),
            }
        }
    }

    /// Records confirmed subscriptions. Makes receivers read the users' logs once, to find changes that were published
    /// before the subscription was confirmed.
    fn record(&self, change: SubscriptionChange) {
        match change {
            SubscriptionChange::Subscribe(channels) => {
                for user in self.followed_users.subscribed(&channels) {
                    self.signals.send(Signal::Log(user));
                }
            }
            SubscriptionChange::Unsubscribe(_) => {}
        }
    }

    fn pass_on(&self, channel: &str, sealed: &[u8]) {
        let Some(message) = self.key.open(channel, sealed) else {
            return self.rejections.count(channel, Instant::now());
        };
        let Envelope { sender, message }: Envelope<ChannelMessage> = match serde_json::from_slice(message) {
            Ok(envelope) => envelope,
            // The message is signed but has an unknown format: it was sent by another version.
            Err(error) => {
                tracing::debug!(%error, channel, "cannot decode a message");
                return self.signals.send(Signal::Changed);
            }
        };
        if sender == self.sender && message.is_known_to_sender() {
            return;
        }
        let signal = match message {
            ChannelMessage::Work => Some(Signal::WakeWorkers),
            ChannelMessage::Stop(task_id) => Some(Signal::Stop(task_id)),
            ChannelMessage::Decided(task_id) => Some(Signal::Decided(task_id)),
            ChannelMessage::Log => self.followed_users.user_of(channel).map(Signal::Log),
            ChannelMessage::Text(text) => {
                self.followed_users.user_of(channel).map(|user| Signal::Text(user, Arc::new(text)))
            }
        };
        if let Some(signal) = signal {
            self.signals.send(signal);
        }
    }
}

fn names(channels: &[Arc<str>]) -> Vec<&str> {
    channels.iter().map(|channel| &**channel).collect()
}

async fn send_change(mut sink: PubSubSink, change: SubscriptionChange) -> RedisResult<Completion> {
    match &change {
        SubscriptionChange::Subscribe(channels) => answer(sink.subscribe(names(channels))).await?,
        SubscriptionChange::Unsubscribe(channels) => answer(sink.unsubscribe(names(channels))).await?,
    }
    Ok(Completion::Changed(change))
}

/// Sends a PING. An error from Redis also counts as an answer, because the Redis user may not have permission for PING.
async fn check(mut sink: PubSubSink) -> RedisResult<Completion> {
    match answer(sink.ping::<Value>()).await {
        Err(error) if !is_answer(&error) => Err(error),
        Ok(_) | Err(_) => Ok(Completion::Answered),
    }
}

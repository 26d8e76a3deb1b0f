//! Listens to what other processes tell.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ::redis::{
    Client,
    aio::{PubSubSink, PubSubStream},
};
use futures::StreamExt as _;
use tokio::{
    sync::{broadcast, mpsc},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{ANSWER_LIMIT, Channels, Command, FIRST_PAUSE, Followed, LONGEST_PAUSE, Signal, Wire, lock};
use crate::{chat::UserRef, relay::POLL_INTERVAL};

/// Listens, and connects again whenever the connection is lost.
pub(super) struct Subscriber {
    pub(super) client: Client,
    pub(super) channels: Channels,
    pub(super) signals: broadcast::Sender<Signal>,
    pub(super) followed: Followed,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) is_connected: Arc<AtomicBool>,
}

impl Subscriber {
    /// Listens until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let mut was_away = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                connected = self.connect() => match connected {
                    Some((sink, stream)) => {
                        tracing::info!(again = was_away, "connected to Redis");
                        if was_away {
                            let _ = self.signals.send(Signal::Healed);
                        }
                        pause = FIRST_PAUSE;
                        self.is_connected.store(true, Ordering::Relaxed);
                        tokio::select! {
                            () = stop.cancelled() => return,
                            () = self.listen(sink, stream) => {}
                        }
                        self.is_connected.store(false, Ordering::Relaxed);
                        tracing::warn!("Redis is away; looking for changes once a second");
                    }
                    None if !was_away => tracing::warn!("cannot connect to Redis; looking for changes once a second"),
                    None => {}
                },
            }
            was_away = true;
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => pause = (2 * pause).min(LONGEST_PAUSE),
            }
        }
    }

    /// Connects and subscribes to all that is followed; `None` if Redis does not answer in time.
    async fn connect(&mut self) -> Option<(PubSubSink, PubSubStream)> {
        let connecting = timeout(ANSWER_LIMIT, self.client.get_async_pubsub()).await;
        let (mut sink, stream) =
            connecting.ok()?.inspect_err(|error| tracing::debug!(%error, "no Redis")).ok()?.split();
        let mut names = vec![self.channels.work(), self.channels.stops()];
        names.extend(lock(&self.followed).keys().map(|user| self.channels.user(user)));
        timeout(ANSWER_LIMIT, sink.subscribe(names)).await.ok()?.ok()?;
        Some((sink, stream))
    }

    /// Passes on what arrives, until the connection ends or Redis does not answer: one that is frozen ends nothing.
    async fn listen(&mut self, mut sink: PubSubSink, mut stream: PubSubStream) {
        let mut check = interval(POLL_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.pass_on(message.get_channel_name(), message.get_payload_bytes()),
                    None => return,
                },
                Some(command) = self.commands.recv() => if !self.obey(&mut sink, command).await {
                    return;
                },
                _ = check.tick() => if !matches!(timeout(ANSWER_LIMIT, sink.ping::<()>()).await, Ok(Ok(()))) {
                    return;
                },
            }
        }
    }

    /// Changes what is subscribed; false if Redis does not answer.
    async fn obey(&self, sink: &mut PubSubSink, command: Command) -> bool {
        match command {
            Command::Follow(user, done) => {
                let subscribed = timeout(ANSWER_LIMIT, sink.subscribe(self.channels.user(&user))).await;
                let is_subscribed = matches!(subscribed, Ok(Ok(())));
                if is_subscribed {
                    // Who asked may have stopped waiting.
                    let _ = done.send(());
                }
                is_subscribed
            }
            Command::Forget(user) => {
                if lock(&self.followed).contains_key(&user) {
                    return true;
                }
                matches!(timeout(ANSWER_LIMIT, sink.unsubscribe(self.channels.user(&user))).await, Ok(Ok(())))
            }
        }
    }

    fn pass_on(&self, channel: &str, payload: &[u8]) {
        let signal = match serde_json::from_slice(payload) {
            Ok(Wire::Work) => Some(Signal::WakeWorkers),
            Ok(Wire::Stop(task_id)) => Some(Signal::Stop(task_id)),
            Ok(Wire::Decided(task_id)) => Some(Signal::Decided(task_id)),
            Ok(Wire::Log) => self.user_of(channel).map(Signal::Log),
            Ok(Wire::Text(text)) => self.user_of(channel).map(|user| Signal::Text(user, Arc::new(text))),
            // Of a newer version, or not ours.
            Err(error) => {
                tracing::debug!(%error, channel, "not understood");
                None
            }
        };
        if let Some(signal) = signal {
            let _ = self.signals.send(signal);
        }
    }

    fn user_of(&self, channel: &str) -> Option<UserRef> {
        lock(&self.followed).keys().find(|user| self.channels.user(user) == channel).cloned()
    }
}

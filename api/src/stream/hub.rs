//! The hub: tails the event log once for all open streams of this process, and distributes each user's events.
//!
//! Guarantees: every change committed after a stream has subscribed reaches its channel in order, as a frame or as a
//! hint to read the log. A stream that falls behind its channel receives `Lagged`, and reads the log. The capacity of
//! the channel limits how much is kept for a slow reader.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banter_shared::{
    chat::UserRef,
    event::Cursor,
    relay::{FollowGuard, LiveText, POLL_INTERVAL, SharedRelay, Signal},
    shutdown::Shutdown,
    store::{ChunkRow, ReplayStart, Store, StoreError, StoredChunk, Tail, TailPosition},
};
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

use super::{
    channels::Channels,
    frame,
    live_update::{LiveUpdate, TaskChange},
};
use crate::metrics::Metrics;

/// Maximum size of a frame that is kept for streams, in bytes; streams read larger events from the log.
const MAX_FRAME_BYTES: usize = 32 * 1024;
/// Pause after a failed read.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// The subscription of a stream to the hub.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) live: broadcast::Receiver<Arc<LiveUpdate>>,
    /// Ends the subscription on drop.
    _follow: FollowGuard,
}

/// The hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(super) store: Store,
    relay: SharedRelay,
    pub(super) shutdown: Shutdown,
    pub(super) metrics: Metrics,
    channels: Arc<Mutex<Channels>>,
    /// The position up to which the hub has read the log; `None` while there are no streams.
    position: Arc<tokio::sync::Mutex<Option<TailPosition>>>,
}

impl Hub {
    /// Creates the hub, and tails the log until the process is draining.
    #[must_use]
    pub fn start(store: Store, relay: SharedRelay, shutdown: &Shutdown, metrics: Metrics) -> Self {
        let (channels, position) = (Arc::default(), Arc::default());
        let hub = Self { store, relay, shutdown: shutdown.clone(), metrics, channels, position };
        shutdown.tasks().spawn(hub.clone().run());
        hub
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to a user's events. There is no gap between the state that is read from the store afterward and the
    /// first event.
    pub(super) async fn subscribe(&self, user: &UserRef, start: &ReplayStart) -> Result<Subscription, StoreError> {
        let follow = self.relay.follow(user).await;
        let live = self.channels().open(user, start).sender.subscribe();
        // The hub starts at a position before that of the stream's read.
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(self.store.tail_position().await?);
        }
        Ok(Subscription { live, _follow: follow })
    }

    async fn run(self) {
        let mut signals = self.relay.signals();
        loop {
            // One read serves all signals received so far, but text that arrived after a signal is forwarded only after
            // the read for that signal.
            let mut pending = PendingWork::default();
            tokio::select! {
                () = self.shutdown.soft().cancelled() => return,
                signal = timeout(POLL_INTERVAL, signals.recv()) => match signal {
                    Ok(None) => return,
                    Ok(Some(signal)) => self.handle_signal(signal, &mut pending).await,
                    Err(_) => pending.read = true,
                },
            }
            while let Some(signal) = signals.try_recv() {
                self.handle_signal(signal, &mut pending).await;
            }
            self.perform(&mut pending).await;
        }
    }

    /// Forwards live text, and records the work that other signals request.
    async fn handle_signal(&self, signal: Signal, pending: &mut PendingWork) {
        match signal {
            Signal::Changed => pending.read = true,
            Signal::Log(user) => pending.read |= self.channels().of_user(&user).is_some(),
            Signal::Reconnected => *pending = PendingWork { read: true, resend: true },
            Signal::Text(user, text) => {
                // The event that starts a task precedes its text.
                self.perform(pending).await;
                if let Some(channel) = self.channels().of_user(&user) {
                    let _ = channel.sender.send(Arc::new(LiveUpdate::Text(text)));
                }
            }
            Signal::WakeWorkers | Signal::Stop(_) | Signal::Decided(_) => {}
        }
    }

    /// Performs the pending work that signals have requested.
    async fn perform(&self, pending: &mut PendingWork) {
        let PendingWork { read, resend } = std::mem::take(pending);
        if read && let Err(error) = self.read_tail().await {
            tracing::warn!(%error, "failed to tail the event log; retrying");
            sleep(ERROR_PAUSE).await;
        }
        if resend {
            for channel in self.channels().by_log.values() {
                let _ = channel.sender.send(Arc::new(LiveUpdate::SignalsLost));
            }
        }
    }

    /// Reads new events and distributes them.
    async fn read_tail(&self) -> Result<(), StoreError> {
        let mut position = self.position.lock().await;
        self.channels().prune();
        if self.channels().by_log.is_empty() {
            *position = None;
            return Ok(());
        }
        while let Some(from) = *position {
            let tail = self.store.read_tail(from, |log_id| self.channels().get(log_id).is_some()).await?;
            *position = Some(tail.position);
            let has_more = tail.has_more;
            self.distribute(tail);
            if !has_more {
                break;
            }
        }
        Ok(())
    }

    fn distribute(&self, tail: Tail) {
        let channels = self.channels();
        for row in tail.rows {
            let Some(channel) = channels.get(row.user_log_id) else { continue };
            let seq = row.seq;
            let rendered = row.event.and_then(|event| {
                let cursor = Cursor { epoch: channel.epoch.clone(), seq };
                let frame = frame::encode(Some(&cursor), &event).ok().filter(|frame| frame.len() <= MAX_FRAME_BYTES)?;
                let (session_id, task_change) = (event.chat_session_id, TaskChange::of(event.data));
                Some(LiveUpdate::Event { seq, session_id, task_change, frame })
            });
            // This fails only if the last stream has just closed.
            let _ = channel.sender.send(Arc::new(rendered.unwrap_or(LiveUpdate::LogOnly { seq })));
        }
        for chunk in tail.chunks {
            if let Some(channel) = channels.get(chunk.user_log_id) {
                let _ = channel.sender.send(Arc::new(LiveUpdate::Text(Arc::new(live_text(chunk)))));
            }
        }
        for step in tail.steps {
            if let Some(channel) = channels.get(step.user_log_id) {
                let _ = channel.sender.send(Arc::new(LiveUpdate::Step(Box::new(step))));
            }
        }
    }
}

/// The pending work that signals have requested.
#[derive(Clone, Copy, Debug, Default)]
struct PendingWork {
    /// Read new events.
    read: bool,
    /// Send the output of running tasks again on every stream.
    resend: bool,
}

/// Returns a stored chunk as if it had arrived over the relay.
fn live_text(ChunkRow { session_id, message_id, chunk, .. }: ChunkRow) -> LiveText {
    let StoredChunk { task_id, attempt, start_offset: offset, text } = chunk;
    LiveText { session_id, task_id, attempt, message_id, offset, text }
}

//! The hub: tails the event log once for all open streams of this process, and distributes each user's events.
//!
//! Guarantees: every change committed after a stream has subscribed reaches its channel in order, as a frame or as a
//! hint to read the log. A stream that falls behind its channel receives `Lagged`, and reads the log. The channel's
//! bound limits what is kept for a slow reader.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banter_shared::{
    chat::{Task, UserRef},
    event::{Cursor, Epoch, EventData},
    id::SessionId,
    relay::{Follow, LiveText, POLL_INTERVAL, SharedRelay, Signal},
    shutdown::Shutdown,
    store::{ChunkRow, ReplayStart, StepRow, Store, StoreError, StoredChunk, Tail, TailPosition},
};
use bytes::Bytes;
use tokio::{
    sync::broadcast,
    time::{sleep, timeout},
};

use super::frame;
use crate::metrics::Metrics;

/// Number of updates kept for the streams of one user; a stream that falls further behind reads the log.
const CHANNEL_EVENTS: usize = 256;
/// Maximum size of a frame that is kept for streams, in bytes; they read larger events from the log.
const LONGEST_KEPT: usize = 32 * 1024;
/// Pause after a failed read.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// An update that the hub sends to the streams of a user.
#[derive(Debug)]
pub(super) enum Live {
    /// An event of the log.
    Event {
        /// The number of the event.
        seq: i64,
        /// The session that it belongs to.
        session_id: Option<SessionId>,
        /// The change to tasks of the session, if any.
        news: Option<TaskNews>,
        /// The encoded event, shared by all streams.
        frame: Bytes,
    },
    /// An event that must be read from the log.
    Grown {
        /// The number of the event.
        seq: i64,
    },
    /// More text of a running answer.
    Text(Arc<LiveText>),
    /// A new or changed step.
    Step(Box<StepRow>),
    /// Signals were lost, so the output of running tasks must be sent again.
    Healed,
}

/// A change to the tasks of a session.
#[derive(Debug)]
pub(super) enum TaskNews {
    /// A task was created or changed.
    Updated {
        /// The task after the change.
        task: Box<Task>,
        /// The agent of its session.
        agent_key: String,
    },
    /// All tasks were deleted with the session.
    AllGone,
}

impl TaskNews {
    fn of(data: EventData) -> Option<Self> {
        match data {
            EventData::TaskUpdated { task, session } => Some(Self::Updated { task, agent_key: session.agent_key }),
            EventData::SessionDeleted => Some(Self::AllGone),
            _ => None,
        }
    }
}

/// The open streams of one user.
#[derive(Debug)]
struct Channel {
    user: UserRef,
    epoch: Epoch,
    sender: broadcast::Sender<Arc<Live>>,
}

/// The channels, by log id and by user.
#[derive(Debug, Default)]
struct Channels {
    by_log: HashMap<i64, Channel>,
    logs: HashMap<UserRef, i64>,
}

impl Channels {
    fn get(&self, log_id: i64) -> Option<&Channel> {
        self.by_log.get(&log_id)
    }

    fn of_user(&self, user: &UserRef) -> Option<&Channel> {
        self.by_log.get(self.logs.get(user)?)
    }

    /// Returns the channel of a user, and creates it if necessary.
    fn open(&mut self, user: &UserRef, start: &ReplayStart) -> &Channel {
        self.logs.insert(user.clone(), start.user_log_id);
        self.by_log.entry(start.user_log_id).or_insert_with(|| Channel {
            user: user.clone(),
            epoch: start.cursor.epoch.clone(),
            sender: broadcast::channel(CHANNEL_EVENTS).0,
        })
    }

    /// Removes the channels without receivers.
    fn prune(&mut self) {
        let logs = &mut self.logs;
        self.by_log.retain(|_, channel| {
            let is_open = channel.sender.receiver_count() > 0;
            if !is_open {
                logs.remove(&channel.user);
            }
            is_open
        });
    }
}

/// The subscription of a stream to the hub.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) live: broadcast::Receiver<Arc<Live>>,
    /// Ends the subscription on drop.
    _follow: Follow,
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

    /// Subscribes to a user's events. Whatever is read from the store afterward leaves no gap before them.
    pub(super) async fn subscribe(&self, user: &UserRef, start: &ReplayStart) -> Result<Subscription, StoreError> {
        let follow = self.relay.follow(user).await;
        let live = self.channels().open(user, start).sender.subscribe();
        // The hub starts at a position that precedes the stream's own read.
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(self.store.tail_position().await?);
        }
        Ok(Subscription { live, _follow: follow })
    }

    async fn run(self) {
        let mut signals = self.relay.signals();
        loop {
            // One read serves all signals received so far, but the read for a signal never follows text received later.
            let mut asked = Asked::default();
            tokio::select! {
                () = self.shutdown.soft().cancelled() => return,
                signal = timeout(POLL_INTERVAL, signals.recv()) => match signal {
                    Ok(None) => return,
                    Ok(Some(signal)) => self.take_in(signal, &mut asked).await,
                    Err(_) => asked.read = true,
                },
            }
            while let Some(signal) = signals.try_recv() {
                self.take_in(signal, &mut asked).await;
            }
            self.answer(&mut asked).await;
        }
    }

    /// Forwards live text, and records what other signals require.
    async fn take_in(&self, signal: Signal, asked: &mut Asked) {
        match signal {
            Signal::Changed => asked.read = true,
            Signal::Log(user) => asked.read |= self.channels().of_user(&user).is_some(),
            Signal::Healed => *asked = Asked { read: true, tell_again: true },
            Signal::Text(user, text) => {
                // The event that starts a task precedes its text.
                self.answer(asked).await;
                if let Some(channel) = self.channels().of_user(&user) {
                    let _ = channel.sender.send(Arc::new(Live::Text(text)));
                }
            }
            Signal::WakeWorkers | Signal::Stop(_) | Signal::Decided(_) => {}
        }
    }

    /// Performs what the recorded signals require.
    async fn answer(&self, asked: &mut Asked) {
        let Asked { read, tell_again } = std::mem::take(asked);
        if read && let Err(error) = self.read_on().await {
            tracing::warn!(%error, "failed to tail the event log; retrying");
            sleep(ERROR_PAUSE).await;
        }
        if tell_again {
            for channel in self.channels().by_log.values() {
                let _ = channel.sender.send(Arc::new(Live::Healed));
            }
        }
    }

    /// Reads the new events and distributes them.
    async fn read_on(&self) -> Result<(), StoreError> {
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
            self.hand_out(tail);
            if !has_more {
                break;
            }
        }
        Ok(())
    }

    fn hand_out(&self, tail: Tail) {
        let channels = self.channels();
        for row in tail.rows {
            let Some(channel) = channels.get(row.user_log_id) else { continue };
            let seq = row.seq;
            let rendered = row.event.and_then(|event| {
                let cursor = Cursor { epoch: channel.epoch.clone(), seq };
                let frame = frame::encode(Some(&cursor), &event).ok().filter(|frame| frame.len() <= LONGEST_KEPT)?;
                let (session_id, news) = (event.chat_session_id, TaskNews::of(event.data));
                Some(Live::Event { seq, session_id, news, frame })
            });
            // Fails only if the last stream has just closed.
            let _ = channel.sender.send(Arc::new(rendered.unwrap_or(Live::Grown { seq })));
        }
        for chunk in tail.chunks {
            if let Some(channel) = channels.get(chunk.user_log_id) {
                let _ = channel.sender.send(Arc::new(Live::Text(Arc::new(live_text(chunk)))));
            }
        }
        for step in tail.steps {
            if let Some(channel) = channels.get(step.user_log_id) {
                let _ = channel.sender.send(Arc::new(Live::Step(Box::new(step))));
            }
        }
    }
}

/// What the recorded signals require.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// Read new events.
    read: bool,
    /// Send the output of running tasks again on every stream.
    tell_again: bool,
}

/// Returns a stored chunk as if it had arrived over the relay.
fn live_text(ChunkRow { session_id, message_id, chunk, .. }: ChunkRow) -> LiveText {
    let StoredChunk { task_id, attempt, start_offset: offset, text } = chunk;
    LiveText { session_id, task_id, attempt, message_id, offset, text }
}

//! The hub: tails the event log once for all open streams of this process and distributes each user's events.
//!
//! Guarantees: every change committed after a stream subscribed reaches its channel in order, rendered or as a hint to
//! read the log; a stream that falls behind its channel receives `Lagged` and reads the log. Nothing is kept for a slow
//! reader beyond the channel's bound.

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

/// Number of events kept for the streams of one user; a stream that falls further behind reads the log.
const CHANNEL_EVENTS: usize = 256;
/// Maximum size in bytes of a frame that is kept for streams; they read longer events from the log.
const LONGEST_KEPT: usize = 32 * 1024;
/// Pause after a failed read.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// What a stream receives from the hub.
#[derive(Debug)]
pub(super) enum Live {
    /// An event of the log.
    Event {
        /// Its number.
        seq: i64,
        /// The session that it is about.
        session_id: Option<SessionId>,
        /// The tasks that it affects.
        news: Option<TaskNews>,
        /// The event as bytes, the same for every stream.
        frame: Bytes,
    },
    /// An event that has to be read from the log.
    Grown {
        /// Its number.
        seq: i64,
    },
    /// More text of a running answer.
    Text(Arc<LiveText>),
    /// A new or changed step.
    Step(Box<StepRow>),
    /// Signals were lost: the output of running tasks has to be sent again.
    Healed,
}

/// How an event affects the tasks of its session.
#[derive(Debug)]
pub(super) enum TaskNews {
    /// One of them changed.
    Updated {
        /// The task after the change.
        task: Box<Task>,
        /// The agent that works on it.
        agent_key: String,
    },
    /// They were deleted with their session.
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

    /// Returns the user's channel, and opens it if necessary.
    fn open(&mut self, user: &UserRef, start: &ReplayStart) -> &Channel {
        self.logs.insert(user.clone(), start.user_log_id);
        self.by_log.entry(start.user_log_id).or_insert_with(|| Channel {
            user: user.clone(),
            epoch: start.cursor.epoch.clone(),
            sender: broadcast::channel(CHANNEL_EVENTS).0,
        })
    }

    /// Closes the channels without receivers.
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
    /// Held for its drop.
    _follow: Follow,
}

/// The hub; see the module documentation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(super) store: Store,
    relay: SharedRelay,
    pub(super) shutdown: Shutdown,
    pub(super) metrics: Metrics,
    channels: Arc<Mutex<Channels>>,
    /// The position up to which the hub has read; `None` while there is no stream.
    position: Arc<tokio::sync::Mutex<Option<TailPosition>>>,
}

impl Hub {
    /// Starts tailing the log until the process has drained.
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

    /// Subscribes to a user's events. What is read from the store afterward overlaps with them, without a gap.
    pub(super) async fn subscribe(&self, user: &UserRef, start: &ReplayStart) -> Result<Subscription, StoreError> {
        let follow = self.relay.follow(user).await;
        let live = self.channels().open(user, start).sender.subscribe();
        // The hub reads from a position that was taken before the stream reads for itself.
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(self.store.tail_position().await?);
        }
        Ok(Subscription { live, _follow: follow })
    }

    async fn run(self) {
        let mut signals = self.relay.signals();
        loop {
            // One read answers all signals that came before it, but never overtakes text that came before a signal.
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

    /// Forwards live text, and records everything else.
    async fn take_in(&self, signal: Signal, asked: &mut Asked) {
        match signal {
            Signal::Changed => asked.read = true,
            Signal::Log(user) => asked.read |= self.channels().of_user(&user).is_some(),
            Signal::Healed => *asked = Asked { read: true, tell_again: true },
            Signal::Text(user, text) => {
                // A task's start comes before its text.
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
            // A send fails only when the last stream has just gone.
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
    /// Make every stream send the output of running tasks again.
    tell_again: bool,
}

/// Returns a stored chunk as if it had arrived over the relay.
fn live_text(ChunkRow { session_id, message_id, chunk, .. }: ChunkRow) -> LiveText {
    let StoredChunk { task_id, attempt, start_offset: offset, text } = chunk;
    LiveText { session_id, task_id, attempt, message_id, offset, text }
}

//! The hub, which tails the event log once for all open streams of this process and distributes each user's events.
//!
//! Guarantees: every event committed after a stream has subscribed reaches the stream's channel in order, either
//! encoded or as an instruction to read the log. Live events are encoded once, for all streams. Work that recurs for
//! every stream is done by the [`ticker`](super::ticker).

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banter_shared::{
    chat::{TaskStatus, UserRef},
    clock::Timestamp,
    event::{Cursor, Event, EventData},
    id::SessionId,
    relay::{LiveText, POLL_INTERVAL, SharedRelay, Signal},
    shutdown::Shutdown,
    store::{ChunkRow, DraftRow, ReplayStart, Store, StoreError, StoredChunk, Tail, TailPosition, TailScope},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    channel::{Channel, Subscription},
    channels::Channels,
    credentials::Credentials,
    frame::Frame,
    live_update::{LiveUpdate, TaskChange, TextPiece, step_event},
    missed_text::MissedTexts,
    open_streams::OpenStreams,
    stream_handle::StreamHandle,
    tick_frames::TickFrames,
    typing::typing_event,
};
use crate::metrics::Metrics;

/// Maximum size, in bytes, of a log event's frame on a channel. Streams read larger events from the log. Most messages
/// are smaller.
const MAX_FRAME_BYTES: usize = 256 * 1024;
/// Pause after a failed read.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<HubState>);

/// The state that all streams share.
pub struct HubState {
    pub(super) store: Store,
    relay: SharedRelay,
    pub(super) shutdown: Shutdown,
    pub(super) metrics: Metrics,
    channels: Mutex<Channels>,
    /// The position up to which the hub has read the log; `None` while there are no streams.
    position: tokio::sync::Mutex<Option<TailPosition>>,
    pub(super) open_streams: Arc<OpenStreams>,
    pub(super) credentials: Arc<Credentials>,
    pub(super) missed_texts: MissedTexts,
    pub(super) tick_frames: TickFrames,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hub")
    }
}

impl std::ops::Deref for Hub {
    type Target = HubState;

    fn deref(&self) -> &HubState {
        &self.0
    }
}

impl Hub {
    /// Creates the hub, and starts its tasks, which run until the process is draining.
    #[must_use]
    pub fn start(store: Store, relay: SharedRelay, shutdown: &Shutdown, metrics: Metrics) -> Self {
        let hub = Self(Arc::new(HubState {
            store,
            relay,
            shutdown: shutdown.clone(),
            metrics,
            channels: Mutex::default(),
            position: tokio::sync::Mutex::default(),
            open_streams: Arc::default(),
            credentials: Arc::default(),
            missed_texts: MissedTexts::default(),
            tick_frames: TickFrames::default(),
        }));
        shutdown.tasks().spawn(hub.clone().run());
        shutdown.tasks().spawn(hub.clone().tick());
        shutdown.tasks().spawn(hub.clone().read_missed_texts());
        shutdown.tasks().spawn(hub.clone().check_credentials());
        hub
    }

    pub(super) fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes a stream to a user's events. There is no gap between the state that is subsequently read from the
    /// store and the first event.
    pub(super) async fn subscribe(
        &self,
        user: &UserRef,
        start: &ReplayStart,
        handle: &Arc<StreamHandle>,
    ) -> Result<Subscription, StoreError> {
        let follow = self.relay.follow(user).await;
        let subscription = self.channels().open(user, start, follow).subscribe(handle);
        // The hub starts tailing before the stream reads the log, so that the stream misses nothing in between.
        let mut position = self.position.lock().await;
        if position.is_none() {
            *position = Some(self.store.tail_position().await?);
        }
        Ok(subscription)
    }

    async fn run(self) {
        let mut signals = self.relay.signals();
        let mut poll = interval(POLL_INTERVAL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // One read serves all signals received so far, but text that arrived after a signal is forwarded only after
            // the read for that signal.
            let mut pending = PendingWork::default();
            tokio::select! {
                () = self.shutdown.soft().cancelled() => return,
                signal = signals.recv() => match signal {
                    Some(signal) => self.handle_signal(signal, &mut pending).await,
                    None => return,
                },
                _ = poll.tick() => pending.read = TailScope::ALL,
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
            Signal::Changed => pending.read = TailScope::ALL,
            Signal::Log(user) => {
                if self.channels().of_user(&user).is_some() {
                    pending.read.add(&user);
                }
            }
            Signal::Reconnected => *pending = PendingWork { read: TailScope::ALL, resend: true },
            Signal::Text(user, text) => {
                let Some(channel) = self.channels().of_user(&user).cloned() else { return };
                // The event that starts a task must be sent before the task's text, even if the signal for the event
                // arrives later.
                if text.offset == 0 {
                    pending.read.add(&user);
                }
                self.perform(pending).await;
                self.send_text(&channel, text);
            }
            Signal::WakeWorkers | Signal::Stop(_) | Signal::Decided(_) => {}
        }
    }

    /// Performs the pending work that signals have requested.
    async fn perform(&self, pending: &mut PendingWork) {
        let PendingWork { read, resend } = std::mem::take(pending);
        if !read.is_empty()
            && let Err(error) = self.read_tail(read).await
        {
            tracing::warn!(%error, "failed to tail the event log; retrying");
            sleep(ERROR_PAUSE).await;
        }
        if resend {
            for channel in self.channels().iter() {
                channel.send(LiveUpdate::SignalsLost);
            }
        }
    }

    /// Reads new events of the users in the scope, and distributes them.
    async fn read_tail(&self, scope: TailScope) -> Result<(), StoreError> {
        let mut position = self.position.lock().await;
        {
            let mut channels = self.channels();
            channels.prune();
            if channels.is_empty() {
                *position = None;
                return Ok(());
            }
        }
        while let Some(from) = *position {
            let tail = self.store.read_tail(from, scope, |log_id| self.channels().get(log_id).is_some()).await?;
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
        for row in tail.rows {
            let Some(channel) = self.channels().get(row.user_log_id).cloned() else { continue };
            let rendered = row.event.and_then(|event| self.render(&channel, row.seq, event));
            channel.send(rendered.unwrap_or(LiveUpdate::LogOnly { seq: row.seq }));
        }
        for chunk in tail.chunks {
            let Some(channel) = self.channels().get(chunk.user_log_id).cloned() else { continue };
            self.send_text(&channel, Arc::new(live_text(chunk)));
        }
        for row in tail.steps {
            let Some(channel) = self.channels().get(row.user_log_id).cloned() else { continue };
            let (task_id, attempt, seq, revision) = (row.task_id, row.attempt, row.step.seq, row.step.revision);
            let (session_id, event) = step_event(row);
            if let Some(frame) = self.encode(event, Some(session_id)) {
                channel.send(LiveUpdate::Step { session_id, task_id, attempt, seq, revision, frame });
            }
        }
        for DraftRow { user_log_id, session_id, draft, .. } in tail.drafts {
            let Some(channel) = self.channels().get(user_log_id).cloned() else { continue };
            if let Some(frame) = self.encode(EventData::SessionDraft { draft }, Some(session_id)) {
                channel.send(LiveUpdate::Draft { session_id, frame });
            }
        }
    }

    /// Encodes an event from the log. Returns `None` if streams must read the event from the log themselves.
    fn render(&self, channel: &Channel, seq: i64, event: Event) -> Option<LiveUpdate> {
        let cursor = Cursor { epoch: channel.epoch.clone(), seq };
        let frame = Frame::encode(Some(&cursor), &event).filter(|frame| frame.size() <= MAX_FRAME_BYTES)?;
        let session_id = event.chat_session_id;
        let task_change = match event.data {
            EventData::TaskUpdated { task, session } => {
                let is_running = task.status == TaskStatus::Running;
                let typing = typing_event(&session.agent_key, task.id, is_running, self.now());
                let typing = self.encode(typing, session_id)?;
                let (task_id, attempt, agent_key) = (task.id, task.attempt, session.agent_key);
                Some(TaskChange::Updated { task_id, attempt, is_running, agent_key, typing })
            }
            EventData::SessionDeleted => Some(TaskChange::AllDeleted),
            EventData::Hello { .. }
            | EventData::Heartbeat
            | EventData::Resync { .. }
            | EventData::ServerDraining
            | EventData::SessionCreated { .. }
            | EventData::SessionUpdated { .. }
            | EventData::SessionRead { .. }
            | EventData::SessionDraft { .. }
            | EventData::MessageCreated { .. }
            | EventData::MessageUpdated { .. }
            | EventData::MessageDeleted { .. }
            | EventData::Typing { .. }
            | EventData::MessageDelta { .. }
            | EventData::MessagePartial { .. }
            | EventData::TaskStep { .. } => None,
        };
        Some(LiveUpdate::Event { seq, session_id, task_change, frame })
    }

    /// Encodes text once, and sends it to all streams of a user.
    fn send_text(&self, channel: &Channel, text: Arc<LiveText>) {
        if let Some(piece) = TextPiece::new(text, self.now()) {
            channel.send(LiveUpdate::Text(Arc::new(piece)));
        }
    }
}

impl HubState {
    pub(super) fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    /// Encodes an event that is not durable.
    pub(super) fn encode(&self, data: EventData, session_id: Option<SessionId>) -> Option<Frame> {
        Frame::encode(None, &Event { at: self.now(), chat_session_id: session_id, data })
    }
}

/// The pending work that signals have requested.
#[derive(Clone, Copy, Debug, Default)]
struct PendingWork {
    /// The users whose new events to read.
    read: TailScope,
    /// Send the output of running tasks again on every stream.
    resend: bool,
}

/// Converts a stored chunk to live text.
fn live_text(ChunkRow { session_id, message_id, chunk, .. }: ChunkRow) -> LiveText {
    let StoredChunk { task_id, attempt, start_offset: offset, text } = chunk;
    LiveText { session_id, task_id, attempt, message_id, offset, text }
}

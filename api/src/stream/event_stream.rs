//! One open stream, which replays the log and then sends live events, in order and without gaps.
//!
//! A stream is a state machine. Its connection does not poll it while a write is pending, so frames do not accumulate
//! for a slow reader.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use banter_shared::{
    event::{Cursor, EventData},
    store::ResyncReason,
};
use tokio::sync::mpsc;

use super::{
    channel::{Received, Subscription},
    credentials::CredentialUse,
    frame::Frame,
    hub::Hub,
    open_streams::{OpenStream, ROUND},
    progress::{Next, Progress},
    replay::Replay,
    stream_handle::{HEARTBEAT_VISITS, StreamHandle},
    tick_frames::RecurringEvent,
};
use crate::metrics::GaugeGuard;

/// Interval between heartbeats.
const HEARTBEAT: Duration = ROUND.saturating_mul(HEARTBEAT_VISITS as u32);
/// How long a client should wait before reconnecting.
const RETRY: Duration = Duration::from_secs(1);

type ReplayFuture = Pin<Box<dyn Future<Output = Progress> + Send>>;

/// One open stream.
pub struct EventStream {
    hub: Hub,
    handle: Arc<StreamHandle>,
    /// `None` once the stream is ending.
    subscription: Option<Subscription>,
    phase: Phase,
    /// Frames to send before anything else.
    ready: VecDeque<Frame>,
    _registration: Registration,
}

/// A stream's registrations, which end when dropped.
pub(super) struct Registration {
    pub(super) _open: OpenStream,
    pub(super) _credential: CredentialUse,
    pub(super) _gauge: GaugeGuard,
}

enum Phase {
    /// Reads the log.
    Replaying {
        replay: ReplayFuture,
        frames: mpsc::Receiver<Frame>,
        /// The position at the start of the replay.
        from: Cursor,
    },
    /// Waits for updates.
    Live(Box<Progress>),
    /// Sends the frames that are ready, then ends.
    Ending,
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}

impl Phase {
    fn replay(progress: Progress) -> Self {
        // The replay waits until each frame has been taken.
        let (out, frames) = mpsc::channel(1);
        let from = progress.cursor.clone();
        Self::Replaying { replay: Box::pin(Replay::new(progress, out).run()), frames, from }
    }

    fn cursor(&self) -> Option<Cursor> {
        match self {
            Self::Replaying { from, .. } => Some(from.clone()),
            Self::Live(progress) => Some(progress.cursor.clone()),
            Self::Ending => None,
        }
    }
}

impl EventStream {
    /// Creates a stream that continues from `progress`. If the client's cursor could not be used, the stream sends a
    /// `resync` event first.
    pub(super) fn new(
        progress: Progress,
        handle: Arc<StreamHandle>,
        subscription: Subscription,
        resync: Option<ResyncReason>,
        registration: Registration,
    ) -> Self {
        let (hub, cursor) = (progress.hub.clone(), progress.cursor.clone());
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let hello =
            EventData::Hello { cursor: cursor.clone(), heartbeat_ms: millis(HEARTBEAT), retry_ms: millis(RETRY) };
        let resync = resync.map(|reason| EventData::Resync { reason: reason.as_str().into(), cursor });
        let ready = [Some(hello), resync].into_iter().flatten().filter_map(|event| hub.encode(event, None)).collect();
        let phase = Phase::replay(progress);
        Self { hub, handle, subscription: Some(subscription), phase, ready, _registration: registration }
    }

    /// Registers the task to wake when the stream has something to do. If the stream should end, moves it to the ending
    /// phase.
    pub fn register(&mut self, context: &Context<'_>) {
        self.handle.register(context.waker());
        self.end_if_due();
    }

    /// Returns the next frame, or `None` at the end of the stream. The task must be [registered](Self::register).
    pub fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        loop {
            if self.handle.is_revoked() {
                return Poll::Ready(None);
            }
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(frame));
            }
            self.ready.shrink_to(4);
            if matches!(self.phase, Phase::Ending) {
                return Poll::Ready(None);
            }
            if self.end_if_due() {
                continue;
            }
            let due = self.handle.take_due();
            if due.heartbeat {
                let encode = || self.hub.encode(EventData::Heartbeat, None);
                self.ready.extend(self.hub.tick_frames.get(RecurringEvent::Heartbeat, encode));
            }
            if due.typing
                && let Phase::Live(progress) = &self.phase
            {
                progress.renew_typing(&mut self.ready);
            }
            if self.ready.is_empty() {
                ready!(self.poll_phase(context));
            }
        }
    }

    /// Moves the stream to the ending phase if it should end. Returns whether the phase changed.
    fn end_if_due(&mut self) -> bool {
        let (is_draining, is_too_slow) = (self.handle.is_draining(), self.handle.is_too_slow());
        if !is_draining && !is_too_slow {
            return false;
        }
        let event = match self.phase.cursor() {
            Some(_) if is_draining => EventData::ServerDraining,
            Some(cursor) => EventData::Resync { reason: ResyncReason::TooSlow.as_str().into(), cursor },
            None => return false,
        };
        tracing::debug!(event = event.kind(), "stream closed");
        self.ready.extend(self.hub.encode(event, None));
        (self.phase, self.subscription) = (Phase::Ending, None);
        true
    }

    /// Continues the replay, or takes the next update. Completes when something has changed.
    fn poll_phase(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.phase {
            Phase::Replaying { replay, frames, .. } => {
                let replayed = replay.as_mut().poll(context);
                while let Ok(frame) = frames.try_recv() {
                    self.ready.push_back(frame);
                }
                match replayed {
                    Poll::Ready(progress) => {
                        self.handle.set_has_running_tasks(!progress.running.is_empty());
                        self.phase = Phase::Live(Box::new(progress));
                        Poll::Ready(())
                    }
                    Poll::Pending if self.ready.is_empty() => Poll::Pending,
                    Poll::Pending => Poll::Ready(()),
                }
            }
            Phase::Live(progress) => {
                let Some(subscription) = &mut self.subscription else { return Poll::Pending };
                let next = match subscription.receive() {
                    Received::Update(update) => progress.apply(&update, &mut self.ready),
                    Received::Lagged => Next::CatchUp,
                    Received::Nothing => return Poll::Pending,
                };
                self.handle.set_has_running_tasks(!progress.running.is_empty());
                if next == Next::CatchUp
                    && let Phase::Live(progress) = std::mem::replace(&mut self.phase, Phase::Ending)
                {
                    self.phase = Phase::replay(*progress);
                }
                Poll::Ready(())
            }
            Phase::Ending => Poll::Ready(()),
        }
    }

    /// Records that the client is not accepting any data, or that it has accepted some.
    pub fn set_stalled(&self, is_stalled: bool) {
        if is_stalled {
            self.handle.stall();
        } else {
            self.handle.proceed();
        }
    }

    /// Returns whether the principal's key or login is no longer valid, in which case nothing more may be sent.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.handle.is_revoked()
    }

    /// Returns whether the process is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.handle.is_draining()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use banter_shared::{
        chat::{Principal, UserRef, UserRole},
        clock::SystemClock,
        relay::{self, Identity, RelayKey, RelayOptions},
        shutdown::Shutdown,
        store::{Location, Store, StoreOptions},
    };
    use serde_json::Value;

    use super::*;
    use crate::{
        metrics::Metrics,
        stream::{AttachedStream, stream_handle::STALL_VISITS},
    };

    async fn hub(database: &std::path::Path, shutdown: &Shutdown) -> Hub {
        let options = StoreOptions {
            location: Location::File(database.to_owned()),
            durable_against_power_cut: false,
            busy_timeout: Duration::from_secs(2),
            work_folder_wait: Duration::ZERO,
        };
        let store = Store::open(options, Arc::new(SystemClock)).await.unwrap();
        store.ensure_user(&UserRef::local()).await.unwrap();
        let identity = Identity { installation: "x".into(), key: RelayKey::from([7; 32]) };
        let relay = relay::start(&RelayOptions::default(), Some(database), &identity).await.unwrap();
        Hub::start(store, relay, shutdown, Metrics::default())
    }

    async fn next(stream: &mut EventStream) -> Option<Value> {
        let frame = poll_fn(|context| {
            stream.register(context);
            stream.poll_frame(context)
        })
        .await?;
        let text = String::from_utf8(frame.text().to_vec()).unwrap();
        Some(serde_json::from_str(text.split("data: ").nth(1).unwrap()).unwrap())
    }

    #[tokio::test]
    async fn ends_with_a_resync_if_the_client_accepts_nothing_for_too_long() {
        let (folder, shutdown) = (tempfile::tempdir().unwrap(), Shutdown::new());
        let hub = hub(&folder.path().join("chat.db"), &shutdown).await;
        let principal = Principal { user: UserRef::local(), role: UserRole::Admin, key_id: None, login_id: None };
        let mut stream = AttachedStream::take(&mut hub.open(principal, None, None).await.unwrap()).unwrap();
        let hello = next(&mut stream).await.unwrap();

        stream.set_stalled(true);
        (0..STALL_VISITS).for_each(|_| stream.handle.visit());

        let resync = next(&mut stream).await.unwrap();
        assert_eq!([&resync["type"], &resync["reason"]], ["resync", "too_slow"]);
        assert_eq!(resync["cursor"], hello["cursor"]);
        assert_eq!(next(&mut stream).await, None);
        assert!(stream.subscription.is_none(), "nothing more is kept for the stream");
    }
}

//! One open stream: replay, then live events, in order and without gaps.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use banter_shared::{
    chat::Principal,
    event::{Cursor, EventData},
    id::{SessionId, TaskId},
    store::{ReplayStart, ResyncReason},
};
use bytes::Bytes;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    frame_queue::FrameSender,
    hub::{Hub, Subscription},
    live_update::LiveUpdate,
    task_progress::TaskProgress,
};

/// Interval between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client should wait before reconnecting.
const RETRY: Duration = Duration::from_secs(1);
/// Interval between renewals of typing events.
const TYPING_RENEWAL: Duration = Duration::from_secs(3);
/// Interval between checks of the principal's access: streams must close within 5 s of the revocation of a key.
const ACCESS_CHECK: Duration = Duration::from_secs(2);
/// Interval between attempts to close gaps in the text of answers in progress.
const GAP_CHECK: Duration = Duration::from_millis(100);

/// The reason why a stream ends.
#[derive(Debug)]
pub(super) enum CloseReason {
    /// The client disconnected.
    Disconnected,
    /// The client reads too slowly.
    TooSlow,
    /// The principal's key or login is no longer valid.
    AccessRevoked,
    /// The process is shutting down.
    Draining,
}

/// One open stream.
pub(super) struct EventStream {
    pub(super) hub: Hub,
    principal: Principal,
    /// The session whose events are delivered; `None` for all sessions.
    pub(super) only: Option<SessionId>,
    pub(super) user_log_id: i64,
    /// The last event that was delivered or skipped.
    pub(super) cursor: Cursor,
    pub(super) running: BTreeMap<TaskId, TaskProgress>,
    /// The revision of the last step that was sent or skipped; `None` before the first catch-up.
    pub(super) step_revision: Option<i64>,
    pub(super) out: FrameSender,
    too_slow: Arc<AtomicBool>,
}

impl EventStream {
    /// Creates a stream that starts at `start` and writes frames to `out`. The stream sets `too_slow` if it ends
    /// because the client reads too slowly.
    pub(super) fn new(
        hub: Hub,
        principal: Principal,
        only: Option<SessionId>,
        start: &ReplayStart,
        out: FrameSender,
        too_slow: Arc<AtomicBool>,
    ) -> Self {
        let (user_log_id, cursor) = (start.user_log_id, start.cursor.clone());
        Self { hub, principal, only, user_log_id, cursor, running: BTreeMap::new(), step_revision: None, out, too_slow }
    }

    /// Delivers events until the stream ends.
    pub(super) async fn run(mut self, mut subscription: Subscription, resync: Option<ResyncReason>) {
        let _open = self.hub.metrics.open_stream();
        let Err(closed) = self.deliver(&mut subscription, resync).await;
        match closed {
            CloseReason::TooSlow => self.too_slow.store(true, Ordering::Release),
            CloseReason::Draining => {
                let _ = self.send(EventData::ServerDraining, None).await;
            }
            CloseReason::Disconnected | CloseReason::AccessRevoked => {}
        }
        tracing::debug!(user = %self.principal.user, ?closed, "stream closed");
    }

    async fn deliver(
        &mut self,
        subscription: &mut Subscription,
        resync: Option<ResyncReason>,
    ) -> Result<Infallible, CloseReason> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let cursor = self.cursor.clone();
        self.send(EventData::Hello { cursor, heartbeat_ms: millis(HEARTBEAT), retry_ms: millis(RETRY) }, None).await?;
        if let Some(reason) = resync {
            let cursor = self.cursor.clone();
            self.send(EventData::Resync { reason: reason.as_str().into(), cursor }, None).await?;
        }
        self.catch_up().await?;
        let (mut heartbeat, mut typing) = (interval_after(HEARTBEAT), interval_after(TYPING_RENEWAL));
        let (mut access, mut gaps) = (interval_after(ACCESS_CHECK), interval_after(GAP_CHECK));
        let soft = self.hub.shutdown.soft().clone();
        let out = self.out.clone();
        loop {
            tokio::select! {
                live = subscription.live.recv() => match live {
                    Ok(live) => self.handle_update(&live).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => return Err(CloseReason::Draining),
                },
                _ = typing.tick() => self.renew_typing(),
                _ = heartbeat.tick() => self.offer(EventData::Heartbeat, None),
                _ = gaps.tick(), if self.has_gaps() => self.close_gaps().await,
                _ = access.tick() => self.check_access().await?,
                () = soft.cancelled() => return Err(CloseReason::Draining),
                () = out.closed() => return Err(CloseReason::Disconnected),
            }
        }
    }

    async fn handle_update(&mut self, live: &LiveUpdate) -> Result<(), CloseReason> {
        match live {
            LiveUpdate::Event { seq, session_id, task_change, frame } if *seq == self.cursor.seq + 1 => {
                self.cursor.seq = *seq;
                if self.send_durable(*session_id, frame.clone()).await? {
                    self.apply_task_change(*session_id, task_change.as_ref()).await?;
                }
                Ok(())
            }
            // At least one event was missed.
            LiveUpdate::Event { seq, .. } | LiveUpdate::LogOnly { seq } if *seq > self.cursor.seq => {
                self.catch_up().await
            }
            LiveUpdate::Event { .. } | LiveUpdate::LogOnly { .. } => Ok(()),
            LiveUpdate::Text(text) => self.handle_text(text).await,
            LiveUpdate::Step(step) => self.handle_step(step).await,
            LiveUpdate::SignalsLost => self.catch_up().await,
        }
    }

    /// Sends a durable event unless it belongs to another session. Returns whether it was sent.
    pub(super) async fn send_durable(
        &mut self,
        session_id: Option<SessionId>,
        frame: Bytes,
    ) -> Result<bool, CloseReason> {
        if self.only.is_some() && self.only != session_id {
            return Ok(false);
        }
        self.write(frame).await?;
        Ok(true)
    }

    async fn check_access(&self) -> Result<(), CloseReason> {
        match self.hub.store.is_still_valid(&self.principal).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CloseReason::AccessRevoked),
            Err(error) => {
                tracing::warn!(%error, "failed to check the stream's key; retrying");
                Ok(())
            }
        }
    }
}

/// Creates an interval whose first tick is one period from now.
fn interval_after(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

//! One open stream: replay, then live events, in order and without gaps.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use banter_shared::{
    chat::{Principal, Task, TaskStatus},
    event::{Cursor, Event, EventData},
    id::{SessionId, TaskId},
    relay::LiveText,
    store::{ReplayStart, ResyncReason, StepRow},
};
use bytes::Bytes;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    frame,
    hub::{Hub, Live, Subscription, TaskNews},
    outbox::{Gone, Outbox},
    running::{Running, partial_event},
};

/// Interval between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client should wait before reconnecting.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// Lifetime of a typing event unless it is renewed.
const TYPING_LEASE: Duration = Duration::from_secs(8);
/// Interval between renewals of typing events.
const TYPING_RENEWAL: Duration = Duration::from_secs(3);
/// Interval between checks of the principal's access: streams must close within 5 s of the revocation of a key.
const ACCESS_CHECK: Duration = Duration::from_secs(2);
/// Interval between attempts to close gaps in the text of running answers.
const HOLE_CHECK: Duration = Duration::from_millis(100);
/// Maximum number of deltas held after a gap.
const HELD_TEXTS: usize = 256;
/// Number of log rows per read.
const REPLAY_PAGE: i64 = 256;
/// Maximum time that a durable event waits for a reader.
const STALL_LIMIT: Duration = Duration::from_secs(30);
/// Pause before reading the log again after a failure.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// Why a stream ends.
#[derive(Debug)]
pub(super) enum Closed {
    /// The client disconnected.
    Gone,
    /// The client reads too slowly.
    TooSlow,
    /// The principal's key or login is no longer valid.
    AccessLost,
    /// The process is shutting down.
    Draining,
}

/// One open stream.
pub(super) struct Connection {
    pub(super) hub: Hub,
    principal: Principal,
    /// The only session whose events are delivered; all sessions if `None`.
    only: Option<SessionId>,
    user_log_id: i64,
    /// The last event that was delivered or skipped.
    cursor: Cursor,
    pub(super) running: BTreeMap<TaskId, Running>,
    /// The revision of the last step that was sent or skipped; `None` before the first catch-up.
    pub(super) step_revision: Option<i64>,
    out: Outbox,
    too_slow: Arc<AtomicBool>,
}

impl Connection {
    /// Creates a stream that starts at `start` and writes frames to `out`. It sets `too_slow` if it ends because the
    /// client reads too slowly.
    pub(super) fn new(
        hub: Hub,
        principal: Principal,
        only: Option<SessionId>,
        start: &ReplayStart,
        out: Outbox,
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
            Closed::TooSlow => self.too_slow.store(true, Ordering::Release),
            Closed::Draining => {
                let _ = self.send(EventData::ServerDraining, None).await;
            }
            Closed::Gone | Closed::AccessLost => {}
        }
        tracing::debug!(user = %self.principal.user, ?closed, "stream closed");
    }

    async fn deliver(
        &mut self,
        subscription: &mut Subscription,
        resync: Option<ResyncReason>,
    ) -> Result<std::convert::Infallible, Closed> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let cursor = self.cursor.clone();
        self.send(EventData::Hello { cursor, heartbeat_ms: millis(HEARTBEAT), retry_ms: millis(RETRY) }, None).await?;
        if let Some(reason) = resync {
            let cursor = self.cursor.clone();
            self.send(EventData::Resync { reason: reason.as_str().into(), cursor }, None).await?;
        }
        self.catch_up().await?;
        let (mut heartbeat, mut typing) = (ticks(HEARTBEAT), ticks(TYPING_RENEWAL));
        let (mut access, mut holes) = (ticks(ACCESS_CHECK), ticks(HOLE_CHECK));
        let soft = self.hub.shutdown.soft().clone();
        let out = self.out.clone();
        loop {
            tokio::select! {
                live = subscription.live.recv() => match live {
                    Ok(live) => self.hear(&live).await?,
                    Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => return Err(Closed::Draining),
                },
                _ = typing.tick() => self.renew_typing(),
                _ = heartbeat.tick() => self.offer(EventData::Heartbeat, None),
                _ = holes.tick(), if self.has_holes() => self.close_holes().await,
                _ = access.tick() => self.check_access().await?,
                () = soft.cancelled() => return Err(Closed::Draining),
                () = out.closed() => return Err(Closed::Gone),
            }
        }
    }

    async fn hear(&mut self, live: &Live) -> Result<(), Closed> {
        match live {
            Live::Event { seq, session_id, news, frame } if *seq == self.cursor.seq + 1 => {
                self.cursor.seq = *seq;
                if self.pass_on(*session_id, frame.clone()).await? {
                    self.follow_tasks(*session_id, news.as_ref()).await?;
                }
                Ok(())
            }
            // An event in between was missed.
            Live::Event { seq, .. } | Live::Grown { seq } if *seq > self.cursor.seq => self.catch_up().await,
            Live::Event { .. } | Live::Grown { .. } => Ok(()),
            Live::Text(text) => self.hear_text(text).await,
            Live::Step(step) => self.hear_step(step).await,
            Live::Healed => self.catch_up().await,
        }
    }

    /// Reads the log from the stream's position to the head, then sends the output of running tasks.
    async fn catch_up(&mut self) -> Result<(), Closed> {
        loop {
            let (log_id, seq, step) = (self.user_log_id, self.cursor.seq, self.step_revision);
            let replay = match self.hub.store.read_log(log_id, seq, REPLAY_PAGE, self.only, step).await {
                Ok(replay) => replay,
                Err(error) => {
                    tracing::warn!(%error, "failed to read the event log; retrying");
                    self.pause().await?;
                    continue;
                }
            };
            for (seq, event) in replay.events {
                self.cursor.seq = seq;
                let Ok(frame) = frame::encode(Some(&self.cursor), &event) else { continue };
                self.pass_on(event.chat_session_id, frame).await?;
            }
            self.cursor.seq = replay.last_seq;
            let Some(state) = replay.state else { continue };
            if !self.send_state(state).await? {
                return Ok(());
            }
        }
    }

    pub(super) async fn pause(&self) -> Result<(), Closed> {
        tokio::select! {
            () = sleep(ERROR_PAUSE) => Ok(()),
            () = self.out.closed() => Err(Closed::Gone),
            () = self.hub.shutdown.soft().cancelled() => Err(Closed::Draining),
        }
    }

    /// Sends a durable event unless it belongs to another session. Returns whether it was sent.
    async fn pass_on(&mut self, session_id: Option<SessionId>, frame: Bytes) -> Result<bool, Closed> {
        if self.only.is_some() && self.only != session_id {
            return Ok(false);
        }
        self.write(frame).await?;
        Ok(true)
    }

    /// Applies a live event to the running tasks. Replayed events need not be applied, because a replay ends with the
    /// state of the running tasks.
    async fn follow_tasks(&mut self, session_id: Option<SessionId>, news: Option<&TaskNews>) -> Result<(), Closed> {
        match news {
            Some(TaskNews::Updated { task, agent_key }) => self.follow_task(task, agent_key).await,
            Some(TaskNews::AllGone) => {
                self.running.retain(|_, running| Some(running.session_id) != session_id);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Sends typing events when an agent starts and stops.
    async fn follow_task(&mut self, task: &Task, agent_key: &str) -> Result<(), Closed> {
        if task.status == TaskStatus::Running {
            let running = self.running.entry(task.id).or_insert_with(|| Running {
                session_id: task.chat_session_id,
                agent_key: agent_key.to_owned(),
                attempt: task.attempt,
                next_offset: 0,
                held: Vec::new(),
                sent_steps: BTreeMap::new(),
            });
            if running.attempt != task.attempt {
                (running.attempt, running.next_offset) = (task.attempt, 0);
                running.held.clear();
                running.sent_steps.clear();
            }
            let running = running.clone();
            self.send(self.typing(task.id, &running, true), Some(running.session_id)).await
        } else if let Some(running) = self.running.remove(&task.id) {
            self.send(self.typing(task.id, &running, false), Some(running.session_id)).await
        } else {
            Ok(())
        }
    }

    /// Forwards a step, in the order of changes, unless it was sent before.
    async fn hear_step(&mut self, row: &StepRow) -> Result<(), Closed> {
        if self.step_revision.is_some_and(|told| row.step.revision <= told) {
            return Ok(());
        }
        self.step_revision = Some(row.step.revision);
        let sent = self.running.get(&row.task_id).filter(|running| running.attempt == row.attempt);
        if sent.and_then(|running| running.sent_steps.get(&row.step.seq)).is_some_and(|sent| row.step.revision <= *sent)
        {
            return Ok(());
        }
        if self.only.is_none_or(|only| only == row.session_id) {
            self.send_step(row.clone()).await?;
        }
        Ok(())
    }

    pub(super) async fn send_step(&self, row: StepRow) -> Result<(), Closed> {
        let StepRow { session_id, task_id, attempt, step, user_log_id: _ } = row;
        self.send(EventData::TaskStep { task_id, attempt, step }, Some(session_id)).await
    }

    /// Forwards a delta. Deltas after a gap are held until all text before them is known.
    async fn hear_text(&mut self, text: &Arc<LiveText>) -> Result<(), Closed> {
        let Some(running) = self.running.get_mut(&text.task_id) else { return Ok(()) };
        if text.attempt != running.attempt || text.next_offset() <= running.next_offset {
            return Ok(());
        }
        if text.offset > running.next_offset || !running.held.is_empty() {
            // Deltas over the limit are dropped; the gap that they leave is closed from the store too.
            if running.held.len() < HELD_TEXTS {
                running.held.push(Arc::clone(text));
            }
            self.close_hole(text.task_id).await;
            return Ok(());
        }
        self.offer_text(text);
        Ok(())
    }

    /// Forwards the part of a delta that has not been sent. If the queue is full, that part becomes a gap.
    fn offer_text(&mut self, text: &LiveText) -> bool {
        let Some(running) = self.running.get(&text.task_id) else { return false };
        let (session_id, offset) = (running.session_id, running.next_offset);
        // A stored chunk may begin before the text that was sent, but the unsent rest begins where a delta ended.
        let told = usize::try_from(offset - text.offset).unwrap_or(usize::MAX);
        let Some(rest) = text.text.get(told..) else { return false };
        let delta = EventData::MessageDelta {
            task_id: text.task_id,
            attempt: text.attempt,
            message_id: text.message_id,
            offset,
            next_offset: text.next_offset(),
            text: rest.to_owned(),
        };
        let was_offered = self.offered(delta, Some(session_id));
        if was_offered && let Some(running) = self.running.get_mut(&text.task_id) {
            running.next_offset = text.next_offset();
        }
        was_offered
    }

    fn has_holes(&self) -> bool {
        self.running.values().any(|running| !running.held.is_empty())
    }

    async fn close_holes(&mut self) {
        let tasks: Vec<TaskId> =
            self.running.iter().filter(|(_, running)| !running.held.is_empty()).map(|(id, _)| *id).collect();
        for task_id in tasks {
            self.close_hole(task_id).await;
        }
    }

    /// Sends the stored text once it reaches the held deltas, then the unsent rest of these. Otherwise changes nothing;
    /// the caller retries later.
    async fn close_hole(&mut self, task_id: TaskId) {
        let Some(running) = self.running.get(&task_id) else { return };
        let Some(first) = running.held.first().map(|text| text.offset) else { return };
        let session_id = running.session_id;
        let partial = match self.hub.store.find_partial(task_id, running.attempt).await {
            Ok(Some(partial)) if partial.next_offset >= first => partial,
            Ok(_) => return,
            Err(error) => return tracing::warn!(%error, "failed to read the partial answer"),
        };
        let next_offset = partial.next_offset;
        if !self.offered(partial_event(partial), Some(session_id)) {
            return;
        }
        let Some(running) = self.running.get_mut(&task_id) else { return };
        running.next_offset = next_offset;
        for text in std::mem::take(&mut running.held) {
            let next = self.running.get(&task_id).map_or(i64::MAX, |running| running.next_offset);
            if text.next_offset() > next && (text.offset > next || !self.offer_text(&text)) {
                break;
            }
        }
    }

    pub(super) fn typing(&self, task_id: TaskId, running: &Running, is_typing: bool) -> EventData {
        let now = self.hub.store.clock().now();
        let expires_at = if is_typing { now.plus(TYPING_LEASE) } else { now };
        EventData::Typing { agent_key: running.agent_key.clone(), task_id, is_typing, expires_at }
    }

    fn renew_typing(&self) {
        for (task_id, running) in &self.running {
            self.offer(self.typing(*task_id, running, true), Some(running.session_id));
        }
    }

    async fn check_access(&self) -> Result<(), Closed> {
        match self.hub.store.is_still_let_in(&self.principal).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Closed::AccessLost),
            Err(error) => {
                tracing::warn!(%error, "failed to check the stream's key; retrying");
                Ok(())
            }
        }
    }

    fn encode(&self, data: EventData, session_id: Option<SessionId>) -> Option<Bytes> {
        let event = Event { at: self.hub.store.clock().now(), chat_session_id: session_id, data };
        frame::encode(None, &event).inspect_err(|error| tracing::error!(%error, "cannot encode an event")).ok()
    }

    /// Sends an event that the client must receive, and waits for space.
    pub(super) async fn send(&self, data: EventData, session_id: Option<SessionId>) -> Result<(), Closed> {
        match self.encode(data, session_id) {
            Some(frame) => self.write(frame).await,
            None => Ok(()),
        }
    }

    /// Sends an optional event if there is space. Returns whether it was sent.
    fn offered(&self, data: EventData, session_id: Option<SessionId>) -> bool {
        self.encode(data, session_id).is_some_and(|frame| self.out.try_send(frame))
    }

    fn offer(&self, data: EventData, session_id: Option<SessionId>) {
        self.offered(data, session_id);
    }

    async fn write(&self, frame: Bytes) -> Result<(), Closed> {
        match timeout(STALL_LIMIT, self.out.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Gone)) => Err(Closed::Gone),
            Err(_) => Err(Closed::TooSlow),
        }
    }
}

/// Creates an interval whose first tick is one period from now.
fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

//! A follower's connections, one after another.

use std::{sync::Arc, time::Duration};

use rand::RngExt as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{FollowerOptions, Shared, tracker::Tracker};
use crate::{client::Client, random::TestRng, sse::Event};

/// Delay before reconnecting. An api that is restarting refuses connections for a while.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);

/// Additional delay after a connection fails even though the apis are expected to be available.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Time limit for opening a stream. Once in several thousand attempts, the HTTP client waits forever when a connection
/// is accepted and immediately closed, for example by a proxy whose server is down.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Maximum number of events per connection for a client that drops its connections.
const EVENTS_BEFORE_DROP: u64 = 12;

/// Maximum number of events per connection for a client that rewinds.
const EVENTS_BEFORE_REWIND: u64 = 80;

/// Maximum number of earlier states kept by a client that rewinds.
const REMEMBERED_STATES: usize = 12;

/// One in this many states is kept.
const REMEMBER_ONE_IN: u32 = 8;

/// A follower's connections, and the earlier states to which it may rewind.
pub(super) struct Connections {
    options: FollowerOptions,
    shared: Arc<Shared>,
    remembered: Vec<Tracker>,
}

impl Connections {
    pub(super) fn new(options: FollowerOptions, shared: Arc<Shared>) -> Self {
        Self { options, shared, remembered: Vec::new() }
    }

    /// Follows the stream until a violation, or forever if there is a violation handler.
    pub(super) async fn run(mut self) {
        for turn in 0.. {
            let client = self.options.clients[turn % self.options.clients.len()].clone();
            self.rewind();
            let cursor = self.shared.lock().tracker.cursor();
            if let Err(violation) = self.follow(&client, &cursor).await
                && !self.report(violation)
            {
                return;
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }

    /// Reports a violation. Returns whether to continue.
    fn report(&self, violation: String) -> bool {
        let mut state = self.shared.lock();
        state.violation.get_or_insert_with(|| violation.clone());
        drop(state);
        self.options.violation_handler.as_ref().map(|handle| handle(violation)).is_some()
    }

    /// Half of the time, returns to one of the kept states.
    fn rewind(&mut self) {
        let mut state = self.shared.lock();
        let Some(rng) = self.options.rewinds.as_mut().filter(|_| !state.is_calm) else { return };
        if !self.remembered.is_empty() && rng.random_ratio(1, 2) {
            state.tracker = self.remembered[rng.random_range(0..self.remembered.len())].clone();
        }
    }

    /// Keeps some of the states that follow a durable event.
    fn remember(&mut self, event: &Event) {
        let Some(rng) = self.options.rewinds.as_mut().filter(|_| event.is_durable()) else { return };
        if rng.random_ratio(1, REMEMBER_ONE_IN) {
            let mut tracker = self.shared.lock().tracker.clone();
            tracker.disconnect();
            if self.remembered.len() == REMEMBERED_STATES {
                self.remembered.remove(0);
            }
            self.remembered.push(tracker);
        }
    }

    /// Draws the maximum number of events and the end time of a connection. `None` means no limit.
    fn draw_end(&mut self) -> (Option<u64>, Option<Instant>) {
        if self.shared.lock().is_calm {
            return (None, None);
        }
        let draw = |rng: Option<&mut TestRng>, most: u64| rng.map(|rng| rng.random_range(1..=most));
        let rewind = draw(self.options.rewinds.as_mut(), EVENTS_BEFORE_REWIND);
        let events = draw(self.options.drops.as_mut(), EVENTS_BEFORE_DROP).or(rewind);
        let stay = self.options.stays.as_mut().map(|(range, rng)| rng.random_range(range.clone()));
        (events, stay.map(|stay| Instant::now() + stay))
    }

    /// Fetches the messages of the sessions that had messages when they were created. Returns whether this succeeded.
    async fn load(&self, client: &Client) -> bool {
        let unloaded = self.shared.lock().tracker.unloaded();
        for session in unloaded {
            self.shared.lock().set_activity(format!("fetching {session} from {}", client.address()));
            let Ok(Ok(found)) = timeout(OPEN_LIMIT, client.try_chat(&session)).await else { return false };
            let messages = found.and_then(|(chat, _)| chat["messages"].as_array().cloned()).unwrap_or_default();
            self.shared.lock().tracker.load_messages(&session, &messages);
        }
        true
    }

    /// Follows one connection until it ends or is dropped, or until the messages of a session must be fetched.
    async fn follow(&mut self, client: &Client, cursor: &str) -> Result<(), String> {
        if !self.load(client).await {
            return self.connection_failed("was not opened, because messages could not be fetched").await;
        }
        let (max_events, end) = self.draw_end();
        self.shared.lock().set_activity(format!("connecting to {} after {cursor}", client.address()));
        let opened = timeout(OPEN_LIMIT, client.try_events(&self.options.path, Some(cursor))).await;
        let Ok(Ok(mut stream)) = opened else { return self.connection_failed("could not be opened").await };
        self.shared.lock().connected(format!("reading from {} after {cursor}", client.address()));
        let mut count = 0;
        let outcome = loop {
            let silence = self.options.max_silence;
            let next = tokio::select! {
                next = stream.try_next() => next?,
                () = self.shared.reconnect.notified() => break Ok(()),
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break Ok(()),
                () = sleep(silence.unwrap_or_default()), if silence.is_some() => break Ok(()),
            };
            let Some(event) = next else { break self.connection_failed("ended on its own").await };
            if let Err(violation) = self.receive(&event, count == 0) {
                break Err(violation);
            }
            count += 1;
            if max_events == Some(count) || !self.shared.lock().tracker.unloaded().is_empty() {
                break Ok(());
            }
        };
        self.shared.lock().tracker.disconnect();
        outcome
    }

    /// Checks an event and applies it.
    fn receive(&mut self, event: &Event, is_first: bool) -> Result<(), String> {
        for check in &self.options.checks {
            check(event)?;
        }
        if is_first && event.kind != "hello" {
            return Err(format!("the first event is not hello: {event:?}"));
        }
        {
            let mut state = self.shared.lock();
            state.keep(event.clone());
            let applied = state.tracker.apply(event);
            applied.map_err(|violation| format!("{violation}\nafter {:#?}", state.latest_events()))?;
        }
        self.shared.ready.notify_one();
        self.remember(event);
        Ok(())
    }

    async fn connection_failed(&self, what: &str) -> Result<(), String> {
        self.shared.lock().cuts += 1;
        if !self.options.expects_steady_apis {
            return Ok(());
        }
        tokio::time::sleep(RETRY_AFTER).await;
        Err(format!("a stream {what}"))
    }
}

//! A background client that follows a stream across dropped connections and restarts, and must end up with the complete
//! state.

mod connection;
mod options;
mod start;
mod tracker;

pub use options::{Check, FollowerOptions, ViolationHandler};

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    model::{Comparison, Model},
    sse::Event,
    wait::{PATIENCE, POLL_INTERVAL, eventually},
};
use tracker::Tracker;

/// Number of recent events shown to explain a failure.
const SHOWN_EVENTS: usize = 8;

/// A background client. Dropping it stops the client.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The state shared by the handle and the background task.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ready: Notify,
    reconnect: Notify,
    stop: CancellationToken,
}

#[derive(Debug)]
struct State {
    tracker: Tracker,
    events: VecDeque<Event>,
    max_events: usize,
    connections: usize,
    /// The number of connections that failed or that the api ended.
    cuts: usize,
    violation: Option<String>,
    is_calm: bool,
    /// The current activity and the time at which it started.
    activity: (String, Instant),
    last_event: Instant,
}

impl Shared {
    fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            ready: Notify::new(),
            reconnect: Notify::new(),
            stop: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn keep(&mut self, event: Event) {
        if self.events.len() == self.max_events {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.last_event = Instant::now();
    }

    fn latest_events(&self) -> Vec<&Event> {
        self.events.iter().rev().take(SHOWN_EVENTS).collect()
    }

    fn connected(&mut self, activity: String) {
        self.connections += 1;
        self.set_activity(activity);
    }

    fn set_activity(&mut self, what: String) {
        self.activity = (what, Instant::now());
    }
}

impl Follower {
    /// Starts a client that follows all of the user's sessions.
    pub async fn start(client: &Client) -> Self {
        FollowerOptions::user(client).start().await
    }

    /// Stops the client and waits until it has ended.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        let _ = (&mut self.task).await;
    }

    /// Returns all events so far, or only the latest ones (see [`FollowerOptions::keeping`]).
    pub fn events(&self) -> Vec<Event> {
        self.shared.lock().events.iter().cloned().collect()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Returns the number of connections that failed or that the api ended. The client itself also reconnects after it has
    /// fetched the messages of a session that already had messages when it was announced.
    pub fn cuts(&self) -> usize {
        self.shared.lock().cuts
    }

    /// Drops the connection now, as if the client switched networks.
    pub fn reconnect(&self) {
        self.shared.reconnect.notify_one();
    }

    /// Stops dropping connections and rewinding, starting with the next connection.
    pub fn calm_down(&self) {
        self.shared.lock().is_calm = true;
    }

    /// Returns the first violation of the contract, if there was one.
    pub fn violation(&self) -> Option<String> {
        self.shared.lock().violation.clone()
    }

    /// Returns the partial text of a task's answer.
    pub fn draft(&self, task: &str) -> String {
        self.assert_unbroken();
        self.shared.lock().tracker.model().draft(task).map(|draft| draft.text.clone()).unwrap_or_default()
    }

    /// Waits until the partial text of a task's answer is equal to this text.
    pub async fn wait_for_draft(&self, task: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let draft = self.draft(task);
            if draft == text {
                return;
            }
            assert!(Instant::now() < deadline, "the draft is {draft:?}, expected {text:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns the first matching event. Waits for one if none has arrived yet.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        eventually(what, async || {
            self.assert_unbroken();
            self.shared.lock().events.iter().find(|event| wanted(event)).cloned()
        })
        .await
    }

    /// Panics if the stream has violated the contract.
    pub fn assert_unbroken(&self) {
        if let Some(violation) = self.violation() {
            panic!("the stream violated the contract: {violation}");
        }
    }

    /// Waits until the state has caught up with an idle server, and compares it with a fresh GET.
    pub async fn settle(&self, client: &Client) {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Comparison::Elsewhere;
        let mut seq = None;
        while Instant::now() < deadline {
            self.assert_unbroken();
            let now: Model = self.shared.lock().tracker.model().clone();
            match now.compare(client).await {
                Comparison::Equal => return,
                // A replayed event may contain a newer object, and the GET may be newer as well, so the states are
                // compared twice at the same position. (The position of a session's stream cannot be compared, so a
                // difference may merely be a delay.)
                Comparison::Different(what) if seq == Some(now.seq()) && !now.is_of_session() => {
                    panic!("the derived state differs from a GET: {what}");
                }
                other @ (Comparison::Different(_) | Comparison::Elsewhere) => last = other,
            }
            seq = Some(now.seq());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never caught up: {last:#?}; {}", self.describe());
    }

    /// Describes the position and the current activity, to explain a failure.
    pub fn describe(&self) -> String {
        let state = self.shared.lock();
        let (activity, since) = &state.activity;
        let kinds: Vec<&str> = state.latest_events().into_iter().map(|event| event.kind.as_str()).collect();
        let (since, last) = (since.elapsed(), state.last_event.elapsed());
        format!(
            "at {}, {activity} since {since:?}, last event {last:?} ago, newest first {kinds:?}",
            state.tracker.cursor()
        )
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

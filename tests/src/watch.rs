//! A background client that follows a stream across dropped connections and restarts, and that must end with the
//! complete state.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::RngExt as _;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    model::{Comparison, Model},
    random::TestRng,
    sse::{Event, USER_EVENTS, session_events},
    wait::{LOOK_EVERY, PATIENCE, eventually},
};

/// Delay before a reconnect: an api that restarts refuses connections for a while.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);

/// Time limit for opening a stream. About once in a few thousand times, the HTTP client waits forever when the server
/// is down and the connection is accepted and closed at once, as by a proxy in front of it.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Maximum number of events on one connection of a client that rewinds.
const EVENTS_BEFORE_REWIND: u64 = 80;

/// Number of earlier states that such a client keeps.
const REMEMBERED_STATES: usize = 12;

/// One in this many states is kept.
const REMEMBER_ONE_IN: u32 = 8;

/// A check of every event in addition to the contract of a stream. `Err` describes the violation.
pub type Check = Arc<dyn Fn(&Event) -> Result<(), String> + Send + Sync>;

/// A background client. Dropping it stops the client.
#[derive(Debug)]
pub struct Watch {
    state: Arc<Mutex<State>>,
    ready: Arc<Notify>,
    reconnect: Arc<Notify>,
    stop: CancellationToken,
    _task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    model: Model,
    events: VecDeque<Event>,
    most_events: usize,
    connections: usize,
    violation: Option<String>,
    calm: bool,
    /// The current activity and its start.
    doing: (String, Instant),
    last_event: Instant,
}

/// Configuration of a [`Watch`].
pub struct Options {
    clients: Vec<Client>,
    path: String,
    session: Option<String>,
    cuts: Option<TestRng>,
    rewinds: Option<TestRng>,
    check: Option<Check>,
    most_events: usize,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Options {
    /// Follows the stream of all sessions.
    pub fn user(client: &Client) -> Self {
        Self::of(client, USER_EVENTS.into(), None)
    }

    /// Follows the stream of one session.
    pub fn session(client: &Client, session: &str) -> Self {
        Self::of(client, session_events(session), Some(session.to_owned()))
    }

    fn of(client: &Client, path: String, session: Option<String>) -> Self {
        let clients = vec![client.clone()];
        Self { clients, path, session, cuts: None, rewinds: None, check: None, most_events: usize::MAX }
    }

    /// Also reconnects to these apis, in turn.
    pub fn and_apis(mut self, clients: impl IntoIterator<Item = Client>) -> Self {
        self.clients.extend(clients);
        self
    }

    /// Drops the connection at random moments.
    pub fn with_cuts(mut self, rng: TestRng) -> Self {
        self.cuts = Some(rng);
        self
    }

    /// Drops the connection at random moments and resumes from an earlier state.
    pub fn with_rewinds(mut self, rng: TestRng) -> Self {
        self.rewinds = Some(rng);
        self
    }

    /// Checks every event with this function, too.
    pub fn with_check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Keeps only this many of the latest events, for a long run.
    pub fn keeping(mut self, events: usize) -> Self {
        self.most_events = events;
        self
    }

    /// Fetches the state and connects.
    pub async fn start(self) -> Watch {
        let model = match &self.session {
            Some(session) => Model::of_session(&self.clients[0], session).await,
            None => Model::of_user(&self.clients[0]).await,
        };
        let (events, most_events) = (VecDeque::new(), self.most_events);
        let state = State {
            model,
            events,
            most_events,
            connections: 0,
            violation: None,
            calm: false,
            doing: ("nothing yet".into(), Instant::now()),
            last_event: Instant::now(),
        };
        let (state, ready, reconnect) = (Arc::new(Mutex::new(state)), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let stop = CancellationToken::new();
        let follower = Follower {
            options: self,
            state: state.clone(),
            ready: ready.clone(),
            reconnect: reconnect.clone(),
            remembered: Vec::new(),
        };
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = follower.run() => {}
                }
            }
        });
        let watch = Watch { state, ready, reconnect, stop, _task: task };
        timeout(PATIENCE, watch.ready.notified()).await.expect("a stream");
        watch
    }
}

struct Follower {
    options: Options,
    state: Arc<Mutex<State>>,
    ready: Arc<Notify>,
    reconnect: Arc<Notify>,
    remembered: Vec<Model>,
}

impl Follower {
    async fn run(mut self) {
        for turn in 0.. {
            let client = self.options.clients[turn % self.options.clients.len()].clone();
            self.rewind();
            let cursor = self.state.lock().unwrap().model.cursor();
            if let Err(violation) = self.follow(&client, &cursor).await {
                self.state.lock().unwrap().violation = Some(violation);
                return;
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }

    /// Returns to one of the kept states half of the time.
    fn rewind(&mut self) {
        let mut state = self.state.lock().unwrap();
        let Some(rng) = self.options.rewinds.as_mut().filter(|_| !state.calm) else { return };
        if !self.remembered.is_empty() && rng.random_ratio(1, 2) {
            let index = rng.random_range(0..self.remembered.len());
            state.model = self.remembered[index].clone();
        }
    }

    /// Keeps some of the states after an event.
    fn remember(&mut self, event: &Event) {
        let Some(rng) = self.options.rewinds.as_mut().filter(|_| event.is_durable()) else { return };
        if rng.random_ratio(1, REMEMBER_ONE_IN) {
            let mut model = self.state.lock().unwrap().model.clone();
            model.disconnect();
            if self.remembered.len() == REMEMBERED_STATES {
                self.remembered.remove(0);
            }
            self.remembered.push(model);
        }
    }

    /// Draws the number of events after which this connection is dropped.
    fn draw_cut(&mut self) -> Option<u64> {
        if self.state.lock().unwrap().calm {
            return None;
        }
        let rewinds = self.options.rewinds.as_mut().map(|rng| rng.random_range(0..EVENTS_BEFORE_REWIND) + 1);
        self.options.cuts.as_mut().map(|rng| rng.random_range(0..12) + 1).or(rewinds)
    }

    /// Follows one connection until it ends or is dropped.
    async fn follow(&mut self, client: &Client, cursor: &str) -> Result<(), String> {
        let cut_after = self.draw_cut();
        self.state.lock().unwrap().does(format!("connecting to {} after {cursor}", client.address()));
        let opened = timeout(OPEN_LIMIT, client.try_events(&self.options.path, Some(cursor))).await;
        let Ok(Ok(mut stream)) = opened else { return Ok(()) };
        self.state.lock().unwrap().connections += 1;
        self.state.lock().unwrap().does(format!("reading from {} after {cursor}", client.address()));
        let mut count = 0;
        let outcome = loop {
            let next = tokio::select! {
                next = stream.try_next() => next?,
                () = self.reconnect.notified() => None,
            };
            let Some(event) = next else { break Ok(()) };
            if let Some(Err(violation)) = self.options.check.as_ref().map(|check| check(&event)) {
                break Err(violation);
            }
            if count == 0 && event.kind != "hello" {
                break Err(format!("the first event is not hello: {event:?}"));
            }
            let stale = {
                let mut state = self.state.lock().unwrap();
                state.keep(event.clone());
                if let Err(violation) = state.model.apply(&event) {
                    break Err(format!(
                        "{violation}\nafter {:#?}",
                        state.events.iter().rev().take(8).collect::<Vec<_>>()
                    ));
                }
                state.model.is_stale()
            };
            self.ready.notify_one();
            self.remember(&event);
            if stale {
                break Err(format!("an unexpected resync: {event:?}"));
            }
            count += 1;
            if cut_after == Some(count) {
                break Ok(());
            }
        };
        self.state.lock().unwrap().model.disconnect();
        outcome
    }
}

impl State {
    fn keep(&mut self, event: Event) {
        if self.events.len() == self.most_events {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.last_event = Instant::now();
    }

    fn does(&mut self, what: String) {
        self.doing = (what, Instant::now());
    }
}

impl Watch {
    /// Follows all of the user's sessions.
    pub async fn start(client: &Client) -> Self {
        Options::user(client).start().await
    }

    /// Returns all events so far, or the latest ones ([`Options::keeping`]).
    pub fn events(&self) -> Vec<Event> {
        self.state.lock().unwrap().events.iter().cloned().collect()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Drops the connection now, as a client does that switches networks.
    pub fn reconnect(&self) {
        self.reconnect.notify_one();
    }

    /// Stops dropping connections and rewinding, from the next connection on.
    pub fn calm_down(&self) {
        self.state.lock().unwrap().calm = true;
    }

    /// Returns the contract violation, if there was one.
    pub fn violation(&self) -> Option<String> {
        self.state.lock().unwrap().violation.clone()
    }

    /// Returns the partial text of a task's answer.
    pub fn draft(&self, task: &str) -> String {
        self.assert_unbroken();
        self.state.lock().unwrap().model.draft(task).map(|draft| draft.text.clone()).unwrap_or_default()
    }

    /// Waits until the partial text of a task's answer equals this text.
    pub async fn wait_for_draft(&self, task: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let draft = self.draft(task);
            if draft == text {
                return;
            }
            assert!(Instant::now() < deadline, "the draft is {draft:?} and not {text:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for an event among the past and future ones.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        eventually(what, async || {
            self.assert_unbroken();
            self.state.lock().unwrap().events.iter().find(|event| wanted(event)).cloned()
        })
        .await
    }

    /// Panics when the stream has violated the contract.
    pub fn assert_unbroken(&self) {
        if let Some(violation) = &self.state.lock().unwrap().violation {
            panic!("the stream violated the contract: {violation}");
        }
    }

    /// Waits until the state is up to date with an idle server, and compares it with a fresh GET.
    pub async fn settle(&self, client: &Client) {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Comparison::Elsewhere;
        let mut seq = None;
        while Instant::now() < deadline {
            self.assert_unbroken();
            let now = self.copy_of_model();
            match now.compare(client).await {
                Comparison::Equal => return,
                // A replayed event may carry a newer object, and the GET may be newer, so compare twice at the same
                // position. (A session's stream has no comparable position, so a difference there may only be a delay.)
                Comparison::Different(what) if seq == Some(now.seq()) && !now.is_of_session() => {
                    panic!("the reduced state differs from a GET: {what}");
                }
                other => last = other,
            }
            seq = Some(now.seq());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never caught up: {last:#?}; {}", self.describe());
    }

    /// Describes the position and activity, to explain a failure.
    pub fn describe(&self) -> String {
        let state = self.state.lock().unwrap();
        let (doing, since) = &state.doing;
        let kinds: Vec<&str> = state.events.iter().rev().take(8).map(|event| event.kind.as_str()).collect();
        let (since, last) = (since.elapsed(), state.last_event.elapsed());
        format!("at {}, {doing} since {since:?}, last event {last:?} ago, newest first {kinds:?}", state.model.cursor())
    }

    fn copy_of_model(&self) -> Model {
        self.state.lock().unwrap().model.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

//! A client in the background: it follows a stream through cuts and restarts, and at the end it must know everything.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    dice::Dice,
    model::{Comparison, Model},
    sse::{Event, USER_EVENTS, session_events},
    wait::{LOOK_EVERY, PATIENCE, eventually},
};

/// Pause before a reconnect: an api that restarts refuses connections for a while.
const RECONNECT_AFTER: Duration = Duration::from_millis(20);

/// How long a stream may take to open before it is tried again. The HTTP client waits for ever, once in some thousand
/// times, when a server that is down takes a connection and closes it at once, as a proxy before it does.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Most events on one connection of a client that goes back in time.
const EVENTS_BEFORE_REWIND: u64 = 80;

/// Earlier states that such a client remembers.
const REMEMBERED_STATES: usize = 12;

/// It remembers one state in so many events.
const REMEMBER_ONE_IN: u64 = 8;

/// What a test asks of every event beside the contract's rules of a stream: `Err` says what is wrong with it.
pub type Check = Arc<dyn Fn(&Event) -> Result<(), String> + Send + Sync>;

/// A background client; it is stopped when it is dropped.
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
    /// What it does now, and since when.
    doing: (String, Instant),
    last_event: Instant,
}

/// What a [`Watch`] follows.
pub struct Options {
    clients: Vec<Client>,
    path: String,
    session: Option<String>,
    cuts: Option<Dice>,
    rewinds: Option<Dice>,
    check: Option<Check>,
    most_events: usize,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Options {
    /// The stream of all sessions.
    pub fn user(client: &Client) -> Self {
        Self::of(client, USER_EVENTS.into(), None)
    }

    /// The stream of one session.
    pub fn session(client: &Client, session: &str) -> Self {
        Self::of(client, session_events(session), Some(session.to_owned()))
    }

    fn of(client: &Client, path: String, session: Option<String>) -> Self {
        let clients = vec![client.clone()];
        Self { clients, path, session, cuts: None, rewinds: None, check: None, most_events: usize::MAX }
    }

    /// Reconnects go to these apis in turn, too.
    pub fn and_apis(mut self, clients: impl IntoIterator<Item = Client>) -> Self {
        self.clients.extend(clients);
        self
    }

    /// Cuts the connection at random moments.
    pub fn with_cuts(mut self, dice: Dice) -> Self {
        self.cuts = Some(dice);
        self
    }

    /// Cuts the connection at random moments, and goes on from a state that it had at some earlier time.
    pub fn with_rewinds(mut self, dice: Dice) -> Self {
        self.rewinds = Some(dice);
        self
    }

    /// Asks this of every event, too.
    pub fn with_check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Keeps only so many of the last events, for a long run.
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

    /// Forgets, half of the time, what came after one of the remembered states.
    fn rewind(&mut self) {
        let mut state = self.state.lock().unwrap();
        let Some(dice) = self.options.rewinds.as_mut().filter(|_| !state.calm) else { return };
        if !self.remembered.is_empty() && dice.below(2) == 0 {
            let index = usize::try_from(dice.below(self.remembered.len() as u64)).unwrap();
            state.model = self.remembered[index].clone();
        }
    }

    /// Remembers the state after an event, now and then.
    fn remember(&mut self, event: &Event) {
        let Some(dice) = self.options.rewinds.as_mut().filter(|_| event.is_durable()) else { return };
        if dice.below(REMEMBER_ONE_IN) == 0 {
            let mut model = self.state.lock().unwrap().model.clone();
            model.disconnect();
            if self.remembered.len() == REMEMBERED_STATES {
                self.remembered.remove(0);
            }
            self.remembered.push(model);
        }
    }

    /// After how many events this connection is cut.
    fn draw_cut(&mut self) -> Option<u64> {
        if self.state.lock().unwrap().calm {
            return None;
        }
        let rewinds = self.options.rewinds.as_mut().map(|dice| dice.below(EVENTS_BEFORE_REWIND) + 1);
        self.options.cuts.as_mut().map(|dice| dice.below(12) + 1).or(rewinds)
    }

    /// Follows one connection to its end, or to its cut.
    async fn follow(&mut self, client: &Client, cursor: &str) -> Result<(), String> {
        let cut_after = self.draw_cut();
        self.state.lock().unwrap().does(format!("connects to {} after {cursor}", client.address()));
        let opened = timeout(OPEN_LIMIT, client.try_events(&self.options.path, Some(cursor))).await;
        let Ok(Ok(mut stream)) = opened else { return Ok(()) };
        self.state.lock().unwrap().connections += 1;
        self.state.lock().unwrap().does(format!("reads from {} after {cursor}", client.address()));
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
                break Err(format!("the first event is no hello: {event:?}"));
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
                break Err(format!("a resync that nothing explains: {event:?}"));
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
    /// Follows all the user's sessions.
    pub async fn start(client: &Client) -> Self {
        Options::user(client).start().await
    }

    /// All events so far (or the last ones: [`Options::keeping`]).
    pub fn events(&self) -> Vec<Event> {
        self.state.lock().unwrap().events.iter().cloned().collect()
    }

    /// How often it has connected.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Cuts the connection now, as a client does that goes elsewhere.
    pub fn reconnect(&self) {
        self.reconnect.notify_one();
    }

    /// From the next connection on: no cut and no going back.
    pub fn calm_down(&self) {
        self.state.lock().unwrap().calm = true;
    }

    /// What broke the contract, if anything did.
    pub fn violation(&self) -> Option<String> {
        self.state.lock().unwrap().violation.clone()
    }

    /// The text so far of a task's answer.
    pub fn draft(&self, task: &str) -> String {
        self.assert_unbroken();
        self.state.lock().unwrap().model.draft(task).map(|draft| draft.text.clone()).unwrap_or_default()
    }

    /// Waits until the text so far of a task's answer is exactly this.
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

    /// Waits for an event among those that came and will come.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        eventually(what, async || {
            self.assert_unbroken();
            self.state.lock().unwrap().events.iter().find(|event| wanted(event)).cloned()
        })
        .await
    }

    /// Panics when the stream has broken the contract.
    pub fn assert_unbroken(&self) {
        if let Some(violation) = &self.state.lock().unwrap().violation {
            panic!("the stream broke the contract: {violation}");
        }
    }

    /// Catches up with a server at rest, and compares: state by events must be what a fresh GET shows.
    pub async fn settle(&self, client: &Client) {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Comparison::Elsewhere;
        let mut seq = None;
        while Instant::now() < deadline {
            self.assert_unbroken();
            let now = self.copy_of_model();
            match now.compare(client).await {
                Comparison::Equal => return,
                // A replayed event may show a newer object, and the GET may be newer: look twice at one place.
                // (A session's stream has no position to compare, so there a difference may just be lateness.)
                Comparison::Different(what) if seq == Some(now.seq()) && !now.is_of_session() => {
                    panic!("state by events is not what a GET shows: {what}");
                }
                other => last = other,
            }
            seq = Some(now.seq());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never caught up: {last:#?}; {}", self.describe());
    }

    /// Where it is and what it does, to explain a complaint.
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

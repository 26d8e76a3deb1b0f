//! Configures what a [`Follower`](super::Follower) follows and what happens to its connections.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use crate::{
    client::Client,
    random::TestRng,
    sse::{Event, USER_EVENTS, session_events},
};

/// An additional check for every event. `Err` describes the violation.
pub type Check = Arc<dyn Fn(&Event) -> Result<(), String> + Send + Sync>;

/// A handler for violations.
pub type ViolationHandler = Arc<dyn Fn(String) + Send + Sync>;

/// Configuration of a [`Follower`](super::Follower).
pub struct FollowerOptions {
    pub(super) clients: Vec<Client>,
    pub(super) path: String,
    pub(super) session: Option<String>,
    pub(super) drops: Option<TestRng>,
    pub(super) rewinds: Option<TestRng>,
    pub(super) stays: Option<(Range<Duration>, TestRng)>,
    pub(super) checks: Vec<Check>,
    pub(super) violation_handler: Option<ViolationHandler>,
    pub(super) has_model: bool,
    pub(super) expects_steady_apis: bool,
    pub(super) max_silence: Option<Duration>,
    pub(super) max_events: usize,
}

impl fmt::Debug for FollowerOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FollowerOptions").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FollowerOptions {
    /// Follows the stream of all sessions.
    pub fn user(client: &Client) -> Self {
        Self::of(client, USER_EVENTS.into(), None)
    }

    /// Follows the stream of one session.
    pub fn session(client: &Client, session: &str) -> Self {
        Self::of(client, session_events(session), Some(session.to_owned()))
    }

    fn of(client: &Client, path: String, session: Option<String>) -> Self {
        Self {
            clients: vec![client.clone()],
            path,
            session,
            drops: None,
            rewinds: None,
            stays: None,
            checks: Vec::new(),
            violation_handler: None,
            has_model: true,
            expects_steady_apis: false,
            max_silence: None,
            max_events: usize::MAX,
        }
    }

    /// Also connects to these apis, one after another.
    pub fn and_apis(mut self, clients: impl IntoIterator<Item = Client>) -> Self {
        self.clients.extend(clients);
        self
    }

    /// Drops each connection after a random number of events.
    pub fn with_drops(mut self, rng: TestRng) -> Self {
        self.drops = Some(rng);
        self
    }

    /// Drops each connection after a random number of events, and sometimes resumes from an earlier state.
    pub fn with_rewinds(mut self, rng: TestRng) -> Self {
        self.rewinds = Some(rng);
        self
    }

    /// Drops each connection after a random duration in this range.
    pub fn with_stays(mut self, range: Range<Duration>, rng: TestRng) -> Self {
        self.stays = Some((range, rng));
        self
    }

    /// Also checks every event with this function.
    pub fn with_check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Passes violations to this function and continues after each of them.
    pub fn with_violation_handler(mut self, handler: ViolationHandler) -> Self {
        self.violation_handler = Some(handler);
        self
    }

    /// Tracks only the position in the log instead of the whole state, for long runs with many events.
    pub fn without_model(mut self) -> Self {
        self.has_model = false;
        self
    }

    /// Reports a violation if a connection fails or ends without being dropped by the client.
    pub fn expecting_steady_apis(mut self) -> Self {
        self.expects_steady_apis = true;
        self
    }

    /// Reconnects if nothing arrives for this long, not even a heartbeat. A client on another host requires this, because
    /// it is not notified when its api's host is lost.
    pub fn with_max_silence(mut self, limit: Option<Duration>) -> Self {
        self.max_silence = limit;
        self
    }

    /// Keeps only this many recent events, for long runs.
    pub fn keeping(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }
}

//! The state of a relay, for `/readyz`, `/metrics`, and the log.

use std::{
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Whether one direction of the relay works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It works: changes arrive within milliseconds.
    Connected,
    /// There is no connection. Changes arrive up to a second later, by polling.
    Away,
    /// Redis rejects the credentials, or the user lacks a permission. Changes arrive up to a second later.
    Denied,
    /// The wake-up file cannot be watched, so the database is polled: every 5 ms while anyone waits, otherwise every second.
    Polling,
}

impl LinkState {
    /// The state as `/readyz` shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "ok",
            Self::Away => "away",
            Self::Denied => "denied",
            Self::Polling => "polling",
        }
    }

    /// Whether changes arrive without the fallback of polling once a second.
    #[must_use]
    pub const fn is_connected(self) -> bool {
        match self {
            Self::Connected | Self::Polling => true,
            Self::Away | Self::Denied => false,
        }
    }
}

/// The state of a relay at one moment. The counts start at zero with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayStatus {
    /// The direction in which changes of other processes arrive.
    pub subscriber: LinkState,
    /// The direction in which changes of this process are announced.
    pub publisher: LinkState,
    /// Users with an open stream whose channel is not subscribed yet: for them, changes arrive up to a second later.
    pub pending_subscriptions: usize,
    /// Hints that were not delivered within a second, so that other processes found the change by polling.
    pub dropped_hints: u64,
    /// Pieces of live text that were not delivered; streams read the stored text instead.
    pub dropped_texts: u64,
    /// Signals that a receiver of this process missed because it lagged.
    pub lagged_signals: u64,
    /// Received messages that this installation has not signed.
    pub rejected_messages: u64,
}

impl RelayStatus {
    /// The state of the relay as a whole: the worse one of its two directions.
    #[must_use]
    pub const fn overall(&self) -> LinkState {
        if self.subscriber.is_connected() { self.publisher } else { self.subscriber }
    }
}

/// Counts what a relay has lost or rejected.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) dropped_hints: Counter,
    pub(super) dropped_texts: Counter,
    pub(super) rejected_messages: Counter,
}

/// A count that only rises.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many changes of a link are logged in [`LOG_PERIOD`]: one that connects and fails again and again fills no log.
const LOGGED_CHANGES: usize = 10;
/// See [`LOGGED_CHANGES`].
const LOG_PERIOD: Duration = Duration::from_mins(1);

/// The state of one direction. Every change is logged once.
#[derive(Debug)]
pub(super) struct Link {
    name: &'static str,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    /// `None` until the first attempt to connect has ended.
    state: Option<LinkState>,
    period_began_at: Option<Instant>,
    /// Changes since then.
    changes: usize,
}

impl Current {
    /// Sets the state. Returns whether the change is to be logged.
    fn replace(&mut self, state: LinkState, now: Instant) -> bool {
        if self.state.replace(state) == Some(state) {
            return false;
        }
        if self.period_began_at.is_none_or(|at| now.duration_since(at) >= LOG_PERIOD) {
            self.period_began_at = Some(now);
            self.changes = 0;
        }
        self.changes += 1;
        self.changes <= LOGGED_CHANGES
    }
}

impl Link {
    /// `name` is used in the log.
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, current: Mutex::new(Current { state: None, period_began_at: None, changes: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> LinkState {
        self.lock().state.unwrap_or(LinkState::Away)
    }

    /// Records that the direction works.
    pub(super) fn connected(&self) {
        if self.replace(LinkState::Connected) {
            tracing::info!(link = self.name, "relay connected");
        }
    }

    /// Records that the direction does not work, and why.
    pub(super) fn failed(&self, state: LinkState, reason: &dyn Display) {
        if !self.replace(state) {
            return;
        }
        let link = self.name;
        match state {
            LinkState::Away => tracing::warn!(link, %reason, "relay disconnected; polling the database"),
            LinkState::Denied => tracing::warn!(link, %reason, "relay access denied; polling the database"),
            LinkState::Polling => tracing::warn!(link, %reason, "cannot watch the wake-up file; polling the database"),
            LinkState::Connected => {}
        }
    }

    /// Records a state that the configuration asks for.
    pub(super) fn configured(&self, state: LinkState) {
        if self.replace(state) {
            tracing::info!(link = self.name, state = state.as_str(), "relay configured");
        }
    }

    fn replace(&self, state: LinkState) -> bool {
        self.lock().replace(state, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Current {
        Current { state: None, period_began_at: None, changes: 0 }
    }

    #[test]
    fn every_change_is_logged_once() {
        use LinkState::{Away, Connected, Denied};
        let (mut link, now) = (current(), Instant::now());

        let logged = [Away, Away, Denied, Connected, Connected, Away].map(|state| link.replace(state, now));

        assert_eq!(logged, [true, false, true, true, false, true]);
        assert_eq!(link.state, Some(Away));
    }

    #[test]
    fn a_link_that_keeps_changing_fills_no_log() {
        let (mut link, start) = (current(), Instant::now());
        let states = [LinkState::Connected, LinkState::Away];
        let mut logged = |seconds: u64, changes: usize| {
            let now = start + Duration::from_secs(seconds);
            (0..changes).filter(|number| link.replace(states[number % 2], now)).count()
        };

        assert_eq!(logged(0, 100), LOGGED_CHANGES);
        assert_eq!(logged(59, 100), 0);
        assert_eq!(logged(60, 2), 2);
    }

    #[test]
    fn a_link_is_away_until_it_is_known_to_work() {
        let link = Link::new("subscriber");
        assert_eq!(link.get(), LinkState::Away);

        link.connected();

        assert_eq!(link.get(), LinkState::Connected);
    }

    #[test]
    fn the_overall_state_is_the_worse_one() {
        use LinkState::{Away, Connected, Denied, Polling};
        for (subscriber, publisher, overall) in [
            (Connected, Connected, Connected),
            (Away, Connected, Away),
            (Connected, Away, Away),
            (Connected, Denied, Denied),
            (Denied, Away, Denied),
            (Polling, Connected, Connected),
            (Polling, Away, Away),
        ] {
            let status = RelayStatus {
                subscriber,
                publisher,
                pending_subscriptions: 0,
                dropped_hints: 0,
                dropped_texts: 0,
                lagged_signals: 0,
                rejected_messages: 0,
            };
            assert_eq!(status.overall(), overall, "{subscriber:?}, {publisher:?}");
        }
    }
}

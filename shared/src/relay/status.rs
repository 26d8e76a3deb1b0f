//! The state of a relay, for `/readyz`, `/metrics`, and the log.

use std::{
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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

/// The state of one direction. Every change is logged once.
#[derive(Debug)]
pub(super) struct Link {
    name: &'static str,
    /// `None` until the first attempt to connect has ended.
    state: Mutex<Option<LinkState>>,
}

impl Link {
    /// `name` is used in the log.
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<LinkState>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> LinkState {
        self.lock().unwrap_or(LinkState::Away)
    }

    /// Records that the direction works. Returns whether the state has changed.
    pub(super) fn connected(&self) -> bool {
        let is_new = self.replace(LinkState::Connected);
        if is_new {
            tracing::info!(link = self.name, "relay connected");
        }
        is_new
    }

    /// Records that the direction does not work, and why. Returns whether the state has changed.
    pub(super) fn failed(&self, state: LinkState, reason: &dyn Display) -> bool {
        let is_new = self.replace(state);
        if is_new {
            match state {
                LinkState::Away => {
                    tracing::warn!(link = self.name, %reason, "relay disconnected; polling the database every second");
                }
                LinkState::Denied => {
                    tracing::warn!(link = self.name, %reason, "relay denied; polling the database every second");
                }
                LinkState::Polling => {
                    tracing::warn!(link = self.name, %reason, "cannot watch the wake-up file; polling the database");
                }
                LinkState::Connected => {}
            }
        }
        is_new
    }

    /// Records a state that the configuration asks for.
    pub(super) fn configured(&self, state: LinkState) {
        if self.replace(state) {
            tracing::info!(link = self.name, state = state.as_str(), "relay configured");
        }
    }

    fn replace(&self, state: LinkState) -> bool {
        self.lock().replace(state) != Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_changes_its_state_once() {
        let link = Link::new("subscriber");
        assert_eq!(link.get(), LinkState::Away);

        let changes = [
            link.failed(LinkState::Away, &"refused"),
            link.failed(LinkState::Away, &"refused"),
            link.failed(LinkState::Denied, &"NOPERM"),
            link.connected(),
            link.connected(),
        ];

        assert_eq!(changes, [true, false, true, true, false]);
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

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
    /// Connected. Changes arrive within milliseconds.
    Connected,
    /// Not connected. Changes arrive within a second, by polling.
    Disconnected,
    /// Redis rejects the credentials, or the Redis user lacks a permission. Changes arrive within a second, by polling.
    Denied,
    /// The wake-up file cannot be watched, so the database is polled: every 5 ms while anything waits for changes,
    /// otherwise every second.
    Polling,
}

impl LinkState {
    /// Returns the name in `/readyz`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "ok",
            Self::Disconnected => "away",
            Self::Denied => "denied",
            Self::Polling => "polling",
        }
    }

    /// Returns whether waiting receivers get changes within milliseconds.
    #[must_use]
    pub const fn is_connected(self) -> bool {
        match self {
            Self::Connected | Self::Polling => true,
            Self::Disconnected | Self::Denied => false,
        }
    }
}

/// A snapshot of the state of a relay. Counts start at zero when the process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayStatus {
    /// The receiving direction.
    pub subscriber: LinkState,
    /// The sending direction.
    pub publisher: LinkState,
    /// The number of followed users to whose channel this process is not subscribed. Their changes arrive within a
    /// second.
    pub pending_subscriptions: usize,
    /// The number of hints that were not sent, so other processes had to find the changes by polling.
    pub dropped_hints: u64,
    /// The number of pieces of live text that were not sent; streams read the stored text instead.
    pub dropped_texts: u64,
    /// The number of signals that receivers in this process missed because they were too slow.
    pub lagged_signals: u64,
    /// The number of received messages without a valid signature.
    pub rejected_messages: u64,
}

impl RelayStatus {
    /// Returns the relay's overall state: the publisher's state or, if the subscriber is not connected, the
    /// subscriber's.
    #[must_use]
    pub const fn overall(&self) -> LinkState {
        if self.subscriber.is_connected() { self.publisher } else { self.subscriber }
    }
}

/// Counts of lost and rejected messages.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) dropped_hints: Counter,
    pub(super) dropped_texts: Counter,
    pub(super) rejected_messages: Counter,
}

/// A counter that threads can share.
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

/// The maximum number of state changes to log per link and [`LOG_PERIOD`], so that an unstable link does not flood the
/// log.
const LOGGED_CHANGES: usize = 10;
/// The period to which [`LOGGED_CHANGES`] applies.
const LOG_PERIOD: Duration = Duration::from_mins(1);

/// The state of one direction. Changes are logged, up to [`LOGGED_CHANGES`] per [`LOG_PERIOD`].
#[derive(Debug)]
pub(super) struct Link {
    name: &'static str,
    history: Mutex<LinkHistory>,
}

#[derive(Debug)]
struct LinkHistory {
    /// `None` until the first attempt to connect has finished.
    state: Option<LinkState>,
    period_began_at: Option<Instant>,
    /// The number of changes since the beginning of the period.
    changes: usize,
}

impl LinkHistory {
    /// Sets the state. Returns whether to log the change.
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
    /// Creates a link; `name` is used in the log.
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, history: Mutex::new(LinkHistory { state: None, period_began_at: None, changes: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, LinkHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> LinkState {
        self.lock().state.unwrap_or(LinkState::Disconnected)
    }

    /// Records that the direction works.
    pub(super) fn connected(&self) {
        if self.replace(LinkState::Connected) {
            tracing::info!(link = self.name, "relay connected");
        }
    }

    /// Records that the direction does not work, and the reason.
    pub(super) fn failed(&self, state: LinkState, reason: &dyn Display) {
        if !self.replace(state) {
            return;
        }
        let link = self.name;
        match state {
            LinkState::Disconnected => tracing::warn!(link, %reason, "relay disconnected; polling the database"),
            LinkState::Denied => tracing::warn!(link, %reason, "relay access denied; polling the database"),
            LinkState::Polling => tracing::warn!(link, %reason, "cannot watch the wake-up file; polling the database"),
            LinkState::Connected => {}
        }
    }

    /// Records a state that results from the configuration.
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

    fn new_history() -> LinkHistory {
        LinkHistory { state: None, period_began_at: None, changes: 0 }
    }

    #[test]
    fn logs_every_change_once() {
        use LinkState::{Connected, Denied, Disconnected};
        let (mut link, now) = (new_history(), Instant::now());

        let logged = [Disconnected, Disconnected, Denied, Connected, Connected, Disconnected]
            .map(|state| link.replace(state, now));

        assert_eq!(logged, [true, false, true, true, false, true]);
        assert_eq!(link.state, Some(Disconnected));
    }

    #[test]
    fn limits_the_log_entries_of_an_unstable_link() {
        let (mut link, start) = (new_history(), Instant::now());
        let states = [LinkState::Connected, LinkState::Disconnected];
        let mut logged = |seconds: u64, changes: usize| {
            let now = start + Duration::from_secs(seconds);
            (0..changes).filter(|number| link.replace(states[number % 2], now)).count()
        };

        assert_eq!(logged(0, 100), LOGGED_CHANGES);
        assert_eq!(logged(59, 100), 0);
        assert_eq!(logged(60, 2), 2);
    }

    #[test]
    fn is_disconnected_until_connected() {
        let link = Link::new("subscriber");
        assert_eq!(link.get(), LinkState::Disconnected);

        link.connected();

        assert_eq!(link.get(), LinkState::Connected);
    }

    #[test]
    fn the_overall_state_is_the_worse_state() {
        use LinkState::{Connected, Denied, Disconnected, Polling};
        for (subscriber, publisher, overall) in [
            (Connected, Connected, Connected),
            (Disconnected, Connected, Disconnected),
            (Connected, Disconnected, Disconnected),
            (Connected, Denied, Denied),
            (Denied, Disconnected, Denied),
            (Polling, Connected, Connected),
            (Polling, Disconnected, Disconnected),
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

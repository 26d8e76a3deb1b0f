//! The activity of a connection: whether it is waiting for its client or for this server.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a shutdown waits for a client that is still sending its request or is not reading the response.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(1);
/// How long a response may hold shared memory while other requests wait for memory.
const HOLD_LIMIT: Duration = Duration::from_secs(10);
/// Interval between checks for silent clients.
const SILENCE_CHECK: Duration = Duration::from_millis(50);

/// The activity of one connection, shared by everything that observes it.
#[derive(Debug)]
pub struct Activity {
    state: Mutex<State>,
    closed: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// The number of the latest exchange.
    exchanges: u64,
    /// The exchange whose request body has not fully arrived yet.
    body_of: Option<u64>,
    /// The exchange whose response has not been passed to the connection yet.
    response_of: Option<u64>,
    /// When the connection started waiting for its client.
    waiting_since: Instant,
    /// When the send buffer became full; `None` while the client is reading.
    stalled_since: Option<Instant>,
    /// When a response started holding shared memory.
    holding_since: Option<Instant>,
}

impl Activity {
    /// Creates the activity of a connection that was just accepted.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                exchanges: 0,
                body_of: None,
                response_of: None,
                waiting_since: Instant::now(),
                stalled_since: None,
                holding_since: None,
            }),
            closed: CancellationToken::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long the connection has been waiting for a request, or for the rest of a request body. Returns
    /// `None` while a complete request is being handled, or while the client is not reading.
    pub(super) fn waiting(&self) -> Option<Duration> {
        let state = self.state();
        let is_waiting = (state.response_of.is_none() || state.body_of.is_some()) && state.stalled_since.is_none();
        is_waiting.then(|| state.waiting_since.elapsed())
    }

    /// Returns how long the client has been too slow while a response holds shared memory. A client is too slow if it
    /// is not reading, or if the response has held the memory for more than [`HOLD_LIMIT`]. Returns `None` if no
    /// response holds shared memory.
    pub(super) fn overdue_hold(&self) -> Option<Duration> {
        let state = self.state();
        let held = state.holding_since?.elapsed();
        let stalled = state.stalled_since.map_or(Duration::ZERO, |since| since.elapsed());
        Some(stalled.min(held).max(held.saturating_sub(HOLD_LIMIT)))
    }

    /// Records whether a response on this connection holds shared memory.
    pub fn set_holds_memory(&self, holds: bool) {
        self.state().holding_since = holds.then(Instant::now);
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    /// Completes when the connection should be closed.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Completes when the client has been silent for [`SILENCE_LIMIT`] after `begun`. A client is silent if it has not
    /// finished sending its request, or if it is not reading the response.
    pub(super) async fn silent_since(&self, begun: Instant) {
        loop {
            let since = {
                let state = self.state();
                let is_receiving = state.response_of.is_none() || state.body_of.is_some();
                state.stalled_since.map(|at| at.max(begun)).or_else(|| is_receiving.then_some(begun))
            };
            if since.is_some_and(|since| since.elapsed() >= SILENCE_LIMIT) {
                return;
            }
            sleep(SILENCE_CHECK).await;
        }
    }

    /// Records that the send buffer is full.
    pub(super) fn stall(&self) {
        self.state().stalled_since.get_or_insert_with(Instant::now);
    }

    /// Returns whether the last write found the send buffer full, which means that data remains to be written.
    pub(super) fn is_stalled(&self) -> bool {
        self.state().stalled_since.is_some()
    }

    /// Records that the client is reading.
    pub(super) fn proceed(&self) {
        self.state().stalled_since = None;
    }

    /// Records that the head of a request has arrived. Returns the number of the exchange.
    pub(super) fn begin_exchange(&self, has_body: bool) -> u64 {
        let mut state = self.state();
        state.exchanges += 1;
        let number = state.exchanges;
        (state.response_of, state.body_of) = (Some(number), has_body.then_some(number));
        state.waiting_since = Instant::now();
        number
    }

    /// Records that this exchange's request body has arrived, or will not be read any further.
    pub(super) fn end_body(&self, exchange: u64) {
        let mut state = self.state();
        if state.body_of == Some(exchange) {
            state.body_of = None;
        }
    }

    /// Records that this exchange's response has been passed to the connection, or dropped.
    pub(super) fn end_response(&self, exchange: u64) {
        let mut state = self.state();
        if state.response_of == Some(exchange) {
            state.response_of = None;
            state.waiting_since = Instant::now();
        }
    }

    /// Moves all recorded times back.
    #[cfg(test)]
    pub(super) fn age(&self, by: Duration) {
        let mut state = self.state();
        state.waiting_since -= by;
        state.stalled_since = state.stalled_since.map(|since| since - by);
        state.holding_since = state.holding_since.map(|since| since - by);
    }

    /// Returns whether the connection should be closed.
    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }
}

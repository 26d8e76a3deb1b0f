//! The outcomes of tasks as they arrive on a user's streams.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;

use crate::{chat::has_ended, model::Position, sse::Event};

/// The final status of a task, and the time at which the event with this status arrived.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status.
    pub status: String,
    /// The time at which the event arrived.
    pub at: Instant,
}

/// A collection of outcomes from any number of streams that belong to one user.
#[derive(Debug, Default)]
pub struct Outcomes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The highest sequence number that has arrived on any stream.
    last_seq: u64,
    waiting: HashMap<String, oneshot::Sender<Outcome>>,
    /// Outcomes that arrived before the call to [`Outcomes::expect`].
    early: HashMap<String, Outcome>,
}

impl Outcomes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a receiver for the outcome of a task, which may already have arrived.
    pub fn expect(&self, task: &str) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if let Some(outcome) = state.early.remove(task) {
            let _ = sender.send(outcome);
        } else {
            state.waiting.insert(task.to_owned(), sender);
        }
        receiver
    }

    /// Records the outcome in an event, if there is one. Each event counts once, on the stream on which it arrives
    /// first.
    pub fn record(&self, event: &Event) {
        let Some(seq) = event.id.as_deref().and_then(|id| Position::parse(id).ok()).map(|position| position.seq) else {
            return;
        };
        let mut state = self.lock();
        if seq <= state.last_seq {
            return;
        }
        state.last_seq = seq;
        let task = &event.data["task"];
        let (Some(id), Some(status)) = (task["id"].as_str(), task["status"].as_str()) else { return };
        if event.kind != "task.updated" || !has_ended(task) {
            return;
        }
        let outcome = Outcome { status: status.to_owned(), at: Instant::now() };
        match state.waiting.remove(id) {
            Some(sender) => drop(sender.send(outcome)),
            None => drop(state.early.insert(id.to_owned(), outcome)),
        }
    }
}

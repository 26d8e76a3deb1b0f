//! Signals from the relay to other parts of the process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};

use super::{Hints, Signal};

/// The number of signals that are buffered for a slow receiver.
const BUFFER: usize = 4096;

/// The sending side.
#[derive(Clone, Debug)]
pub(super) struct SignalSender {
    sender: broadcast::Sender<Signal>,
    lagged: Arc<AtomicU64>,
}

impl SignalSender {
    pub(super) fn new() -> Self {
        Self::with_buffer(BUFFER)
    }

    fn with_buffer(signals: usize) -> Self {
        Self { sender: broadcast::channel(signals).0, lagged: Arc::default() }
    }

    /// Sends a signal to every receiver in this process. It is not an error if there are no receivers.
    pub(super) fn send(&self, signal: Signal) {
        let _ = self.sender.send(signal);
    }

    /// Sends the signals for a committed change.
    pub(super) fn send_hints(&self, hints: Hints) {
        let Hints { users, wake_workers, stops, decisions } = hints;
        for user in users {
            self.send(Signal::Log(user));
        }
        if wake_workers {
            self.send(Signal::WakeWorkers);
        }
        for task_id in stops {
            self.send(Signal::Stop(task_id));
        }
        for task_id in decisions {
            self.send(Signal::Decided(task_id));
        }
    }

    /// Returns a receiver for all future signals.
    pub(super) fn subscribe(&self) -> Signals {
        Signals { receiver: self.sender.subscribe(), lagged: Arc::clone(&self.lagged) }
    }

    /// Returns the number of signals that receivers have missed.
    pub(super) fn lagged(&self) -> u64 {
        self.lagged.load(Ordering::Relaxed)
    }
}

/// A receiver of signals.
///
/// If a receiver is too slow, the signals that it missed are replaced by one [`Signal::Changed`], and counted.
#[derive(Debug)]
pub struct Signals {
    receiver: broadcast::Receiver<Signal>,
    lagged: Arc<AtomicU64>,
}

impl Signals {
    /// Receives the next signal, or `None` after the relay has been dropped.
    pub async fn recv(&mut self) -> Option<Signal> {
        match self.receiver.recv().await {
            Ok(signal) => Some(signal),
            Err(RecvError::Lagged(missed)) => Some(self.count(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// Returns a signal that has already arrived, without waiting.
    pub fn try_recv(&mut self) -> Option<Signal> {
        match self.receiver.try_recv() {
            Ok(signal) => Some(signal),
            Err(TryRecvError::Lagged(missed)) => Some(self.count(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    fn count(&self, missed: u64) -> Signal {
        self.lagged.fetch_add(missed, Ordering::Relaxed);
        Signal::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lagging_receiver_gets_one_changed_signal() {
        for is_waiting in [false, true] {
            let sender = SignalSender::with_buffer(2);
            let mut signals = sender.subscribe();

            for _ in 0..5 {
                sender.send(Signal::WakeWorkers);
            }

            let first = if is_waiting { signals.recv().await } else { signals.try_recv() };
            assert!(matches!(first, Some(Signal::Changed)), "{first:?}");
            assert_eq!(sender.lagged(), 3);
            let rest: Vec<_> = std::iter::from_fn(|| signals.try_recv()).collect();
            assert!(matches!(rest[..], [Signal::WakeWorkers, Signal::WakeWorkers]), "{rest:?}");
        }
    }

    #[tokio::test]
    async fn receivers_end_with_their_relay() {
        let sender = SignalSender::new();
        let mut signals = sender.subscribe();

        drop(sender);

        assert!(signals.recv().await.is_none());
    }
}

//! The attempts running in this process, to which stop requests and permission decisions are delivered.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use banter_shared::{
    id::{TaskId, WorkerId},
    relay::{POLL_INTERVAL, SharedRelay, Signal},
    store::{Claim, Store},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Minimum interval between checks for stop requests. With the embedded relay, every commit by another process requires
/// a check.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The running attempts, by task.
#[derive(Clone, Debug, Default)]
pub struct RunningAttempts {
    attempts: Arc<Mutex<HashMap<TaskId, AttemptHandle>>>,
}

/// The channels to a running attempt.
#[derive(Clone, Debug)]
struct AttemptHandle {
    number: i64,
    stop: CancellationToken,
    decided: watch::Sender<()>,
}

/// Keeps an attempt in the list until the guard is dropped.
#[derive(Debug)]
pub struct AttemptGuard {
    list: RunningAttempts,
    task_id: TaskId,
    stop: CancellationToken,
    decided: watch::Receiver<()>,
}

impl RunningAttempts {
    /// Adds an attempt to the list.
    #[must_use]
    pub fn add(&self, claim: &Claim) -> AttemptGuard {
        let stop = CancellationToken::new();
        let (sender, decided) = watch::channel(());
        self.lock().insert(claim.task_id, AttemptHandle { number: claim.attempt, stop: stop.clone(), decided: sender });
        AttemptGuard { list: self.clone(), task_id: claim.task_id, stop, decided }
    }

    /// Returns the number of running attempts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, AttemptHandle>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the attempts that, according to the store, should stop or are no longer assigned to this worker.
    async fn check_stops(&self, store: &Store, worker: &WorkerId) {
        // Copy the list before reading the store, so that attempts added after the read are not compared with the
        // result of the read.
        let mine = self.lock().clone();
        if mine.is_empty() {
            return;
        }
        let stored = match store.list_running(worker).await {
            Ok(stored) => stored,
            Err(error) => return tracing::warn!(%error, "failed to read cancellation requests; retrying"),
        };
        for (task_id, attempt) in mine {
            let is_running = stored
                .iter()
                .any(|found| found.task_id == task_id && found.attempt == attempt.number && !found.is_stopping);
            if !is_running {
                attempt.stop.cancel();
            }
        }
    }

    /// Notifies all attempts that a decision may have been made, so that attempts waiting for a decision check the
    /// store.
    fn notify_decided(&self) {
        for attempt in self.lock().values() {
            attempt.decided.send_replace(());
        }
    }
}

impl AttemptGuard {
    /// Returns a token that is cancelled when, according to the store, the attempt should stop or has ended.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Returns a receiver that is notified whenever one of the attempt's permission requests may have been decided.
    #[must_use]
    pub fn decided(&self) -> watch::Receiver<()> {
        self.decided.clone()
    }
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        self.list.lock().remove(&self.task_id);
    }
}

/// Follows the relay until `end` is cancelled: wakes the queue, checks for stop requests, and notifies attempts of
/// decisions. Also does all of this once a second.
pub async fn follow(
    running: RunningAttempts,
    store: Store,
    relay: SharedRelay,
    worker: WorkerId,
    wake: Arc<Notify>,
    end: CancellationToken,
) {
    let mut signals = relay.signals();
    let mut poll = interval(POLL_INTERVAL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checks = PendingChecks::default();
    let mut next_stop_check = Instant::now();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            signal = signals.recv() => match signal {
                Some(signal) => checks.add(&signal),
                None => return,
            },
            _ = poll.tick() => checks = PendingChecks::all(),
            () = sleep_until(next_stop_check), if checks.stops => {}
        }
        // A single check covers all signals that have arrived before it.
        while let Some(signal) = signals.try_recv() {
            checks.add(&signal);
        }
        if mem::take(&mut checks.work) {
            wake.notify_one();
        }
        if mem::take(&mut checks.decisions) {
            running.notify_decided();
        }
        if checks.stops && Instant::now() >= next_stop_check {
            checks.stops = false;
            running.check_stops(&store, &worker).await;
            next_stop_check = Instant::now() + STOP_CHECK_INTERVAL;
        }
    }
}

/// The checks that the received signals require.
#[derive(Clone, Copy, Debug, Default)]
struct PendingChecks {
    /// There may be a task to claim.
    work: bool,
    /// An attempt may have to stop.
    stops: bool,
    /// A permission request may have been answered.
    decisions: bool,
}

impl PendingChecks {
    const fn all() -> Self {
        Self { work: true, stops: true, decisions: true }
    }

    fn add(&mut self, signal: &Signal) {
        match signal {
            Signal::Changed | Signal::Reconnected => *self = Self::all(),
            Signal::WakeWorkers => self.work = true,
            Signal::Stop(_) => self.stops = true,
            Signal::Decided(_) => self.decisions = true,
            Signal::Log(_) | Signal::Text(..) => {}
        }
    }
}

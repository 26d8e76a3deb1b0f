//! The attempts running in this process, to which stop requests and permission decisions are delivered. Attempts that
//! are assigned to this worker but do not run are handed back.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use banter_shared::{
    id::{TaskId, WorkerId},
    relay::{POLL_INTERVAL, SharedRelay, Signal},
    store::{Claim, RunningAttempt, Store, StoreError},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Minimum interval between checks for stop requests. With the embedded relay, every commit by another process requires
/// a check.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How long an attempt may be assigned to this worker before it runs here. If the response to a claim is lost, the
/// attempt is assigned to a worker that does not know it.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(5);

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

    /// Stops the attempts that, according to the store, should stop or are no longer assigned to this worker. Returns
    /// the attempts that are assigned to this worker but do not run.
    async fn check_stops(&self, store: &Store, worker: &WorkerId) -> Vec<RunningAttempt> {
        // Copy the list before reading the store, so that attempts added after the read are not compared with the
        // result of the read.
        let mine = self.lock().clone();
        let mut stored = match store.list_running(worker).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(%error, "failed to read cancellation requests; retrying");
                return Vec::new();
            }
        };
        for (task_id, attempt) in &mine {
            let is_running = stored
                .iter()
                .any(|found| found.task_id == *task_id && found.attempt == attempt.number && !found.is_stopping);
            if !is_running {
                attempt.stop.cancel();
            }
        }
        stored.retain(|found| !mine.contains_key(&found.task_id));
        stored
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

/// The attempts that are assigned to this worker but do not run, with the time at which each was first found.
#[derive(Debug, Default)]
struct UnknownAttempts(HashMap<(TaskId, i64), Instant>);

impl UnknownAttempts {
    /// Takes note of the attempts that were found now, and returns those that have been found for [`UNKNOWN_LIMIT`].
    fn note(&mut self, found: &[RunningAttempt], now: Instant) -> Vec<(TaskId, i64)> {
        let found: Vec<_> = found.iter().map(|found| (found.task_id, found.attempt)).collect();
        self.0.retain(|attempt, _| found.contains(attempt));
        for attempt in found {
            self.0.entry(attempt).or_insert(now);
        }
        self.0.iter().filter(|(_, since)| now.duration_since(**since) >= UNKNOWN_LIMIT).map(|(it, _)| *it).collect()
    }
}

/// Requeues an attempt that was never started here.
async fn hand_back(store: &Store, relay: &SharedRelay, task_id: TaskId, attempt: i64) {
    match store.hand_back(task_id, attempt).await {
        Ok(change) => {
            tracing::warn!(%task_id, attempt, "handed back an attempt whose claim was not confirmed");
            relay.announce(change.hints);
        }
        // The attempt has ended in the meantime.
        Err(StoreError::LeaseLost) => {}
        Err(error) => tracing::warn!(%task_id, %error, "failed to hand back an attempt; retrying"),
    }
}

/// Follows the relay until `end` is cancelled: wakes the queue, checks for stop requests, and notifies attempts of
/// decisions. Also does all of this once a second, and hands back attempts that do not run.
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
    let mut unknown = UnknownAttempts::default();
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
            let found = running.check_stops(&store, &worker).await;
            for (task_id, attempt) in unknown.note(&found, Instant::now()) {
                hand_back(&store, &relay, task_id, attempt).await;
            }
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

//! The attempts running in this process, to which stop requests and permission decisions are delivered. Attempts that
//! are assigned to this worker but do not run are handed back.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// How long an attempt may be assigned to this worker before it runs here, not counting the time of the claim. If the
/// response to a claim is lost, the attempt is assigned to a worker that does not know it.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(1);

/// The running attempts, by task.
#[derive(Clone, Debug, Default)]
pub struct RunningAttempts {
    attempts: Arc<Mutex<HashMap<TaskId, AttemptHandle>>>,
    claims: Arc<Mutex<ClaimsInProgress>>,
}

/// The claims in progress. Until a claim has returned, its attempts may already be assigned to this worker.
#[derive(Debug, Default)]
struct ClaimsInProgress {
    /// When each claim began, by its number, which increases with every claim.
    begun: BTreeMap<u64, Instant>,
    last: u64,
}

/// A claim in progress, until it is dropped.
#[derive(Debug)]
pub struct ClaimGuard {
    claims: Arc<Mutex<ClaimsInProgress>>,
    number: u64,
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        lock(&self.claims).begun.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Records that a claim is in progress. Must be called before every claim.
    #[must_use]
    pub fn begin_claim(&self) -> ClaimGuard {
        let mut claims = lock(&self.claims);
        claims.last += 1;
        let number = claims.last;
        claims.begun.insert(number, Instant::now());
        drop(claims);
        ClaimGuard { claims: Arc::clone(&self.claims), number }
    }

    /// Returns when the earliest claim in progress began, if there is one.
    fn earliest_claim(&self) -> Option<Instant> {
        lock(&self.claims).begun.values().next().copied()
    }

    /// Returns the number of running attempts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, AttemptHandle>> {
        lock(&self.attempts)
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
    /// `claiming_since` is when the earliest claim in progress began: attempts that were first found later may belong to
    /// it.
    fn note(&mut self, found: &[RunningAttempt], claiming_since: Option<Instant>, now: Instant) -> Vec<(TaskId, i64)> {
        let found: Vec<_> = found.iter().map(|found| (found.task_id, found.attempt)).collect();
        self.0.retain(|attempt, _| found.contains(attempt));
        for attempt in found {
            self.0.entry(attempt).or_insert(now);
        }
        let is_lost = |since: Instant| {
            now.duration_since(since) >= UNKNOWN_LIMIT && claiming_since.is_none_or(|begun| begun > since)
        };
        self.0.iter().filter(|(_, since)| is_lost(**since)).map(|(attempt, _)| *attempt).collect()
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
            for (task_id, attempt) in unknown.note(&found, running.earliest_claim(), Instant::now()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_handed_back_unless_it_may_belong_to_a_claim_in_progress() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let found = [RunningAttempt { task_id: TaskId::generate(), attempt: 2, is_stopping: false }];
        let lost = [(found[0].task_id, 2)];
        let mut unknown = UnknownAttempts::default();

        assert!(unknown.note(&found, None, at(10)).is_empty());
        assert!(unknown.note(&found, Some(at(9)), at(12)).is_empty());
        assert_eq!(unknown.note(&found, Some(at(11)), at(12)), lost);
        assert_eq!(unknown.note(&found, None, at(13)), lost);
        assert!(unknown.note(&[], None, at(14)).is_empty());
        assert!(unknown.note(&found, None, at(15)).is_empty());
    }

    #[test]
    fn the_earliest_claim_is_the_first_one_that_has_not_ended() {
        let running = RunningAttempts::default();
        assert_eq!(running.earliest_claim(), None);
        let first = running.begin_claim();
        let begun = running.earliest_claim();
        let second = running.begin_claim();

        assert_eq!(running.earliest_claim(), begun);
        drop(first);
        assert!(running.earliest_claim() >= begun);
        drop(second);
        assert_eq!(running.earliest_claim(), None);
    }
}

//! Stores the steps of a running attempt.
//!
//! Guarantees:
//! - Steps are numbered in the order in which they first arrive.
//! - Only the latest state of each step is written, and no more than once per [`WRITE_INTERVAL`] unless a step has
//!   started or its status has changed.
//! - States that have not been written when the attempt ends are stored with the outcome.
//! - All steps together stay within a [`budget`]. If anything is omitted, a notice is added.

mod budget;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use banter_shared::{
    chat::{PermissionDetail, StepDetail, StepKind, StepStatus},
    relay::SharedRelay,
    store::{Claim, StepState, Store, StoreError},
};
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use self::budget::{Budget, StoredDetail};
use crate::{
    agents::StepUpdate,
    text::{WriterStatus, join, sleep_until_due},
};

/// Minimum interval between writes of steps in progress.
const WRITE_INTERVAL: Duration = Duration::from_millis(150);
/// Pause after a failed write.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// The key for the notice about omitted steps. No driver uses a key that starts with this character.
const NOTICE_KEY: &str = "\0";
/// The title of the notice about omitted steps.
const NOTICE: &str = "Some steps were omitted because the step limit was reached.";

/// Collects the states of steps and stores them.
pub(crate) struct StepWriter {
    store: Store,
    relay: SharedRelay,
    claim: Claim,
    tasks: TaskTracker,
    /// All steps so far, by key, except permission requests.
    records: HashMap<String, StepRecord>,
    budget: Budget,
    /// The latest states that are not yet part of a write, by step number.
    waiting: BTreeMap<i64, StepState>,
    /// Whether a waiting state should be written immediately.
    is_urgent: bool,
    write_at: Instant,
    /// The write in progress, if any. It writes the states in `written`, and runs in a separate tokio task, because a
    /// write that is not polled would hold on to the process's only writer connection.
    in_flight: Option<JoinHandle<Result<(), StoreError>>>,
    written: Arc<Vec<StepState>>,
}

/// The last known state of a step.
struct StepRecord {
    seq: i64,
    status: StepStatus,
    detail: StoredDetail,
}

impl StepWriter {
    /// Creates a writer for a new attempt. Writes run on `tasks`.
    pub(crate) fn new(store: &Store, relay: &SharedRelay, tasks: &TaskTracker, claim: Claim) -> Self {
        Self {
            store: store.clone(),
            relay: relay.clone(),
            claim,
            tasks: tasks.clone(),
            records: HashMap::new(),
            budget: Budget::default(),
            waiting: BTreeMap::new(),
            is_urgent: false,
            write_at: Instant::now(),
            in_flight: None,
            written: Arc::default(),
        }
    }

    /// Accepts a step's latest state.
    pub(crate) fn push(&mut self, update: StepUpdate) {
        let StepUpdate { key, tool_call_id, title, status, detail } = update;
        if detail.kind() == StepKind::Permission {
            // A step has no channel for a reply.
            return tracing::warn!(task_id = %self.claim.task_id, "permission request received as a step; ignored");
        }
        let earlier = self.records.get(&key);
        if let Some(seq) = earlier.map(|record| record.seq).or_else(|| self.budget.number(detail.kind())) {
            self.is_urgent |= earlier.is_none_or(|record| record.status != status);
            let kept = self.budget.detail(earlier.map(|record| &record.detail), detail);
            let detail = kept.detail.clone();
            self.records.insert(key, StepRecord { seq, status, detail: kept });
            self.waiting.insert(seq, StepState { seq, tool_call_id, title, status, detail });
        }
        self.add_limit_notice();
    }

    /// Adds a notice if any steps or details have been omitted.
    fn add_limit_notice(&mut self) {
        if !self.budget.is_short() || self.records.contains_key(NOTICE_KEY) {
            return;
        }
        tracing::warn!(task_id = %self.claim.task_id, "step limit reached; further steps are omitted");
        let (seq, status) = (self.budget.last_number(), StepStatus::Succeeded);
        let detail = StepDetail::notice("warning", "");
        self.records
            .insert(NOTICE_KEY.to_owned(), StepRecord { seq, status, detail: StoredDetail::uncounted(detail.clone()) });
        self.is_urgent = true;
        let state = StepState { seq, tool_call_id: None, title: NOTICE.to_owned(), status, detail };
        self.waiting.insert(seq, state);
    }

    /// Accepts a permission request. Returns `false` if no more steps are allowed.
    pub(crate) fn push_permission(
        &mut self,
        tool_call_id: Option<String>,
        title: String,
        detail: PermissionDetail,
    ) -> bool {
        let Some(seq) = self.budget.number(StepKind::Permission) else {
            self.add_limit_notice();
            return false;
        };
        self.is_urgent = true;
        let (status, detail) = (StepStatus::Pending, StepDetail::Permission(detail));
        self.waiting.insert(seq, StepState { seq, tool_call_id, title, status, detail });
        true
    }

    /// Returns all states that may not have been stored.
    pub(crate) fn into_unwritten(self) -> Vec<StepState> {
        let mut unwritten = BTreeMap::new();
        if self.in_flight.is_some() {
            unwritten.extend(self.written.iter().map(|step| (step.seq, step.clone())));
        }
        unwritten.extend(self.waiting);
        unwritten.into_values().collect()
    }

    /// Returns whether [`StepWriter::advance`] has work to wait for.
    pub(crate) fn has_work(&self) -> bool {
        self.in_flight.is_some() || !self.waiting.is_empty()
    }

    /// Returns when the next write is due, if a write is pending.
    fn write_due(&self) -> Option<Instant> {
        (self.in_flight.is_none() && !self.waiting.is_empty()).then_some(self.write_at)
    }

    /// Waits for the next due action and performs it. This method is cancel safe.
    pub(crate) async fn advance(&mut self) -> WriterStatus {
        if self.is_urgent && self.in_flight.is_none() {
            self.is_urgent = false;
            self.write_at = self.write_at.min(Instant::now());
        }
        let write_due = self.write_due();
        tokio::select! {
            biased;
            outcome = join(&mut self.in_flight) => return self.finish_write(outcome),
            () = sleep_until_due(write_due) => {
                self.write_at = Instant::now() + WRITE_INTERVAL;
                self.is_urgent = false;
                self.written = Arc::new(std::mem::take(&mut self.waiting).into_values().collect());
                self.in_flight = Some(self.start_write());
            }
        }
        WriterStatus::Active
    }

    fn start_write(&self) -> JoinHandle<Result<(), StoreError>> {
        let (store, relay, claim) = (self.store.clone(), self.relay.clone(), self.claim.clone());
        let steps = Arc::clone(&self.written);
        self.tasks.spawn(async move {
            let changed = store.write_steps(&claim.user, claim.task_id, claim.attempt, &steps).await?;
            relay.announce(changed.hints);
            Ok(())
        })
    }

    /// Handles the result of a write. States that were not written are queued again, unless there are newer ones.
    fn finish_write(&mut self, outcome: Result<Result<(), StoreError>, JoinError>) -> WriterStatus {
        self.in_flight = None;
        let task_id = self.claim.task_id;
        match outcome {
            Ok(Ok(())) => return WriterStatus::Active,
            Ok(Err(StoreError::LeaseLost)) => return WriterStatus::LeaseLost,
            Ok(Err(error)) => tracing::warn!(%task_id, %error, "failed to store steps; retrying"),
            Err(error) => tracing::error!(%task_id, %error, "panicked while storing steps"),
        }
        for step in self.written.iter() {
            self.waiting.entry(step.seq).or_insert_with(|| step.clone());
        }
        self.is_urgent = false;
        self.write_at = Instant::now() + WRITE_PAUSE;
        WriterStatus::Active
    }
}

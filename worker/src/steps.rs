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
    state: StepState,
    /// The detail of the state, as counted by the budget.
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

    /// Accepts a step's latest state. `text_offset` is the current length of the answer's text in bytes.
    pub(crate) fn push(&mut self, update: StepUpdate, text_offset: i64) {
        let StepUpdate { key, tool_call_id, parent_tool_call_id, title, status, detail } = update;
        if detail.kind() == StepKind::Permission {
            // A step has no channel for a reply.
            return tracing::warn!(task_id = %self.claim.task_id, "permission request received as a step; ignored");
        }
        let earlier = self.records.get(&key);
        if let Some(seq) = earlier.map(|record| record.state.seq).or_else(|| self.budget.number(detail.kind())) {
            self.is_urgent |= earlier.is_none_or(|record| record.state.status != status);
            let now = self.store.clock().now();
            let ended_at = earlier.and_then(|record| record.state.ended_at).unwrap_or(now);
            let kept = self.budget.detail(earlier.map(|record| &record.detail), detail);
            let state = StepState {
                seq,
                tool_call_id,
                parent_tool_call_id,
                title,
                status,
                text_offset: earlier.map_or(text_offset, |record| record.state.text_offset),
                started_at: earlier.map_or(now, |record| record.state.started_at),
                ended_at: (!status.is_open()).then_some(ended_at),
                detail: kept.detail.clone(),
            };
            self.waiting.insert(seq, state.clone());
            self.records.insert(key, StepRecord { state, detail: kept });
        }
        self.add_limit_notice(text_offset);
    }

    /// Adds a notice if any steps or details have been omitted.
    fn add_limit_notice(&mut self, text_offset: i64) {
        if !self.budget.is_short() || self.records.contains_key(NOTICE_KEY) {
            return;
        }
        tracing::warn!(task_id = %self.claim.task_id, "step limit reached; further steps are omitted");
        let (detail, now) = (StepDetail::notice("warning", ""), self.store.clock().now());
        let state = StepState {
            seq: self.budget.last_number(),
            tool_call_id: None,
            parent_tool_call_id: None,
            title: NOTICE.to_owned(),
            status: StepStatus::Succeeded,
            text_offset,
            started_at: now,
            ended_at: Some(now),
            detail: detail.clone(),
        };
        self.is_urgent = true;
        self.waiting.insert(state.seq, state.clone());
        self.records.insert(NOTICE_KEY.to_owned(), StepRecord { state, detail: StoredDetail::uncounted(detail) });
    }

    /// Records that the answer's text so far has been retracted: it no longer precedes any step.
    pub(crate) fn retract_text(&mut self) {
        for StepRecord { state, .. } in self.records.values_mut().filter(|record| record.state.text_offset > 0) {
            state.text_offset = 0;
            self.waiting.insert(state.seq, state.clone());
        }
    }

    /// Accepts a permission request. `text_offset` is the current length of the answer's text in bytes. Returns `false`
    /// if no more steps are allowed.
    pub(crate) fn push_permission(
        &mut self,
        tool_call_id: Option<String>,
        title: String,
        detail: PermissionDetail,
        text_offset: i64,
    ) -> bool {
        let Some(seq) = self.budget.number(StepKind::Permission) else {
            self.add_limit_notice(text_offset);
            return false;
        };
        self.is_urgent = true;
        let state = StepState {
            seq,
            tool_call_id,
            parent_tool_call_id: None,
            title,
            status: StepStatus::Pending,
            text_offset,
            started_at: self.store.clock().now(),
            ended_at: None,
            detail: StepDetail::Permission(detail),
        };
        self.waiting.insert(seq, state);
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

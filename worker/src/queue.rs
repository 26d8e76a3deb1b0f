//! The apalis backend. Claims tasks from the store, but never more than there are free slots.
//!
//! Guarantees:
//! - In a single transaction (`Store::claim`), a claim updates the tasks, their jobs, and their attempts, and records
//!   the events.
//! - A task that was claimed but never started is handed back.
//! - No wake-up is lost, and the queue is also polled once a second.
//!
//! Outcomes are written by [`crate::turn`]; the acknowledgement only ends attempts whose handlers panicked or timed
//! out. `docs/adr/0002-own-queue-backend.md` explains why none of apalis's own storage backends is used.

use std::{
    collections::VecDeque,
    convert::Infallible,
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    error::BoxDynError,
    task::{ExecutionContext, Task, builder::TaskBuilder, status::Status, task_id::TaskId as JobId},
    worker::{
        context::WorkerContext,
        ext::ack::{Acknowledge, AcknowledgeLayer},
    },
};
use banter_shared::{
    chat::{ErrorCode, TaskError},
    id::WorkerId,
    relay::{POLL_INTERVAL, SharedRelay},
    store::{AttemptEnd, AttemptReport, Claim, Store, StoreError},
};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use crate::{attempts::RunningAttempts, outcome};

/// Pause after a failed claim.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// The dependencies and settings of an [`AgentQueue`].
#[derive(Clone, Debug)]
pub struct QueueParts {
    /// The store from which tasks are claimed.
    pub store: Store,
    /// The relay through which claims are announced.
    pub relay: SharedRelay,
    /// The ID of this worker.
    pub worker: WorkerId,
    /// The running attempts of this worker.
    pub running: RunningAttempts,
    /// Notified when there may be a task to claim.
    pub wake: Arc<Notify>,
    /// Maximum number of tasks that run at once.
    pub concurrency: usize,
    /// Cancelled when no more tasks should be claimed.
    pub drain: CancellationToken,
    /// Cancelled by the queue once it has stopped claiming tasks and has passed on every claimed task.
    pub drained: CancellationToken,
}

/// A slot and the claim that occupies it. The slot accompanies the first claim through apalis, and is released when the
/// last copy of the slot is dropped, after the acknowledgement.
#[derive(Clone, Debug)]
pub struct TaskSlot {
    claim: Arc<Mutex<Claim>>,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl TaskSlot {
    fn new(claim: Claim, permit: OwnedSemaphorePermit) -> Self {
        Self { claim: Arc::new(Mutex::new(claim)), _permit: Arc::new(permit) }
    }

    /// Assigns the slot to the next claim. The previous claim's attempt must have ended.
    pub fn assign(&self, claim: Claim) {
        *self.claim.lock().unwrap_or_else(PoisonError::into_inner) = claim;
    }

    /// Returns the claim that occupies the slot.
    fn claim(&self) -> Claim {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The apalis backend; see the module documentation.
pub struct AgentQueue {
    parts: QueueParts,
    slots: Arc<Semaphore>,
    /// Claimed tasks that apalis has not received yet.
    claimed: VecDeque<Task<Claim>>,
    /// The claim in progress. It runs in a separate tokio task, because the backend is not polled while the worker
    /// drains, and a query that is not polled would hold on to the process's only writer connection.
    claiming: JoinSet<Option<Vec<Task<Claim>>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl AgentQueue {
    /// Creates a queue with all slots free.
    #[must_use]
    pub fn new(parts: QueueParts) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(parts.concurrency)),
            claimed: VecDeque::new(),
            claiming: JoinSet::new(),
            closing: None,
            parts,
        }
    }
}

/// Waits for a free slot and a due task, and then claims due tasks for all free slots. Returns `None` once the worker
/// is draining.
async fn next_tasks(parts: QueueParts, slots: Arc<Semaphore>) -> Option<Vec<Task<Claim>>> {
    let mut permits = tokio::select! {
        permit = Arc::clone(&slots).acquire_owned() => permit.ok()?,
        () = parts.drain.cancelled() => return None,
    };
    loop {
        if parts.drain.is_cancelled() {
            return None;
        }
        // Only this function acquires permits, so the available permits stay available.
        if let Ok(more) = Arc::clone(&slots).try_acquire_many_owned(slots.available_permits().try_into().ok()?) {
            permits.merge(more);
        }
        // `Notify` remembers a notification if nothing is waiting, so a notification that arrives during the claim is
        // not lost.
        match try_claim(&parts, permits.num_permits()).await {
            Ok(claims) if !claims.is_empty() => return Some(occupy(&mut permits, claims)),
            Ok(_) => {
                tokio::select! {
                    _ = timeout(POLL_INTERVAL, parts.wake.notified()) => {}
                    () = parts.drain.cancelled() => return None,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "claim failed; retrying");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// Assigns a slot to each claim.
fn occupy(permits: &mut OwnedSemaphorePermit, claims: Vec<Claim>) -> Vec<Task<Claim>> {
    let tasks = claims.into_iter().filter_map(|claim| {
        let id = JobId::from_str(&claim.job_id)
            .inspect_err(|error| tracing::error!(%error, "job has an invalid ID"))
            .ok()?;
        let slot = TaskSlot::new(claim.clone(), permits.split(1)?);
        Some(TaskBuilder::new(claim).task_id(id).status(Status::Running).data(slot).build())
    });
    tasks.collect()
}

async fn try_claim(parts: &QueueParts, limit: usize) -> Result<Vec<Claim>, StoreError> {
    let _claiming = parts.running.begin_claim();
    let claimed = parts.store.claim(&parts.worker, limit).await?;
    parts.relay.announce(claimed.hints);
    Ok(claimed.value)
}

impl Backend for AgentQueue {
    type Task = Task<Claim>;
    /// An error would stop the worker, so when the store fails, the error is logged and the claim is retried instead.
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Task<Claim>, Infallible>>> {
        loop {
            if let Some(task) = self.claimed.pop_front() {
                return Poll::Ready(Some(Ok(task)));
            }
            if self.claiming.is_empty() {
                self.claiming.spawn(next_tasks(self.parts.clone(), Arc::clone(&self.slots)));
            }
            match ready!(self.claiming.poll_join_next(cx)) {
                Some(Ok(Some(tasks))) => self.claimed.extend(tasks),
                Some(Ok(None)) => {
                    self.parts.drained.cancel();
                    return Poll::Ready(None);
                }
                Some(Err(error)) => tracing::error!(%error, "claim panicked"),
                None => {}
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.parts.drain.cancel();
        let parts = self.parts.clone();
        let mut claimed = std::mem::take(&mut self.claimed);
        let mut claiming = std::mem::take(&mut self.claiming);
        let closing = self.closing.get_or_insert_with(|| {
            async move {
                while let Some(more) = claiming.join_next().await {
                    claimed.extend(more.ok().flatten().unwrap_or_default());
                }
                for task in claimed {
                    let Some(claim) = task.data().get::<TaskSlot>().map(TaskSlot::claim) else { continue };
                    let handed_back = AttemptEnd::HandedBack { text: String::new() };
                    outcome::write(&parts.store, &parts.relay, &claim, &AttemptReport::of(&claim, handed_back)).await;
                }
            }
            .boxed()
        });
        closing.poll_unpin(cx).map(Ok)
    }
}

impl BackendConfig for AgentQueue {
    type Args = Claim;
    type Id = Ulid;
    type Kind = Ephemeral;
    type Config = QueueParts;
    type Layer = AcknowledgeLayer<Acknowledger>;

    fn config(&self) -> &QueueParts {
        &self.parts
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        AcknowledgeLayer::new(Acknowledger { store: self.parts.store.clone(), relay: self.parts.relay.clone() })
    }
}

/// Ends attempts whose handlers panicked or timed out and therefore wrote no outcome.
#[derive(Clone)]
pub struct Acknowledger {
    store: Store,
    relay: SharedRelay,
}

impl<R: Send> Acknowledge<R> for Acknowledger {
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<(), Infallible>>;

    /// Checks the result, because the context's status is still `Running` after a panic or a timeout.
    fn ack(&mut self, result: &Result<R, BoxDynError>, context: &ExecutionContext) -> Self::Future {
        let slot = context.data().get::<TaskSlot>().cloned();
        let (Some(slot), Err(error)) = (slot, result) else { return async { Ok(()) }.boxed() };
        let Self { store, relay } = self.clone();
        let claim = slot.claim();
        tracing::error!(task_id = %claim.task_id, %error, "turn failed with an internal error");
        async move {
            let error = TaskError::new(ErrorCode::AgentError, "The worker hit an internal error.");
            let failed = AttemptEnd::Failed { text: String::new(), error, retry_after: None };
            outcome::write(&store, &relay, &claim, &AttemptReport::of(&claim, failed)).await;
            Ok(())
        }
        .boxed()
    }
}

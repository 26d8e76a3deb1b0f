//! Our backend for apalis: claims from the store one task at a time, and only when there is room for it.
//!
//! Guarantees: a claim is a task with its job, its attempt and its event changed together (`Store::claim`); what was
//! claimed and never started is handed back; a wake-up is never lost, and without one the queue is looked at once a
//! second. Outcomes are written by [`crate::turn`], not here: only a handler that panicked or overran is ended by the
//! acknowledgement. Why not the stock storage: `docs/adr/0002-own-queue-backend.md`.

use std::{
    convert::Infallible,
    str::FromStr as _,
    sync::Arc,
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
    store::{Claim, Finish, Store},
};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use crate::outcome;

/// Pause after a failed look at the store.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// What a worker's queue is made of.
#[derive(Clone, Debug)]
pub struct QueueParts {
    /// Where tasks come from.
    pub store: Store,
    /// Whom to tell of a claim.
    pub relay: SharedRelay,
    /// This worker.
    pub worker: WorkerId,
    /// Notified when there may be something to claim.
    pub wake: Arc<Notify>,
    /// Tasks at once.
    pub concurrency: usize,
    /// Cancelled when nothing more is to be claimed.
    pub drain: CancellationToken,
    /// Cancelled by the queue when nothing more will be claimed, and all that was claimed is on its way.
    pub drained: CancellationToken,
}

/// A claimed task on its way through apalis. The slot is free again when the last copy is dropped, which is after
/// the acknowledgement.
#[derive(Clone)]
struct Slot {
    claim: Claim,
    _permit: Arc<OwnedSemaphorePermit>,
}

/// See the module.
pub struct AgentQueue {
    parts: QueueParts,
    slots: Arc<Semaphore>,
    /// The claim in progress. Spawned, not polled: while the worker drains nobody polls the backend, and an unpolled
    /// query would hold the process's only writer connection.
    claiming: JoinSet<Option<Task<Claim>>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl AgentQueue {
    /// A queue from which nothing was claimed yet.
    #[must_use]
    pub fn new(parts: QueueParts) -> Self {
        Self { slots: Arc::new(Semaphore::new(parts.concurrency)), claiming: JoinSet::new(), closing: None, parts }
    }
}

/// Waits for room, then for a task. `None` once the worker drains.
async fn next(parts: QueueParts, slots: Arc<Semaphore>) -> Option<Task<Claim>> {
    let permit = tokio::select! {
        permit = slots.acquire_owned() => Arc::new(permit.ok()?),
        () = parts.drain.cancelled() => return None,
    };
    loop {
        if parts.drain.is_cancelled() {
            return None;
        }
        // `notify_one` leaves a permit when nobody waits, so what is signalled after this look is not lost.
        match try_claim(&parts).await {
            Ok(Some(claim)) => {
                let id = JobId::from_str(&claim.job_id)
                    .inspect_err(|error| tracing::error!(%error, "job has an invalid id"));
                let slot = Slot { claim: claim.clone(), _permit: permit };
                return Some(TaskBuilder::new(claim).task_id(id.ok()?).status(Status::Running).data(slot).build());
            }
            Ok(None) => {
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

async fn try_claim(parts: &QueueParts) -> Result<Option<Claim>, banter_shared::store::StoreError> {
    if !parts.store.has_due_job().await? {
        return Ok(None);
    }
    let claimed = parts.store.claim(&parts.worker).await?;
    parts.relay.announce(claimed.hints);
    if claimed.value.is_some() {
        // There may be more for another slot.
        parts.wake.notify_one();
    }
    Ok(claimed.value)
}

impl Backend for AgentQueue {
    type Task = Task<Claim>;
    /// An error here would end the worker: those of the store are logged and tried again instead.
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Task<Claim>, Infallible>>> {
        loop {
            if self.claiming.is_empty() {
                self.claiming.spawn(next(self.parts.clone(), Arc::clone(&self.slots)));
            }
            match ready!(self.claiming.poll_join_next(cx)) {
                Some(Ok(Some(task))) => return Poll::Ready(Some(Ok(task))),
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
        let mut claiming = std::mem::take(&mut self.claiming);
        let closing = self.closing.get_or_insert_with(|| {
            async move {
                while let Some(claimed) = claiming.join_next().await {
                    let Some(slot) = claimed.ok().flatten().and_then(|task| task.data().get::<Slot>().cloned()) else {
                        continue;
                    };
                    let handed_back = Finish::HandedBack { text: String::new() };
                    outcome::write(&parts.store, &parts.relay, &slot.claim, handed_back, &[]).await;
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
    type Layer = AcknowledgeLayer<EndUnfinished>;

    fn config(&self) -> &QueueParts {
        &self.parts
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        AcknowledgeLayer::new(EndUnfinished { store: self.parts.store.clone(), relay: self.parts.relay.clone() })
    }
}

/// Ends the attempt of a handler that did not do so itself: it panicked or overran.
#[derive(Clone)]
pub struct EndUnfinished {
    store: Store,
    relay: SharedRelay,
}

impl<R: Send> Acknowledge<R> for EndUnfinished {
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<(), Infallible>>;

    /// Judges by the result: after a panic or a time-out the context's status still says that the task runs.
    fn ack(&mut self, result: &Result<R, BoxDynError>, context: &ExecutionContext) -> Self::Future {
        let slot = context.data().get::<Slot>().cloned();
        let (Some(slot), Err(error)) = (slot, result) else { return async { Ok(()) }.boxed() };
        let Self { store, relay } = self.clone();
        tracing::error!(task_id = %slot.claim.task_id, %error, "turn failed with an internal error");
        async move {
            let error = TaskError::new(ErrorCode::AgentError, "The worker hit an internal error.");
            let failed = Finish::Failed { text: String::new(), error, retry_after: None };
            outcome::write(&store, &relay, &slot.claim, failed, &[]).await;
            Ok(())
        }
        .boxed()
    }
}

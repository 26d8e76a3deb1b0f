//! A running attempt's permission requests. For each request, a separate tokio task waits for a decision, the time
//! limit (if any), the withdrawal of the request, or the end of the attempt.
//!
//! Guarantees:
//! - Each request receives at most one decision, namely the one in the store.
//! - The time limit is measured with this process's monotonic clock.
//! - No reply is sent after the attempt has ended.

use std::time::Duration;

use banter_shared::{
    chat::{DecidedBy, PermissionOutcome, UserRef},
    id::PermissionId,
    relay::SharedRelay,
    store::{Store, StoreError},
};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{agents::PermissionReply, text::sleep_until_due};

/// Pause before retrying a failed write.
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Waits for the decisions on one attempt's requests. Dropping this value stops the waiting.
pub(crate) struct Permissions {
    store: Store,
    relay: SharedRelay,
    user: UserRef,
    tasks: TaskTracker,
    /// Changes whenever a request may have been decided.
    decided: watch::Receiver<()>,
    /// The number of requests that are waiting for a decision.
    open: watch::Sender<usize>,
    end: CancellationToken,
}

/// Counts a request as open until dropped.
struct OpenRequest(watch::Sender<usize>);

impl OpenRequest {
    fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|count| *count += 1);
        Self(open.clone())
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Drop for Permissions {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Permissions {
    /// Creates an instance for a new attempt.
    pub(crate) fn new(
        store: &Store,
        relay: &SharedRelay,
        tasks: &TaskTracker,
        user: &UserRef,
        decided: watch::Receiver<()>,
    ) -> Self {
        let (open, end) = (watch::Sender::new(0), CancellationToken::new());
        Self {
            store: store.clone(),
            relay: relay.clone(),
            user: user.clone(),
            tasks: tasks.clone(),
            decided,
            open,
            end,
        }
    }

    /// Returns a receiver for the number of requests that are waiting for a decision.
    pub(crate) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Starts waiting for the decision on a request whose step is about to be stored. The decision is sent to `reply`.
    pub(crate) fn wait_for(
        &self,
        id: PermissionId,
        time_limit: Option<Duration>,
        reply: oneshot::Sender<PermissionReply>,
    ) {
        let waiter = DecisionWaiter {
            store: self.store.clone(),
            relay: self.relay.clone(),
            user: self.user.clone(),
            id,
            decided: self.decided.clone(),
            deadline: time_limit.map(|limit| Instant::now() + limit),
        };
        let (end, open) = (self.end.clone(), OpenRequest::new(&self.open));
        self.tasks.spawn(async move {
            let _open = open;
            end.run_until_cancelled(waiter.answer(reply)).await
        });
    }
}

/// A permission request that is waiting for a decision.
struct DecisionWaiter {
    store: Store,
    relay: SharedRelay,
    user: UserRef,
    id: PermissionId,
    decided: watch::Receiver<()>,
    deadline: Option<Instant>,
}

impl DecisionWaiter {
    async fn answer(mut self, mut reply: oneshot::Sender<PermissionReply>) {
        let outcome = match self.wait(&mut reply).await {
            Ok(outcome) => outcome,
            Err(why) => self.give_up(why).await,
        };
        let decision = match outcome {
            PermissionOutcome { decided_by: DecidedBy::Withdrawn, .. } => return,
            PermissionOutcome { decided_by: DecidedBy::TimeLimit, .. } => PermissionReply::Expired,
            PermissionOutcome { decision, chosen, decided_by: DecidedBy::User } => {
                PermissionReply::Answered { decision, chosen }
            }
        };
        tracing::info!(permission_id = %self.id, ?decision, "permission request decided");
        // If the agent is no longer waiting, the receiver has been dropped.
        let _ = reply.send(decision);
    }

    /// Waits for a decision. The error says why there is none.
    async fn wait(&mut self, reply: &mut oneshot::Sender<PermissionReply>) -> Result<PermissionOutcome, DecidedBy> {
        loop {
            // Mark the channel before reading the store, so that a decision made during the read triggers another read.
            self.decided.mark_unchanged();
            match self.store.find_permission_outcome(self.id).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(permission_id = %self.id, %error, "failed to read the permission decision; retrying");
                }
            }
            tokio::select! {
                biased;
                () = reply.closed() => return Err(DecidedBy::Withdrawn),
                () = sleep_until_due(self.deadline) => return Err(DecidedBy::TimeLimit),
                changed = self.decided.changed() => if changed.is_err() {
                    return Err(DecidedBy::Withdrawn);
                },
            }
        }
    }

    /// Closes the request in the store, retrying until that succeeds. A decision that was made earlier takes
    /// precedence.
    async fn give_up(&self, why: DecidedBy) -> PermissionOutcome {
        loop {
            match self.store.close_permission(&self.user, self.id, why).await {
                Ok(ended) => {
                    self.relay.announce(ended.hints);
                    return ended.value;
                }
                // The step has not been stored yet.
                Err(StoreError::NotFound) => {}
                Err(error) => {
                    tracing::warn!(permission_id = %self.id, %error, "failed to close the permission request; retrying");
                }
            }
            sleep(WRITE_PAUSE).await;
        }
    }
}

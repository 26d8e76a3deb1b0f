//! Permission requests of a running attempt: each waits in a task of its own for the answer, its time limit, or the end.
//!
//! Guarantees: a request gets at most one decision, the one that the store has; the time limit is this process's own,
//! by its monotonic clock; when the attempt ends, nobody is answered any more.

use std::time::Duration;

use banter_shared::{
    chat::{DecidedBy, PermissionOutcome, UserRef},
    id::PermissionId,
    relay::SharedRelay,
    store::{Store, StoreError},
};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::agents::Decision;

/// Pause before an outcome is written again that could not be.
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Waits for the decisions of one attempt; dropped, it waits no more.
pub(crate) struct Permissions {
    store: Store,
    relay: SharedRelay,
    user: UserRef,
    tasks: TaskTracker,
    /// Changes whenever something may have been decided.
    decided: watch::Receiver<()>,
    end: CancellationToken,
}

impl Drop for Permissions {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Permissions {
    /// For an attempt without requests so far.
    pub(crate) fn new(
        store: &Store,
        relay: &SharedRelay,
        tasks: &TaskTracker,
        user: &UserRef,
        decided: watch::Receiver<()>,
    ) -> Self {
        let end = CancellationToken::new();
        Self { store: store.clone(), relay: relay.clone(), user: user.clone(), tasks: tasks.clone(), decided, end }
    }

    /// Waits for the decision of a request whose step is on its way to the store.
    pub(crate) fn wait_for(&self, id: PermissionId, time_limit: Duration, reply: oneshot::Sender<Decision>) {
        let waiting = Waiting {
            store: self.store.clone(),
            relay: self.relay.clone(),
            user: self.user.clone(),
            id,
            decided: self.decided.clone(),
            deadline: Instant::now() + time_limit,
        };
        let end = self.end.clone();
        self.tasks.spawn(async move { end.run_until_cancelled(waiting.answer(reply)).await });
    }
}

/// One request.
struct Waiting {
    store: Store,
    relay: SharedRelay,
    user: UserRef,
    id: PermissionId,
    decided: watch::Receiver<()>,
    deadline: Instant,
}

impl Waiting {
    async fn answer(mut self, mut reply: oneshot::Sender<Decision>) {
        let outcome = match self.wait(&mut reply).await {
            Ok(outcome) => outcome,
            Err(why) => self.give_up(why).await,
        };
        let decision = match outcome {
            PermissionOutcome { decided_by: DecidedBy::Withdrawn, .. } => return,
            PermissionOutcome { decided_by: DecidedBy::TimeLimit, .. } => Decision::Expired,
            PermissionOutcome { decision, chosen, decided_by: DecidedBy::User } => {
                Decision::Answered { decision, chosen }
            }
        };
        tracing::info!(permission_id = %self.id, ?decision, "permission request decided");
        // An agent that has stopped asking misses nothing.
        let _ = reply.send(decision);
    }

    /// Waits for somebody's answer; an error says why nobody waits any more.
    async fn wait(&mut self, reply: &mut oneshot::Sender<Decision>) -> Result<PermissionOutcome, DecidedBy> {
        loop {
            // Seen before the look, so that what is decided during it brings another one.
            self.decided.mark_unchanged();
            match self.store.find_permission_outcome(self.id).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) => tracing::warn!(permission_id = %self.id, %error, "failed to read the decision; retrying"),
            }
            tokio::select! {
                biased;
                () = reply.closed() => return Err(DecidedBy::Withdrawn),
                () = sleep_until(self.deadline) => return Err(DecidedBy::TimeLimit),
                changed = self.decided.changed() => if changed.is_err() {
                    return Err(DecidedBy::Withdrawn);
                },
            }
        }
    }

    /// Ends the request, however long the store makes us wait; an answer that came before counts.
    async fn give_up(&self, why: DecidedBy) -> PermissionOutcome {
        loop {
            match self.store.give_up_permission(&self.user, self.id, why).await {
                Ok(ended) => {
                    self.relay.announce(ended.hints);
                    return ended.value;
                }
                // Not stored yet.
                Err(StoreError::NotFound) => {}
                Err(error) => tracing::warn!(permission_id = %self.id, %error, "failed to close the request; retrying"),
            }
            sleep(WRITE_PAUSE).await;
        }
    }
}

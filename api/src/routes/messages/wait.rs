//! Waits for a task's outcome within the request that sends the message.

use std::time::Duration;

use banter_shared::{
    chat::{Principal, UserRef},
    id::TaskId,
    relay::{POLL_INTERVAL, Signal, Signals},
};
use tokio::time::Instant;

use super::response::{AcceptedMessage, Exchange};
use crate::{
    error::{ApiError, Code},
    middleware::disconnect::ClientDisconnect,
    state::AppState,
};

/// Minimum time between reads that signals trigger. This limits the load on the store, because signals may be frequent.
const READ_INTERVAL: Duration = Duration::from_millis(5);

/// How a wait ended.
pub enum WaitResult {
    /// The task has ended.
    Ended(Box<Exchange>),
    /// The task has not ended, but the time limit has passed, the server is draining, or the client has disconnected.
    Pending(Box<AcceptedMessage>),
    /// The message was deleted during the wait.
    Deleted,
}

/// Waits until a task ends, but at most until `deadline`. Returns the current message and task.
///
/// # Errors
/// Returns an error if the store fails, or [`Code::Unauthorized`] if the principal's key or login is no longer valid.
pub async fn wait_for_outcome(
    state: &AppState,
    principal: &Principal,
    task_id: TaskId,
    deadline: Instant,
    disconnect: &ClientDisconnect,
) -> Result<WaitResult, ApiError> {
    // Subscribe before the first read so that no outcome is missed in between.
    let mut signals = state.relay.signals();
    let user = &principal.user;
    let _follow = state.relay.follow(user).await;
    let mut checked_at = Instant::now();
    loop {
        let read_at = Instant::now();
        if read_at - checked_at >= POLL_INTERVAL {
            check_access(state, principal).await?;
            checked_at = read_at;
        }
        let Some((message, reply)) = state.store.find_exchange(task_id).await? else { return Ok(WaitResult::Deleted) };
        let Some(task) = message.task.clone() else { return Ok(WaitResult::Deleted) };
        if task.status.has_ended() {
            check_access(state, principal).await?;
            return Ok(WaitResult::Ended(Box::new(Exchange { message, task, reply })));
        }
        let until = deadline.min(Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = signalled(&mut signals, user) => tokio::time::sleep_until(deadline.min(read_at + READ_INTERVAL)).await,
            () = tokio::time::sleep_until(until) => {}
            () = state.shutdown.soft().cancelled() => {}
            () = disconnect.0.cancelled() => {}
        }
        if Instant::now() >= deadline || state.shutdown.soft().is_cancelled() || disconnect.0.is_cancelled() {
            return Ok(WaitResult::Pending(Box::new(AcceptedMessage { message, task })));
        }
    }
}

/// Fails if the request's key or login is no longer valid.
async fn check_access(state: &AppState, principal: &Principal) -> Result<(), ApiError> {
    if state.store.is_still_valid(principal).await? {
        return Ok(());
    }
    let detail =
        "The API key was revoked, or the user signed out, while the request was waiting. The message was stored.";
    Err(ApiError::new(Code::Unauthorized, detail))
}

/// Returns when the user's tasks may have changed.
async fn signalled(signals: &mut Signals, user: &UserRef) {
    loop {
        match signals.recv().await {
            Some(Signal::Changed | Signal::Reconnected) => break,
            Some(Signal::Log(whose)) if whose == *user => break,
            Some(Signal::Log(_) | Signal::Text(..) | Signal::WakeWorkers | Signal::Stop(_) | Signal::Decided(_)) => {}
            None => std::future::pending().await,
        }
    }
    // A single read covers all signals received so far.
    while signals.try_recv().is_some() {}
}

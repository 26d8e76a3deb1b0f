//! Waiting for the outcome of a task inside the request that sent its message.

use std::time::Duration;

use banter_shared::{
    chat::UserRef,
    id::TaskId,
    relay::{POLL_INTERVAL, Signal, Signals},
};
use tokio::time::Instant;

use super::create::{Accepted, Exchange};
use crate::{error::ApiError, middleware::own_task::ClientGone, state::AppState};

/// Shortest time between two looks: signals may come for each piece of anybody's answer.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// How a wait ended.
pub enum Waited {
    /// The task has its outcome.
    Ended(Box<Exchange>),
    /// It has none yet: time is up, the server drains, or the client is gone.
    NotYet(Box<Accepted>),
    /// The message was taken back meanwhile.
    Gone,
}

/// Waits until a task has ended, at most until `deadline`. Shows message and task as they are then.
///
/// # Errors
/// When the store fails.
pub async fn wait_for_outcome(
    state: &AppState,
    user: &UserRef,
    task_id: TaskId,
    deadline: Instant,
    gone: &ClientGone,
) -> Result<Waited, ApiError> {
    // Listen before the first look, so that no outcome falls between them.
    let mut signals = state.relay.signals();
    let _follow = state.relay.follow(user).await;
    loop {
        let looked_at = Instant::now();
        let Some((message, reply)) = state.store.find_exchange(task_id).await? else { return Ok(Waited::Gone) };
        let Some(task) = message.task.clone() else { return Ok(Waited::Gone) };
        if task.status.has_ended() {
            return Ok(Waited::Ended(Box::new(Exchange { message, task, reply })));
        }
        let until = deadline.min(Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = signalled(&mut signals, user) => tokio::time::sleep_until(deadline.min(looked_at + LOOK_INTERVAL)).await,
            () = tokio::time::sleep_until(until) => {}
            () = state.shutdown.soft().cancelled() => {}
            () = gone.0.cancelled() => {}
        }
        if Instant::now() >= deadline || state.shutdown.soft().is_cancelled() || gone.0.is_cancelled() {
            return Ok(Waited::NotYet(Box::new(Accepted { message, task })));
        }
    }
}

/// Returns when something may have happened to the user's tasks.
async fn signalled(signals: &mut Signals, user: &UserRef) {
    loop {
        match signals.recv().await {
            Some(Signal::Changed | Signal::Healed) => break,
            Some(Signal::Log(whose)) if whose == *user => break,
            Some(Signal::Log(_) | Signal::Text(..) | Signal::WakeWorkers | Signal::Stop(_) | Signal::Decided(_)) => {}
            None => std::future::pending().await,
        }
    }
    // One look answers all signals that came before it.
    while signals.try_recv().is_some() {}
}

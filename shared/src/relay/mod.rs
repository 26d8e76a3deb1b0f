//! The relay: tells other processes that something is there to be read.
//!
//! It carries hints; the truth is in the store. Whatever it loses, everything
//! still happens, a little later: every receiver also looks by itself once a second.

mod embedded;
mod wake;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::{chat::UserRef, id::TaskId};

pub use embedded::EmbeddedRelay;
pub use wake::WakeMode;

/// How often every receiver looks by itself, whatever the relay says: the net under the net.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Signals kept for a receiver that does not keep up; one that fell behind looks for itself.
const SIGNAL_BUFFER: usize = 1024;

/// What a committed change wants others to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Whose logs have grown.
    pub users: Vec<UserRef>,
    /// Whether a job became runnable.
    pub wake_workers: bool,
    /// Running tasks that are to stop.
    pub stops: Vec<TaskId>,
}

impl Hints {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.wake_workers && self.stops.is_empty()
    }
}

/// What arrives from other processes, and from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something was committed, and it is not known what: read the log, look for jobs and for stops.
    Changed,
}

/// Carries hints between processes. Both implementations give the same guarantees.
#[async_trait]
pub trait Relay: Debug + Send + Sync {
    /// Tells what a change has done. Called after its commit, never before; never waits.
    fn announce(&self, hints: Hints);

    /// Everything that arrives from now on. A receiver that lags has to read everything once.
    fn signals(&self) -> broadcast::Receiver<Signal>;

    /// Makes sure that this user's signals arrive, as long as the guard lives.
    async fn follow(&self, user: &UserRef) -> Follow;

    /// How much text a worker collects before it stores it.
    fn chunk_interval(&self) -> Duration;
}

/// A relay shared by the parts of a process.
pub type SharedRelay = Arc<dyn Relay>;

/// Held by whoever needs signals soon: an open stream, a running task.
pub struct Follow(#[expect(dead_code, reason = "held for its drop")] Option<Box<dyn std::any::Any + Send + Sync>>);

impl Follow {
    /// A guard that runs `guard`'s drop at its end.
    pub fn new(guard: impl std::any::Any + Send + Sync) -> Self {
        Self(Some(Box::new(guard)))
    }
}

impl Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follow")
    }
}

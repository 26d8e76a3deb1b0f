//! Whom a change concerns: what the store returns, and a relay carries.

use crate::{chat::UserRef, id::TaskId};

/// What a committed change wants others to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Whose logs have grown.
    pub users: Vec<UserRef>,
    /// Whether a job became runnable.
    pub wake_workers: bool,
    /// Running tasks that are to stop.
    pub stops: Vec<TaskId>,
    /// Running tasks of which a permission request was answered.
    pub decisions: Vec<TaskId>,
}

impl Hints {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.wake_workers && self.stops.is_empty() && self.decisions.is_empty()
    }
}

//! Hints about the effects of a change. The store returns the hints, and a relay sends them.

use crate::{chat::UserRef, id::TaskId};

/// What other processes need to know about a committed change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The users whose logs have grown.
    pub users: Vec<UserRef>,
    /// Whether a job became runnable.
    pub wake_workers: bool,
    /// Running tasks with a stop request.
    pub stops: Vec<TaskId>,
    /// Running tasks with an answered permission request.
    pub decisions: Vec<TaskId>,
}

impl Hints {
    /// Adds the hints of another change in the same transaction.
    pub fn merge(&mut self, other: Self) {
        self.users.extend(other.users);
        self.deduplicate_users();
        self.wake_workers |= other.wake_workers;
        self.stops.extend(other.stops);
        self.decisions.extend(other.decisions);
    }

    /// Removes repeated users.
    pub fn deduplicate_users(&mut self) {
        self.users.sort();
        self.users.dedup();
    }

    /// Returns whether there is nothing to announce.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.wake_workers && self.stops.is_empty() && self.decisions.is_empty()
    }
}

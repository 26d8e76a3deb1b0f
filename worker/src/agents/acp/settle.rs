//! How long to wait for updates that an agent sends late.
//!
//! In the protocol, only the result marks the end of a turn's updates, but some agents send the result first and the
//! last updates milliseconds or more afterward. So a turn ends once the agent has been silent for a while after the
//! result. The same applies to the history that some agents replay after the response to `session/load`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Silence after a prompt's result that ends the turn.
const TURN_SILENCE: Duration = Duration::from_millis(300);
/// The same for an agent that was observed to be later than that.
const LATE_SILENCE: Duration = Duration::from_secs(1);
/// Silence that ends a turn without any text so far, whose whole answer may be late.
pub(super) const EMPTY_SILENCE: Duration = Duration::from_secs(2);
/// Maximum time from a turn's result to its end, whatever still arrives.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// Silence after the response to `session/load` or `session/resume` that ends the replay.
const REPLAY_SILENCE: Duration = Duration::from_millis(500);
/// Maximum duration of a replay. If it takes longer, the session is not used.
const REPLAY_LIMIT: Duration = Duration::from_secs(15);

/// How late the updates of one agent are.
#[derive(Debug)]
pub(in crate::agents) struct SettlePolicy {
    /// Whether updates may follow the result of their turn.
    is_lenient: bool,
    /// Whether one was observed to be later than usual.
    is_late: AtomicBool,
}

/// A silence to wait for, and the maximum wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agents) struct SettleWindow {
    pub silence: Duration,
    pub limit: Duration,
}

impl SettlePolicy {
    /// Creates the policy for an unknown agent.
    pub const fn lenient() -> Self {
        Self { is_lenient: true, is_late: AtomicBool::new(false) }
    }

    /// Creates the policy for the demo, which sends no updates after its result.
    pub const fn strict() -> Self {
        Self { is_lenient: false, is_late: AtomicBool::new(false) }
    }

    /// Returns the silence that ends a turn after its result, or `None` if the result ends it.
    pub fn after_turn(&self) -> Option<SettleWindow> {
        let silence = if self.is_late.load(Ordering::Relaxed) { LATE_SILENCE } else { TURN_SILENCE };
        self.is_lenient.then_some(SettleWindow { silence, limit: TURN_LIMIT })
    }

    /// Returns the silence that ends the replay of an earlier session, or `None` if the response ends it.
    pub fn after_replay(&self) -> Option<SettleWindow> {
        self.is_lenient.then_some(SettleWindow { silence: REPLAY_SILENCE, limit: REPLAY_LIMIT })
    }

    /// Records that an update arrived this long after the result of its turn, or after the previous update.
    pub fn record_lateness(&self, gap: Duration) {
        // More than half of the silence is nearly too late.
        if gap * 2 > TURN_SILENCE {
            self.is_late.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_for_an_agent_that_is_nearly_too_late() {
        let policy = SettlePolicy::lenient();
        let before = policy.after_turn().unwrap();

        policy.record_lateness(before.silence / 3);
        assert_eq!(policy.after_turn(), Some(before));
        policy.record_lateness(before.silence / 2 + Duration::from_millis(1));

        assert_eq!(policy.after_turn().unwrap().silence, LATE_SILENCE);
        policy.record_lateness(LATE_SILENCE * 5);
        assert_eq!(policy.after_turn().unwrap().silence, LATE_SILENCE);
    }

    #[test]
    fn does_not_wait_for_the_demo() {
        let policy = SettlePolicy::strict();

        policy.record_lateness(LATE_SILENCE);

        assert_eq!((policy.after_turn(), policy.after_replay()), (None, None));
    }
}

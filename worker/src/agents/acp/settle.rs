//! How long to wait for late updates from an agent.
//!
//! In the protocol, the result marks the end of a turn's updates, but some agents send their last updates some
//! milliseconds or more after the result. A turn therefore ends once the agent has been silent for a while after the
//! result. The same applies to the history that some agents replay after the response to `session/load`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Silence after a prompt's result that ends a turn.
const TURN_SILENCE: Duration = Duration::from_millis(300);
/// Silence that ends a turn if the agent is known to send updates that late.
const LATE_SILENCE: Duration = Duration::from_secs(1);
/// Silence that ends a turn without text so far, because the whole answer may be late.
pub(super) const EMPTY_SILENCE: Duration = Duration::from_secs(2);
/// Maximum time from a turn's result to the end of the turn, even if updates keep arriving.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// Silence after the response to `session/load` or `session/resume` that ends the replay.
const REPLAY_SILENCE: Duration = Duration::from_millis(500);
/// Maximum duration of a replay. If it takes longer, the session is not used.
const REPLAY_LIMIT: Duration = Duration::from_secs(15);

/// How late one agent's updates may be.
#[derive(Debug)]
pub(in crate::agents) struct SettlePolicy {
    /// Whether updates may follow a turn's result.
    is_lenient: bool,
    /// Whether an update has arrived later than usual.
    is_late: AtomicBool,
}

/// The silence to wait for and the maximum wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agents) struct SettleWindow {
    pub silence: Duration,
    pub limit: Duration,
}

impl SettlePolicy {
    /// Creates a policy for an agent whose behavior is unknown.
    pub const fn lenient() -> Self {
        Self { is_lenient: true, is_late: AtomicBool::new(false) }
    }

    /// Creates a policy for the demo, which sends no updates after a result.
    pub const fn strict() -> Self {
        Self { is_lenient: false, is_late: AtomicBool::new(false) }
    }

    /// Returns the silence that ends a turn after its result, or `None` if the turn ends with the result.
    pub fn after_turn(&self) -> Option<SettleWindow> {
        let silence = if self.is_late.load(Ordering::Relaxed) { LATE_SILENCE } else { TURN_SILENCE };
        self.is_lenient.then_some(SettleWindow { silence, limit: TURN_LIMIT })
    }

    /// Returns the silence that ends the replay of an earlier session, or `None` if the replay ends with the response.
    pub fn after_replay(&self) -> Option<SettleWindow> {
        self.is_lenient.then_some(SettleWindow { silence: REPLAY_SILENCE, limit: REPLAY_LIMIT })
    }

    /// Records the time from a turn's result, or from the previous update after it, to the arrival of an update.
    pub fn record_lateness(&self, gap: Duration) {
        // More than half of the allowed silence is a close call.
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

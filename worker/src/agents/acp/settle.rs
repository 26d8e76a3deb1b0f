//! How long to wait for late updates from an agent.
//!
//! According to the protocol, all updates of a turn precede its result, but some agents send the last ones a few
//! milliseconds or more after the result. A turn therefore ends only once the agent has been silent for a while after
//! the result. Likewise, a restored session is not used until the agent has been silent for a while, because some
//! agents replay the history only after responding to `session/load`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// How long an agent must be silent after a prompt's result before the turn ends.
const TURN_SILENCE: Duration = Duration::from_millis(300);
/// How long an agent must be silent if it is known to send late updates.
const LATE_SILENCE: Duration = Duration::from_secs(1);
/// How long an agent must be silent if the turn has no text yet, because the entire answer may be late.
pub(super) const EMPTY_SILENCE: Duration = Duration::from_secs(2);
/// Maximum time from a turn's result to the end of the turn, even if updates keep arriving.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// How long an agent must be silent after its response to `session/load` or `session/resume` before the replay is
/// considered complete.
const REPLAY_SILENCE: Duration = Duration::from_millis(500);
/// Maximum duration of a replay. If the replay takes longer, the session is not used.
const REPLAY_LIMIT: Duration = Duration::from_secs(15);

/// How long to wait for an agent's late updates. The wait is longer if earlier ones were too late or nearly so.
#[derive(Debug)]
pub(in crate::agents) struct SettlePolicy {
    /// Whether updates may arrive after a turn's result.
    is_lenient: bool,
    /// Whether any update has arrived too late or nearly so.
    is_late: AtomicBool,
}

/// How long an agent must be silent, and the maximum time to wait for this silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agents) struct SettleWindow {
    pub silence: Duration,
    pub limit: Duration,
}

impl SettlePolicy {
    /// Creates a policy for an agent whose behavior is not known.
    pub const fn lenient() -> Self {
        Self { is_lenient: true, is_late: AtomicBool::new(false) }
    }

    /// Creates a policy for the demo agent, which sends no updates after a result.
    pub const fn strict() -> Self {
        Self { is_lenient: false, is_late: AtomicBool::new(false) }
    }

    /// Returns how long to wait for silence after a turn's result, or `None` if the turn ends with the result.
    pub fn after_turn(&self) -> Option<SettleWindow> {
        let silence = if self.is_late.load(Ordering::Relaxed) { LATE_SILENCE } else { TURN_SILENCE };
        self.is_lenient.then_some(SettleWindow { silence, limit: TURN_LIMIT })
    }

    /// Returns how long to wait for silence after an earlier session is restored, or `None` if the replay ends with the
    /// response.
    pub fn after_replay(&self) -> Option<SettleWindow> {
        self.is_lenient.then_some(SettleWindow { silence: REPLAY_SILENCE, limit: REPLAY_LIMIT })
    }

    /// Records a late update. `gap` is the time since the previous late update or, if there was none, since the turn's
    /// result.
    pub fn record_lateness(&self, gap: Duration) {
        // An update that arrives after more than half of the allowed silence is nearly too late.
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

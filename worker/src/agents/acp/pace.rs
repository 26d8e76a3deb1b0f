//! How long an agent's updates are waited for that come later than they should.
//!
//! The protocol has no end of the updates of a turn but its result, and some agents send the result first: their last words
//! follow it, after milliseconds or more. So a turn ends when nothing has come for a while after the result. The same goes
//! for the history that some agents replay after the response to `session/load`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Silence after the result of a prompt that ends the turn.
const TURN_SILENCE: Duration = Duration::from_millis(300);
/// The same for an agent that was seen to be later than that.
const LATE_SILENCE: Duration = Duration::from_secs(1);
/// How long a turn goes on after its result, however much still comes.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// Silence after an earlier session was taken up that ends its replay.
const REPLAY_SILENCE: Duration = Duration::from_millis(500);
/// How long a replay may take. If it takes longer, the session is not used.
const REPLAY_LIMIT: Duration = Duration::from_secs(15);

/// What is known of one agent.
#[derive(Debug)]
pub(super) struct Pace {
    /// Whether its updates may follow the result of their turn.
    is_lax: bool,
    /// Whether one was seen to be later than is usual.
    is_late: AtomicBool,
}

/// A silence to wait for, and how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quiet {
    pub silence: Duration,
    pub limit: Duration,
}

impl Pace {
    /// Creates the pace of an agent that nothing is known of.
    pub const fn unknown() -> Self {
        Self { is_lax: true, is_late: AtomicBool::new(false) }
    }

    /// Creates the pace of our own agent, which sends no update after its result.
    pub const fn in_order() -> Self {
        Self { is_lax: false, is_late: AtomicBool::new(false) }
    }

    /// Returns what ends a turn after its result; `None`: the result does.
    pub fn after_turn(&self) -> Option<Quiet> {
        let silence = if self.is_late.load(Ordering::Relaxed) { LATE_SILENCE } else { TURN_SILENCE };
        self.is_lax.then_some(Quiet { silence, limit: TURN_LIMIT })
    }

    /// Returns what ends the replay of an earlier session; `None`: the response does.
    pub fn after_replay(&self) -> Option<Quiet> {
        self.is_lax.then_some(Quiet { silence: REPLAY_SILENCE, limit: REPLAY_LIMIT })
    }

    /// Takes note that an update came so long after the result of its turn, or after the one before it.
    pub fn was_late(&self, gap: Duration) {
        // Twice is nearly too late.
        if gap * 2 > TURN_SILENCE {
            self.is_late.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_is_nearly_too_late_is_given_more_time() {
        let pace = Pace::unknown();
        let before = pace.after_turn().unwrap();

        pace.was_late(before.silence / 3);
        assert_eq!(pace.after_turn(), Some(before));
        pace.was_late(before.silence / 2 + Duration::from_millis(1));

        assert_eq!(pace.after_turn().unwrap().silence, LATE_SILENCE);
        pace.was_late(LATE_SILENCE * 5);
        assert_eq!(pace.after_turn().unwrap().silence, LATE_SILENCE);
    }

    #[test]
    fn our_own_agent_is_not_waited_for() {
        let pace = Pace::in_order();

        pace.was_late(LATE_SILENCE);

        assert_eq!((pace.after_turn(), pace.after_replay()), (None, None));
    }
}

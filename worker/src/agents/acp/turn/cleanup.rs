//! The cleanup after a turn.

use super::processes::kill_detached;
use crate::agents::acp::{connection::Connection, settle::SettlePolicy};

/// The cleanup between a turn and the session's next turn.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Cleanup {
    /// When the turn began, in hundredths of a second since boot.
    pub(super) started_at: u64,
    /// Whether more updates from the turn may arrive. A cancelled turn is reported to the user as ended before these
    /// updates arrive.
    pub(super) is_unsettled: bool,
}

impl Cleanup {
    /// If more updates may arrive, waits until the agent is silent, discarding its output. Then kills any detached
    /// processes that the turn left running. Returns `false` if the connection cannot be used for another turn.
    pub async fn run(self, connection: &Connection, policy: &SettlePolicy) -> bool {
        let is_silent = match policy.after_turn() {
            Some(window) if self.is_unsettled => connection.settle(window).await,
            Some(_) | None => true,
        };
        is_silent && kill_detached(connection.handle(), self.started_at).await
    }
}

//! The phase at the end of a turn in which late updates may still arrive.

use serde_json::Value;
use tokio::time::Instant;

use super::super::{
    connection::TurnEvent,
    mapper,
    peer::RequestError,
    permission,
    settle::{EMPTY_SILENCE, SettlePolicy, SettleWindow},
};

/// A turn that has a result but may still receive updates.
pub(super) struct SettlingTurn {
    /// The result of the turn's prompt.
    pub result: Result<Value, RequestError>,
    window: SettleWindow,
    ended_at: Instant,
    last_update_at: Instant,
}

impl SettlingTurn {
    /// Starts waiting for late updates.
    pub fn new(result: Result<Value, RequestError>, window: SettleWindow) -> Self {
        let now = Instant::now();
        Self { result, window, ended_at: now, last_update_at: now }
    }

    /// Returns when the turn will end if no other update arrives.
    pub fn settled_at(&self, has_text: bool) -> Instant {
        let is_empty = self.result.is_ok() && !has_text;
        let silence = if is_empty { self.window.silence.max(EMPTY_SILENCE) } else { self.window.silence };
        (self.last_update_at + silence).min(self.ended_at + self.window.limit)
    }

    /// Returns the event unless it is a permission request. Such a request is cancelled, because the prompt already has
    /// a result.
    pub fn accept(&mut self, event: TurnEvent, settle_policy: &SettlePolicy) -> Option<TurnEvent> {
        match event {
            TurnEvent::Update(update) => {
                if mapper::is_of_turn(&update) {
                    settle_policy.record_lateness(self.last_update_at.elapsed());
                    self.last_update_at = Instant::now();
                }
                Some(TurnEvent::Update(update))
            }
            TurnEvent::Malformed => Some(TurnEvent::Malformed),
            TurnEvent::Permission(_, responder) => {
                responder.respond(Ok(permission::cancelled()));
                None
            }
        }
    }
}

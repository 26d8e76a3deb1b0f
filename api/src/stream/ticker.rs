//! The work that recurs for every stream: heartbeats, renewal of typing events, missed text, and credential checks.
//!
//! Three tasks do this work for all streams, so that a stream needs no timers of its own.

use std::time::Duration;

use banter_shared::store::StoreError;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{hub::Hub, live_text::partial_event, live_update::LiveUpdate, missed_text::MissedText, open_streams::TICK};

/// Interval between credential checks. Streams must end within 5 s after their key is revoked.
const CREDENTIAL_CHECK: Duration = Duration::from_secs(2);
/// Interval between reads of the text that streams have missed.
const MISSED_TEXT_READ: Duration = Duration::from_millis(100);

impl Hub {
    /// Visits every stream once per round until the process is draining, then ends all streams.
    pub(super) async fn tick(self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let visit = async {
            loop {
                self.open_streams.any().await;
                ticks.tick().await;
                self.tick_frames.clear();
                self.open_streams.tick();
            }
        };
        self.shutdown.soft().run_until_cancelled(visit).await;
        self.open_streams.drain();
    }

    /// Checks all credentials repeatedly, until the process is draining.
    pub(super) async fn check_credentials(self) {
        let mut checks = interval(CREDENTIAL_CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let check = async {
            loop {
                self.open_streams.any().await;
                checks.tick().await;
                self.credentials.check(&self.store).await;
            }
        };
        self.shutdown.soft().run_until_cancelled(check).await;
    }

    /// Reads the stored text of answers that streams have missed in part, until the process is draining. Each text is
    /// read once for all streams.
    pub(super) async fn read_missed_texts(self) {
        let read = async {
            loop {
                self.missed_texts.added().await;
                sleep(MISSED_TEXT_READ).await;
                for missed in self.missed_texts.take() {
                    if let Err(error) = self.send_missed_text(missed).await {
                        tracing::warn!(%error, "failed to read the partial answer; retrying");
                        self.missed_texts.add(missed);
                    }
                }
            }
        };
        self.shutdown.soft().run_until_cancelled(read).await;
    }

    async fn send_missed_text(&self, missed: MissedText) -> Result<(), StoreError> {
        let MissedText { user_log_id, session_id, task_id, attempt } = missed;
        // If there is no partial, the attempt has ended, and the event for its end follows.
        let Some(partial) = self.store.find_partial(task_id, attempt).await? else { return Ok(()) };
        let next_offset = partial.next_offset;
        let channel = self.channels().get(user_log_id).cloned();
        if let (Some(channel), Some(frame)) = (channel, self.encode(partial_event(partial), Some(session_id))) {
            channel.send(LiveUpdate::Partial { task_id, attempt, next_offset, frame });
        }
        Ok(())
    }
}

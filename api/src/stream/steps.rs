//! Steps of running tasks.

use banter_shared::{event::EventData, store::StepRow};

use super::event_stream::{CloseReason, EventStream};

impl EventStream {
    /// Forwards a step, in the order of changes, unless it was sent before.
    pub(super) async fn handle_step(&mut self, row: &StepRow) -> Result<(), CloseReason> {
        if self.step_revision.is_some_and(|sent| row.step.revision <= sent) {
            return Ok(());
        }
        self.step_revision = Some(row.step.revision);
        let sent = self.running.get(&row.task_id).filter(|running| running.attempt == row.attempt);
        if sent.and_then(|running| running.sent_steps.get(&row.step.seq)).is_some_and(|sent| row.step.revision <= *sent)
        {
            return Ok(());
        }
        if self.only.is_none_or(|only| only == row.session_id) {
            self.send_step(row.clone()).await?;
        }
        Ok(())
    }

    pub(super) async fn send_step(&self, row: StepRow) -> Result<(), CloseReason> {
        let StepRow { session_id, task_id, attempt, step, user_log_id: _ } = row;
        self.send(EventData::TaskStep { task_id, attempt, step }, Some(session_id)).await
    }
}

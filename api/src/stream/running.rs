//! The running tasks that a stream follows, and the output that it sends once it has caught up with the log.

use std::{collections::BTreeMap, sync::Arc};

use banter_shared::{
    chat::Partial,
    event::EventData,
    id::{SessionId, TaskId},
    relay::LiveText,
    store::{RunningPart, RunningTask, StreamState},
};

use super::connection::{Closed, Connection};

/// The progress of a stream within the output of a running task.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) session_id: SessionId,
    pub(super) agent_key: String,
    pub(super) attempt: i64,
    /// The offset at which the next delta starts.
    pub(super) next_offset: i64,
    /// Deltas after a gap, held until the stored text closes it.
    pub(super) held: Vec<Arc<LiveText>>,
    /// Steps that were sent with a higher revision than the stream's, by `seq`.
    pub(super) sent_steps: BTreeMap<i64, i64>,
}

impl Connection {
    /// Sends the steps of ended tasks, then the output of each running task. If there are more steps of ended tasks,
    /// sends only steps, and returns `true`: the state must be read again.
    pub(super) async fn send_state(&mut self, state: StreamState) -> Result<bool, Closed> {
        self.step_revision = Some(state.step_revision);
        for closed in state.closed_steps {
            self.send_step(closed).await?;
        }
        if state.has_more {
            return Ok(true);
        }
        let ended: Vec<TaskId> = self.running.keys().copied().collect();
        for task_id in ended {
            if !state.running.iter().any(|running| running.task_id == task_id)
                && let Some(running) = self.running.remove(&task_id)
            {
                self.send(self.typing(task_id, &running, false), Some(running.session_id)).await?;
            }
        }
        for running in state.running {
            self.send_running(running).await?;
        }
        Ok(false)
    }

    /// Sends the output of a running task: its text so far, its steps, and a typing event.
    ///
    /// The output is read here in parts, rather than with the rest of the state, so that a slow client holds only one
    /// part in memory. It may be newer than the rest of the state, so live text is compared by offset, and steps by
    /// revision. If the attempt has ended in the meantime, a live event follows.
    async fn send_running(&mut self, task: RunningTask) -> Result<(), Closed> {
        let RunningTask { task_id, attempt, session_id, agent_key } = task;
        let (mut after, mut next_offset, mut sent_steps) = (None, 0, BTreeMap::new());
        loop {
            let RunningPart { partial, steps, has_more } =
                match self.hub.store.read_running(task_id, attempt, after).await {
                    Ok(Some(part)) => part,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        tracing::warn!(%error, "failed to read the running tasks; retrying");
                        self.pause().await?;
                        continue;
                    }
                };
            if let Some(partial) = partial {
                next_offset = partial.next_offset;
                self.send(partial_event(partial), Some(session_id)).await?;
            }
            for step in steps {
                after = Some(step.seq);
                if self.step_revision.is_some_and(|known| step.revision > known) {
                    sent_steps.insert(step.seq, step.revision);
                }
                self.send(EventData::TaskStep { task_id, attempt, step }, Some(session_id)).await?;
            }
            if !has_more {
                break;
            }
        }
        let running = Running { session_id, agent_key, attempt, next_offset, held: Vec::new(), sent_steps };
        self.send(self.typing(task_id, &running, true), Some(session_id)).await?;
        self.running.insert(task_id, running);
        Ok(())
    }
}

/// Creates the event with the text so far.
pub(super) fn partial_event(partial: Partial) -> EventData {
    let Partial { task_id, attempt, message_id, text, next_offset } = partial;
    EventData::MessagePartial { task_id, attempt, message_id, text, next_offset }
}

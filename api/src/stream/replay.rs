//! Replay: reads the log from the stream's position to the head, then sends the output of running tasks.

use std::{collections::BTreeMap, time::Duration};

use banter_shared::{
    event::EventData,
    id::TaskId,
    store::{RunningPart, RunningTask, StreamState},
};
use tokio::time::sleep;

use super::{
    event_stream::{CloseReason, EventStream},
    frame,
    live_text::partial_event,
    task_progress::TaskProgress,
};

/// Number of log rows per read.
const REPLAY_PAGE: i64 = 256;
/// Pause before reading the log again after a failure.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

impl EventStream {
    /// Reads the log from the stream's position to the head, then sends the output of running tasks.
    pub(super) async fn catch_up(&mut self) -> Result<(), CloseReason> {
        loop {
            let (log_id, seq, step) = (self.user_log_id, self.cursor.seq, self.step_revision);
            let replay = match self.hub.store.read_log(log_id, seq, REPLAY_PAGE, self.only, step).await {
                Ok(replay) => replay,
                Err(error) => {
                    tracing::warn!(%error, "failed to read the event log; retrying");
                    self.pause().await?;
                    continue;
                }
            };
            for (seq, event) in replay.events {
                self.cursor.seq = seq;
                let Ok(frame) = frame::encode(Some(&self.cursor), &event) else { continue };
                self.send_durable(event.chat_session_id, frame).await?;
            }
            self.cursor.seq = replay.last_seq;
            let Some(state) = replay.state else { continue };
            if !self.send_state(state).await? {
                return Ok(());
            }
        }
    }

    /// Sends the steps of ended tasks, then the output of each running task. If there are more steps of ended tasks,
    /// sends only steps and returns `true`, which means that the state must be read again.
    async fn send_state(&mut self, state: StreamState) -> Result<bool, CloseReason> {
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
    /// The output is read in parts rather than together with the rest of the state, so that a slow client keeps only
    /// one part in memory. It may be newer than the rest of the state, so live text is compared by offset, and steps by
    /// revision. If the attempt has ended in the meantime, a live event follows.
    async fn send_running(&mut self, task: RunningTask) -> Result<(), CloseReason> {
        let RunningTask { task_id, attempt, session_id, agent_key } = task;
        let (mut after, mut next_offset, mut sent_steps) = (None, 0, BTreeMap::new());
        loop {
            let RunningPart { partial, steps, has_more } =
                match self.hub.store.read_running(task_id, attempt, after).await {
                    Ok(Some(part)) => part,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        tracing::warn!(%task_id, %error, "failed to read the output of a running task; retrying");
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
        let running = TaskProgress { session_id, agent_key, attempt, next_offset, held: Vec::new(), sent_steps };
        self.send(self.typing(task_id, &running, true), Some(session_id)).await?;
        self.running.insert(task_id, running);
        Ok(())
    }

    async fn pause(&self) -> Result<(), CloseReason> {
        tokio::select! {
            () = sleep(ERROR_PAUSE) => Ok(()),
            () = self.out.closed() => Err(CloseReason::Disconnected),
            () = self.hub.shutdown.soft().cancelled() => Err(CloseReason::Draining),
        }
    }
}

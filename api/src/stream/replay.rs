//! Reads the log from a stream's position to the head, then sends the output of running tasks.

use std::{collections::BTreeMap, time::Duration};

use banter_shared::{
    event::EventData,
    id::{SessionId, TaskId},
    store::{RunningPart, RunningTask, StepRow, StreamState},
};
use tokio::{sync::mpsc, time::sleep};

use super::{
    frame::Frame,
    live_text::partial_event,
    live_update::{TaskProgress, step_event},
    progress::Progress,
};

/// Number of log rows per read.
const REPLAY_PAGE: i64 = 256;
/// Pause before reading the log again after a failure.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// A replay in progress. It waits until the stream has taken each frame.
pub(super) struct Replay {
    progress: Progress,
    out: mpsc::Sender<Frame>,
}

impl Replay {
    /// Creates a replay that continues from a position and writes frames to `out`.
    pub(super) fn new(progress: Progress, out: mpsc::Sender<Frame>) -> Self {
        Self { progress, out }
    }

    /// Reads the log from the stream's position to the head, then sends the output of running tasks. Returns the new
    /// position.
    pub(super) async fn run(mut self) -> Progress {
        loop {
            let progress = &self.progress;
            let (log_id, seq, only, step) =
                (progress.user_log_id, progress.cursor.seq, progress.only, progress.step_revision);
            let replay = match progress.hub.store.read_log(log_id, seq, REPLAY_PAGE, only, step).await {
                Ok(replay) => replay,
                Err(error) => {
                    tracing::warn!(%error, "failed to read the event log; retrying");
                    sleep(ERROR_PAUSE).await;
                    continue;
                }
            };
            for (seq, event) in replay.events {
                self.progress.cursor.seq = seq;
                if only.is_some() && only != event.chat_session_id {
                    continue;
                }
                self.write(Frame::encode(Some(&self.progress.cursor), &event)).await;
            }
            self.progress.cursor.seq = replay.last_seq;
            let Some(state) = replay.state else { continue };
            if !self.send_state(state).await {
                return self.progress;
            }
        }
    }

    /// Passes a frame to the stream, after waiting for room.
    async fn write(&self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            // The stream drops this replay together with the receiver.
            let _ = self.out.send(frame).await;
        }
    }

    async fn send(&self, data: EventData, session_id: SessionId) {
        self.write(self.progress.hub.encode(data, Some(session_id))).await;
    }

    async fn send_step(&self, row: StepRow) {
        let (session_id, event) = step_event(row);
        self.send(event, session_id).await;
    }

    async fn send_typing(&self, task_id: TaskId, task: &TaskProgress, is_typing: bool) {
        self.write(self.progress.typing(task_id, task, is_typing)).await;
    }

    /// Sends the steps of ended tasks, then the output of each running task. If more steps of ended tasks remain to be
    /// read, sends only steps and returns `true`. The caller must then read the state again.
    async fn send_state(&mut self, state: StreamState) -> bool {
        self.progress.step_revision = Some(state.step_revision);
        for closed in state.closed_steps {
            self.send_step(closed).await;
        }
        if state.has_more {
            return true;
        }
        let known: Vec<TaskId> = self.progress.running.keys().copied().collect();
        for task_id in known {
            if !state.running.iter().any(|running| running.task_id == task_id)
                && let Some(ended) = self.progress.running.remove(&task_id)
            {
                self.send_typing(task_id, &ended, false).await;
            }
        }
        for running in state.running {
            self.send_running(running).await;
        }
        false
    }

    /// Sends the output of a running task: its text so far, its steps, and a typing event.
    ///
    /// The output is read in parts rather than together with the rest of the state, so that a slow client keeps only
    /// one part in memory. The output may be newer than the rest of the state, so live text is compared by offset, and
    /// steps by revision. If the attempt has already ended, a live event follows.
    async fn send_running(&mut self, task: RunningTask) {
        let RunningTask { task_id, attempt, session_id, agent_key } = task;
        let (mut after, mut next_offset, mut sent_steps) = (None, 0, BTreeMap::new());
        loop {
            let RunningPart { partial, steps, has_more } =
                match self.progress.hub.store.read_running(task_id, attempt, after).await {
                    Ok(Some(part)) => part,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(%task_id, %error, "failed to read the output of a running task; retrying");
                        sleep(ERROR_PAUSE).await;
                        continue;
                    }
                };
            if let Some(partial) = partial {
                next_offset = partial.next_offset;
                self.send(partial_event(partial), session_id).await;
            }
            for step in steps {
                after = Some(step.seq);
                if self.progress.step_revision.is_some_and(|known| step.revision > known) {
                    sent_steps.insert(step.seq, step.revision);
                }
                self.send(EventData::TaskStep { task_id, attempt, step: Box::new(step) }, session_id).await;
            }
            if !has_more {
                break;
            }
        }
        let running = TaskProgress { session_id, agent_key, attempt, next_offset, held: Vec::new(), sent_steps };
        self.send_typing(task_id, &running, true).await;
        self.progress.running.insert(task_id, running);
    }
}

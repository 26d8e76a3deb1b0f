//! A stream's position in its user's log and in the output of running tasks, and what the stream sends for each update.

use std::collections::{BTreeMap, VecDeque};

use banter_shared::{
    event::Cursor,
    id::{SessionId, TaskId},
};

use super::{
    frame::Frame,
    hub::Hub,
    live_update::{LiveUpdate, TaskChange, TaskProgress},
    tick_frames::RecurringEvent,
    typing::typing_event,
};

/// The position of a stream.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) hub: Hub,
    /// The session whose events are delivered; `None` for all sessions.
    pub(super) only: Option<SessionId>,
    pub(super) user_log_id: i64,
    /// The last event that was delivered or skipped.
    pub(super) cursor: Cursor,
    pub(super) running: BTreeMap<TaskId, TaskProgress>,
    /// The revision of the last step that was sent or skipped; `None` before the first catch-up.
    pub(super) step_revision: Option<i64>,
}

/// What a stream does after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Waits for the next update.
    Continue,
    /// Reads the log, because something was missed or must be read from the log.
    CatchUp,
}

impl Progress {
    /// Applies an update, and appends the resulting frames to `out`.
    pub(super) fn apply(&mut self, update: &LiveUpdate, out: &mut VecDeque<Frame>) -> Next {
        match update {
            LiveUpdate::Event { seq, session_id, task_change, frame } if *seq == self.cursor.seq + 1 => {
                self.cursor.seq = *seq;
                if self.only.is_none() || self.only == *session_id {
                    out.push_back(frame.clone());
                    self.apply_task_change(*session_id, task_change.as_ref(), out);
                }
            }
            // At least one event was missed or must be read from the log.
            LiveUpdate::Event { seq, .. } | LiveUpdate::LogOnly { seq } if *seq > self.cursor.seq => {
                return Next::CatchUp;
            }
            LiveUpdate::Event { .. } | LiveUpdate::LogOnly { .. } => {}
            LiveUpdate::Text(piece) => self.apply_text(piece, out),
            LiveUpdate::Partial { task_id, attempt, next_offset, frame } => {
                self.apply_partial(*task_id, *attempt, *next_offset, frame, out);
            }
            LiveUpdate::Step { session_id, task_id, attempt, seq, revision, frame } => {
                if self.is_new_step(*task_id, *attempt, *seq, *revision)
                    && self.only.is_none_or(|only| only == *session_id)
                {
                    out.push_back(frame.clone());
                }
            }
            LiveUpdate::Draft { session_id, frame } => {
                if self.only.is_none_or(|only| only == *session_id) {
                    out.push_back(frame.clone());
                }
            }
            LiveUpdate::SignalsLost => return Next::CatchUp,
        }
        Next::Continue
    }

    /// Applies a live event to the running tasks. Replayed events need not be applied, because a replay ends with the
    /// state of the running tasks.
    fn apply_task_change(
        &mut self,
        session_id: Option<SessionId>,
        task_change: Option<&TaskChange>,
        out: &mut VecDeque<Frame>,
    ) {
        match (task_change, session_id) {
            (Some(TaskChange::Updated { task_id, attempt, is_running: true, agent_key, typing }), Some(session_id)) => {
                if self.running.get(task_id).is_none_or(|running| running.attempt != *attempt) {
                    let progress = TaskProgress {
                        session_id,
                        agent_key: agent_key.clone(),
                        attempt: *attempt,
                        next_offset: 0,
                        held: Vec::new(),
                        sent_steps: BTreeMap::new(),
                    };
                    self.running.insert(*task_id, progress);
                }
                out.push_back(typing.clone());
            }
            (Some(TaskChange::Updated { task_id, is_running: false, typing, .. }), _) => {
                if self.running.remove(task_id).is_some() {
                    out.push_back(typing.clone());
                }
            }
            (Some(TaskChange::AllDeleted), _) => {
                self.running.retain(|_, running| Some(running.session_id) != session_id);
            }
            (Some(TaskChange::Updated { .. }), None) | (None, _) => {}
        }
    }

    /// Returns whether this revision of a step has not been sent yet, and records it. Steps arrive in the order in
    /// which they changed.
    fn is_new_step(&mut self, task_id: TaskId, attempt: i64, seq: i64, revision: i64) -> bool {
        if self.step_revision.is_some_and(|sent| revision <= sent) {
            return false;
        }
        self.step_revision = Some(revision);
        let running = self.running.get(&task_id).filter(|running| running.attempt == attempt);
        running.and_then(|running| running.sent_steps.get(&seq)).is_none_or(|sent| revision > *sent)
    }

    /// Returns a typing event for a task.
    pub(super) fn typing(&self, task_id: TaskId, running: &TaskProgress, is_typing: bool) -> Option<Frame> {
        let event = typing_event(&running.agent_key, task_id, is_typing, self.hub.now());
        self.hub.encode(event, Some(running.session_id))
    }

    /// Renews the typing events of all running tasks.
    pub(super) fn renew_typing(&self, out: &mut VecDeque<Frame>) {
        for (task_id, running) in &self.running {
            let event = RecurringEvent::Typing(*task_id);
            out.extend(self.hub.tick_frames.get(event, || self.typing(*task_id, running, true)));
        }
    }
}

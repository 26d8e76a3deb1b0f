//! Updates that the hub sends to streams.

use std::{collections::BTreeMap, sync::Arc};

use banter_shared::{
    clock::Timestamp,
    event::{Event, EventData},
    id::{SessionId, TaskId},
    relay::LiveText,
    store::StepRow,
};

use super::frame::Frame;

/// An update that the hub sends to the streams of a user. Everything in it is encoded once, for all streams.
#[derive(Debug)]
pub(super) enum LiveUpdate {
    /// An event from the log.
    Event {
        /// The event's number.
        seq: i64,
        /// The session that the event belongs to.
        session_id: Option<SessionId>,
        /// The change to the session's tasks, if any.
        task_change: Option<TaskChange>,
        /// The encoded event.
        frame: Frame,
    },
    /// An event that must be read from the log.
    LogOnly {
        /// The event's number.
        seq: i64,
    },
    /// More text for an answer in progress.
    Text(Arc<TextPiece>),
    /// The stored text of an answer in progress, for streams that have missed some of it.
    Partial {
        /// The running task.
        task_id: TaskId,
        /// The attempt number.
        attempt: i64,
        /// The offset at which the next delta starts.
        next_offset: i64,
        /// The encoded `message.partial`.
        frame: Frame,
    },
    /// A new or changed step.
    Step {
        /// The session that the task belongs to.
        session_id: SessionId,
        /// The task.
        task_id: TaskId,
        /// The attempt number.
        attempt: i64,
        /// The step's number.
        seq: i64,
        /// The step's revision.
        revision: i64,
        /// The encoded `task.step`.
        frame: Frame,
    },
    /// A changed draft.
    Draft {
        /// The session that the draft belongs to.
        session_id: SessionId,
        /// The encoded `session.draft`.
        frame: Frame,
    },
    /// Signals were lost, so the output of running tasks must be sent again.
    SignalsLost,
}

/// A piece of text of an answer in progress, with the encoded `message.delta`.
#[derive(Debug)]
pub(super) struct TextPiece {
    pub(super) text: Arc<LiveText>,
    /// When the piece arrived.
    at: Timestamp,
    pub(super) frame: Frame,
}

impl TextPiece {
    /// Encodes text that arrived at `at`. Returns `None` if the text cannot be encoded.
    pub(super) fn new(text: Arc<LiveText>, at: Timestamp) -> Option<Self> {
        let frame = encode_delta(&text, at, text.offset, text.text.clone())?;
        Some(Self { text, at, frame })
    }

    /// Encodes the rest of the text, starting at an offset in the answer. Returns `None` if the offset lies outside the
    /// text or within a character.
    pub(super) fn rest(&self, offset: i64) -> Option<Frame> {
        let sent = usize::try_from(offset - self.text.offset).ok()?;
        encode_delta(&self.text, self.at, offset, self.text.text.get(sent..)?.to_owned())
    }
}

fn encode_delta(of: &LiveText, at: Timestamp, offset: i64, text: String) -> Option<Frame> {
    let data = EventData::MessageDelta {
        task_id: of.task_id,
        attempt: of.attempt,
        message_id: of.message_id,
        offset,
        next_offset: of.next_offset(),
        text,
    };
    Frame::encode(None, &Event { at, chat_session_id: Some(of.session_id), data })
}

/// A change to the tasks of a session.
#[derive(Debug)]
pub(super) enum TaskChange {
    /// A task was created or changed.
    Updated {
        /// The task.
        task_id: TaskId,
        /// The attempt number.
        attempt: i64,
        /// Whether the task is running.
        is_running: bool,
        /// The key of the session's agent.
        agent_key: String,
        /// The encoded `typing` event, which shows whether the agent is working now.
        typing: Frame,
    },
    /// All tasks were deleted with the session.
    AllDeleted,
}

impl LiveUpdate {
    /// Returns the approximate size of the update, in bytes. Small fields are not counted.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Event { frame, .. }
            | Self::Partial { frame, .. }
            | Self::Step { frame, .. }
            | Self::Draft { frame, .. } => frame.size(),
            Self::Text(piece) => piece.frame.size() + piece.text.text.len(),
            Self::LogOnly { .. } | Self::SignalsLost => 0,
        }
    }
}

/// A stream's progress through the output of a running task.
#[derive(Debug)]
pub(super) struct TaskProgress {
    pub(super) session_id: SessionId,
    pub(super) agent_key: String,
    pub(super) attempt: i64,
    /// The offset at which the next delta starts.
    pub(super) next_offset: i64,
    /// Deltas after a gap, held until the text before them has been sent.
    pub(super) held: Vec<Arc<TextPiece>>,
    /// The revisions, by `seq`, of steps that a replay sent and that are newer than the stream's `step_revision`.
    pub(super) sent_steps: BTreeMap<i64, i64>,
}

/// Creates the event for a step. Returns it with the ID of the step's session.
pub(super) fn step_event(row: StepRow) -> (SessionId, EventData) {
    let StepRow { session_id, task_id, attempt, step, .. } = row;
    (session_id, EventData::TaskStep { task_id, attempt, step: Box::new(step) })
}

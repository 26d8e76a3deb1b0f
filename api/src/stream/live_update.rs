//! Updates that the hub sends to streams.

use std::sync::Arc;

use banter_shared::{chat::Task, event::EventData, id::SessionId, relay::LiveText, store::StepRow};
use bytes::Bytes;

/// An update that the hub sends to the streams of a user.
#[derive(Debug)]
pub(super) enum LiveUpdate {
    /// An event of the log.
    Event {
        /// The number of the event.
        seq: i64,
        /// The session of the event.
        session_id: Option<SessionId>,
        /// The change to tasks of the session, if any.
        task_change: Option<TaskChange>,
        /// The encoded event, shared by all streams.
        frame: Bytes,
    },
    /// An event that must be read from the log.
    LogOnly {
        /// The number of the event.
        seq: i64,
    },
    /// More text of an answer in progress.
    Text(Arc<LiveText>),
    /// A new or changed step.
    Step(Box<StepRow>),
    /// Signals were lost, so the output of running tasks must be sent again.
    SignalsLost,
}

/// A change to the tasks of a session.
#[derive(Debug)]
pub(super) enum TaskChange {
    /// A task was created or changed.
    Updated {
        /// The task after the change.
        task: Box<Task>,
        /// The agent of its session.
        agent_key: String,
    },
    /// All tasks were deleted with the session.
    AllDeleted,
}

impl TaskChange {
    /// Returns the change that an event describes, if any.
    pub(super) fn of(data: EventData) -> Option<Self> {
        match data {
            EventData::TaskUpdated { task, session } => Some(Self::Updated { task, agent_key: session.agent_key }),
            EventData::SessionDeleted => Some(Self::AllDeleted),
            EventData::Hello { .. }
            | EventData::Heartbeat
            | EventData::Resync { .. }
            | EventData::ServerDraining
            | EventData::SessionCreated { .. }
            | EventData::SessionUpdated { .. }
            | EventData::SessionRead { .. }
            | EventData::MessageCreated { .. }
            | EventData::MessageUpdated { .. }
            | EventData::MessageDeleted { .. }
            | EventData::Typing { .. }
            | EventData::MessageDelta { .. }
            | EventData::MessagePartial { .. }
            | EventData::TaskStep { .. } => None,
        }
    }
}

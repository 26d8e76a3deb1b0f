//! The progress of a stream within the output of running tasks.

use std::{collections::BTreeMap, sync::Arc};

use banter_shared::{id::SessionId, relay::LiveText};

/// The progress of a stream within the output of a running task.
#[derive(Clone, Debug)]
pub(super) struct TaskProgress {
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

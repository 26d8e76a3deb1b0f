//! Answers with text that some streams have missed.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use banter_shared::id::{SessionId, TaskId};
use tokio::sync::Notify;

/// An attempt with text that a stream has missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MissedText {
    pub(super) user_log_id: i64,
    pub(super) session_id: SessionId,
    pub(super) task_id: TaskId,
    pub(super) attempt: i64,
}

/// The pending requests for stored text. Each text is read once for all streams.
#[derive(Debug, Default)]
pub(super) struct MissedTexts {
    requests: Mutex<HashSet<MissedText>>,
    added: Notify,
}

impl MissedTexts {
    /// Requests the stored text of an answer.
    pub(super) fn add(&self, missed: MissedText) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).insert(missed);
        self.added.notify_one();
    }

    /// Waits for a request. Returns immediately if one was added since the last call.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// Takes all requests.
    pub(super) fn take(&self) -> HashSet<MissedText> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

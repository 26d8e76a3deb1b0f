//! The states that a message may be in, derived from the operations on the message.

use std::time::Instant;

use crate::history::{Action, ChangeRecord, OperationResult, SendRecord};

/// A message and all operations on it.
pub(super) struct MessageHistory {
    pub send: SendRecord,
    pub changes: Vec<ChangeRecord>,
}

impl MessageHistory {
    pub(super) fn is_unsent(&self) -> bool {
        self.changes.iter().any(|it| it.action == Action::Unsend && it.result.acknowledged_at().is_some())
    }

    pub(super) fn may_be_unsent(&self) -> bool {
        self.may(&Action::Unsend)
    }

    pub(super) fn may_be_retried(&self) -> bool {
        self.may(&Action::Retry)
    }

    fn may(&self, action: &Action) -> bool {
        self.changes.iter().any(|it| it.action == *action && it.result != OperationResult::Rejected)
    }

    /// Returns every text that the message may have had, along with whether that text is known to have been replaced.
    pub(super) fn texts(&self) -> Vec<(&str, bool)> {
        let acknowledged: Vec<Instant> = self
            .edits()
            .filter(|(_, change)| change.result.acknowledged_at().is_some())
            .map(|(_, change)| change.started)
            .collect();
        let mut texts = vec![(self.send.text.as_str(), !acknowledged.is_empty())];
        for (text, change) in self.edits().filter(|(_, change)| change.result != OperationResult::Rejected) {
            let ended = change.result.acknowledged_at();
            let is_replaced = ended.is_some_and(|ended| acknowledged.iter().any(|started| *started > ended));
            texts.push((text, is_replaced));
        }
        texts
    }

    fn edits(&self) -> impl Iterator<Item = (&str, &ChangeRecord)> {
        self.changes.iter().filter_map(|change| match &change.action {
            Action::Edit(text) => Some((text.as_str(), change)),
            Action::Unsend
            | Action::Retry
            | Action::Delete
            | Action::Pin(_)
            | Action::Rename(_)
            | Action::Archive(_)
            | Action::Read(_)
            | Action::Unread
            | Action::Switch { .. } => None,
        })
    }
}

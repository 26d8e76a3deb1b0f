//! How much of what an attempt does on the way is kept, whatever the agent sends.
//!
//! Guarantees: an attempt has at most [`MAX_STEPS`] steps, and their details have at most [`MAX_DETAIL_BYTES`] together. A
//! step that has no room for its detail keeps its title, its status, and the last detail that had room.

use banter_shared::chat::{MAX_STEP_DETAIL_BYTES, StepDetail, StepKind};

/// Steps of one attempt.
pub(super) const MAX_STEPS: i64 = 2000;
/// The last of them are for tools and for permission requests, so that a tool is known to have begun whatever came before
/// it; the very last is for the notice that something is missing.
const RESERVED_STEPS: i64 = 100;
/// JSON of the details of all steps of one attempt.
pub(super) const MAX_DETAIL_BYTES: usize = 4 * 1024 * 1024;

/// What an attempt has used.
#[derive(Debug, Default)]
pub(super) struct Budget {
    steps: i64,
    detail_bytes: usize,
    /// Something was left out.
    is_short: bool,
}

impl Budget {
    /// The number of a new step; none if there may be no more of its kind.
    pub(super) fn number(&mut self, kind: StepKind) -> Option<i64> {
        let limit = match kind {
            StepKind::Tool | StepKind::Permission => MAX_STEPS - 1,
            StepKind::Thought | StepKind::Plan | StepKind::Notice => MAX_STEPS - RESERVED_STEPS,
        };
        if self.steps >= limit {
            self.is_short = true;
            return None;
        }
        self.steps += 1;
        Some(self.steps)
    }

    /// The number of the one notice that something is missing.
    pub(super) fn last_number(&mut self) -> i64 {
        self.steps += 1;
        self.steps
    }

    /// What is kept of a step's new detail, in place of the one that it had.
    pub(super) fn detail(&mut self, earlier: Option<&Kept>, detail: StepDetail) -> Kept {
        // The store cuts each to this length.
        let bytes = detail.json_bytes().min(MAX_STEP_DETAIL_BYTES);
        let others = self.detail_bytes - earlier.map_or(0, |kept| kept.bytes);
        if others + bytes <= MAX_DETAIL_BYTES {
            self.detail_bytes = others + bytes;
            return Kept { detail, bytes };
        }
        self.is_short = true;
        let mut kept = earlier.cloned().unwrap_or_else(|| Kept::omitted(detail));
        kept.detail.mark_truncated();
        kept
    }

    /// Whether something had to be left out.
    pub(super) const fn is_short(&self) -> bool {
        self.is_short
    }
}

/// A detail, and what it counts for.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The detail.
    pub(super) detail: StepDetail,
    bytes: usize,
}

impl Kept {
    /// Keeps a detail that counts for nothing.
    pub(super) const fn uncounted(detail: StepDetail) -> Self {
        Self { detail, bytes: 0 }
    }

    /// Keeps nothing of a detail but its kind.
    fn omitted(mut detail: StepDetail) -> Self {
        detail.omit();
        Self::uncounted(detail)
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::chat::ThoughtDetail;

    use super::*;

    /// Returns a detail that counts for so many bytes.
    fn of(bytes: usize) -> StepDetail {
        let detail = StepDetail::thought("x".repeat(bytes - r#"{"text":""}"#.len()));
        assert_eq!(detail.json_bytes(), bytes);
        detail
    }

    fn omitted() -> StepDetail {
        StepDetail::Thought(ThoughtDetail { text: None, is_truncated: true })
    }

    #[test]
    fn details_have_room_together_and_not_more() {
        let mut budget = Budget::default();
        let mut kept: Vec<Kept> = Vec::new();
        for _ in 0..MAX_DETAIL_BYTES / MAX_STEP_DETAIL_BYTES {
            kept.push(budget.detail(None, of(MAX_STEP_DETAIL_BYTES)));
        }
        assert!(!budget.is_short());

        assert_eq!(budget.detail(None, of(20)).detail, omitted());

        assert!(budget.is_short());
        let stored: usize = kept.iter().map(|kept| kept.detail.json_bytes()).sum();
        assert_eq!(stored, MAX_DETAIL_BYTES);
    }

    #[test]
    fn a_step_that_changes_counts_once_and_a_longer_detail_that_has_no_room_leaves_the_one_before() {
        let mut budget = Budget::default();
        let mut growing = budget.detail(None, of(100));
        // More together than there is room for.
        for _ in 0..100 {
            growing = budget.detail(Some(&growing), of(60_000));
        }
        assert!(!budget.is_short());
        let small = budget.detail(None, of(50));
        while !budget.is_short() {
            budget.detail(None, of(50_000));
        }

        let left = budget.detail(Some(&small), of(60_000));

        let mut expected = small.detail.clone();
        expected.mark_truncated();
        assert_eq!(left.detail, expected);
        // What makes room again is of use to others.
        budget.detail(Some(&growing), of(100));
        assert_eq!(budget.detail(None, of(50_000)).detail, of(50_000));
    }

    #[test]
    fn a_detail_counts_for_no_more_than_what_is_stored_of_it() {
        let mut budget = Budget::default();

        budget.detail(None, of(MAX_DETAIL_BYTES + 1));

        assert!(!budget.is_short());
    }

    #[test]
    fn tools_have_room_when_nothing_else_has() {
        let mut budget = Budget::default();
        while budget.number(StepKind::Thought).is_some() {}
        assert!(budget.is_short());
        assert_eq!(budget.number(StepKind::Notice), None);

        assert_eq!(budget.number(StepKind::Tool), Some(MAX_STEPS - RESERVED_STEPS + 1));
        while budget.number(StepKind::Permission).is_some() {}

        assert_eq!(budget.number(StepKind::Tool), None);
        assert_eq!(budget.last_number(), MAX_STEPS, "the notice");
    }
}

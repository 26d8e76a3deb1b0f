//! Limits the number of steps stored per attempt and the total size of their details.
//!
//! An attempt has at most [`MAX_STEPS`] steps, and the total size of their details is at most [`MAX_DETAIL_BYTES`], not
//! counting permission requests, the notice about omitted steps, and truncation markers. If a step's new detail exceeds
//! the budget, the step keeps its previous detail, if any, which is marked as truncated. Its title and status are still
//! updated.

use banter_shared::chat::{MAX_STEP_DETAIL_BYTES, StepDetail, StepKind};

/// Maximum number of steps per attempt.
pub(super) const MAX_STEPS: i64 = 2000;
/// Number of steps reserved for tool calls and permission requests, so that the start of a tool call is recorded even
/// near the limit. The last of these steps is reserved for the notice about omitted steps.
const RESERVED_STEPS: i64 = 100;
/// Maximum total length, in bytes of JSON, of the step details in an attempt.
pub(super) const MAX_DETAIL_BYTES: usize = 4 * 1024 * 1024;

/// The part of the budget that an attempt has used.
#[derive(Debug, Default)]
pub(super) struct Budget {
    steps: i64,
    detail_bytes: usize,
    /// Whether anything has been omitted.
    is_short: bool,
}

impl Budget {
    /// Returns the number for a new step, or `None` if no more steps of its kind are allowed.
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

    /// Returns the number for the notice about omitted steps.
    pub(super) fn last_number(&mut self) -> i64 {
        self.steps += 1;
        self.steps
    }

    /// Returns the detail to store for a step in place of the step's earlier detail.
    pub(super) fn detail(&mut self, earlier: Option<&StoredDetail>, detail: StepDetail) -> StoredDetail {
        // The store truncates longer details to this length.
        let bytes = detail.json_bytes().min(MAX_STEP_DETAIL_BYTES);
        let others = self.detail_bytes - earlier.map_or(0, |kept| kept.bytes);
        if others + bytes <= MAX_DETAIL_BYTES {
            self.detail_bytes = others + bytes;
            return StoredDetail { detail, bytes };
        }
        self.is_short = true;
        let mut kept = earlier.cloned().unwrap_or_else(|| StoredDetail::omitted(detail));
        kept.detail.mark_truncated();
        kept
    }

    /// Returns whether anything has been omitted.
    pub(super) const fn is_short(&self) -> bool {
        self.is_short
    }
}

/// A detail, and how many bytes of the budget the detail uses.
#[derive(Clone, Debug)]
pub(super) struct StoredDetail {
    /// The detail.
    pub(super) detail: StepDetail,
    bytes: usize,
}

impl StoredDetail {
    /// Wraps a detail without counting it toward the budget.
    pub(super) const fn uncounted(detail: StepDetail) -> Self {
        Self { detail, bytes: 0 }
    }

    /// Removes all fields from a detail and marks it as truncated. Permission requests are left unchanged.
    fn omitted(mut detail: StepDetail) -> Self {
        detail.omit();
        Self::uncounted(detail)
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::chat::ThoughtDetail;

    use super::*;

    /// Returns a detail of this many bytes.
    fn of(bytes: usize) -> StepDetail {
        let detail = StepDetail::thought("x".repeat(bytes - r#"{"text":""}"#.len()));
        assert_eq!(detail.json_bytes(), bytes);
        detail
    }

    fn omitted() -> StepDetail {
        StepDetail::Thought(ThoughtDetail { text: None, is_truncated: true })
    }

    #[test]
    fn omits_details_beyond_the_budget() {
        let mut budget = Budget::default();
        let mut kept: Vec<StoredDetail> = Vec::new();
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
    fn counts_only_the_latest_detail_and_keeps_the_last_that_fits() {
        let mut budget = Budget::default();
        let mut growing = budget.detail(None, of(100));
        // This would exceed the budget if every version were counted.
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
        // A shorter detail frees bytes for other details.
        budget.detail(Some(&growing), of(100));
        assert_eq!(budget.detail(None, of(50_000)).detail, of(50_000));
    }

    #[test]
    fn counts_a_detail_by_its_stored_length() {
        let mut budget = Budget::default();

        budget.detail(None, of(MAX_DETAIL_BYTES + 1));

        assert!(!budget.is_short());
    }

    #[test]
    fn reserves_steps_for_tools() {
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

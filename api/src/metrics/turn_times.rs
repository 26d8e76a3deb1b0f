//! The turn time histograms, which are filled with counts from the store.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use banter_shared::chat::{TURN_TIME_BOUNDS_US, TaskStatus, TurnPart, TurnTimes, turn_time_bound};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric, family::Family},
    registry::{Registry, Unit},
};

use super::labels::StatusLabel;

/// The number of buckets, including the unbounded bucket.
const BUCKETS: usize = TURN_TIME_BOUNDS_US.len() + 1;
/// The statuses with which a turn can end.
const ENDS: [TaskStatus; 4] =
    [TaskStatus::Succeeded, TaskStatus::Failed, TaskStatus::Cancelled, TaskStatus::Interrupted];

/// The turn time metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct TurnTimeMetrics {
    duration: Family<StatusLabel, StoredHistogram>,
    queued: Family<StatusLabel, StoredHistogram>,
    started: Family<StatusLabel, StoredHistogram>,
    first_token: Family<StatusLabel, StoredHistogram>,
    outcome: Family<StatusLabel, StoredHistogram>,
}

impl TurnTimeMetrics {
    /// Registers all metrics.
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, family) in [
            (
                "turn_duration",
                "Time from when the user sent or last retried a message until the outcome",
                &self.duration,
            ),
            ("turn_queued", "Part of the turn duration until a worker claimed the final attempt", &self.queued),
            (
                "turn_started",
                "Part of the turn duration from the claim until the agent received the conversation",
                &self.started,
            ),
            (
                "turn_first_token",
                "Part of the turn duration from the agent receiving the conversation to the first text",
                &self.first_token,
            ),
            ("turn_outcome", "Part of the turn duration from the first text to the outcome", &self.outcome),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
    }

    /// Sets all metrics to the stored counts.
    pub(super) fn set(&self, times: &TurnTimes) {
        let family = |part| match part {
            TurnPart::Duration => &self.duration,
            TurnPart::Queued => &self.queued,
            TurnPart::Started => &self.started,
            TurnPart::FirstToken => &self.first_token,
            TurnPart::Outcome => &self.outcome,
        };
        for part in [TurnPart::Duration, TurnPart::Queued, TurnPart::Started, TurnPart::FirstToken, TurnPart::Outcome] {
            for status in ENDS {
                let mut sums = Sums::default();
                for ((_, _, upper_us), count) in times.buckets().filter(|((p, s, _), _)| (*p, *s) == (part, status)) {
                    // This bucket may have been stored by a version with different bounds.
                    let upper_us = turn_time_bound(upper_us);
                    let index = TURN_TIME_BOUNDS_US.iter().take_while(|bound| **bound < upper_us).count();
                    sums.turns[index] += u64::try_from(count.turns).unwrap_or(0);
                    sums.total_us = sums.total_us.saturating_add(count.total_us);
                }
                family(part).get_or_create(&StatusLabel { status: status.as_str() }).set(sums);
            }
        }
    }
}

/// The number of turns in each bucket, and the total time of all turns in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    turns: [u64; BUCKETS],
    total_us: i64,
}

/// A histogram whose values come from the store.
#[derive(Clone, Debug, Default)]
struct StoredHistogram(Arc<Mutex<Sums>>);

impl StoredHistogram {
    fn set(&self, sums: Sums) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sums;
    }
}

impl TypedMetric for StoredHistogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for StoredHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Sums { turns, total_us } = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = TURN_TIME_BOUNDS_US.into_iter().map(seconds).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(turns).collect();
        encoder.encode_histogram::<NoLabelSet>(seconds(total_us), turns.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for times up to 285 years")]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

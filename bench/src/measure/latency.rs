//! Latencies of one sampling interval and of the whole run.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Collects latencies until they are taken. Shared by everything that measures.
#[derive(Debug, Default)]
pub struct Latencies(Mutex<Vec<f64>>);

impl Latencies {
    /// Records a latency.
    pub fn note(&self, latency: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(1000.0 * latency.as_secs_f64());
    }

    /// Takes all latencies since the last call, in milliseconds, sorted.
    pub fn take(&self) -> Vec<f64> {
        let mut taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.sort_by(f64::total_cmp);
        taken
    }
}

/// Returns the value at this quantile (0 to 1) of sorted values, or NaN without any.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the slice")]
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();

        assert!((percentile(&sorted, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!((percentile(&sorted, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!((percentile(&sorted, 1.0) - 100.0).abs() < f64::EPSILON);
        assert!(percentile(&[], 0.5).is_nan());
    }
}

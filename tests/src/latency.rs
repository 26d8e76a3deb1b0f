//! Latency distributions.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

/// Number of significant digits in a recorded value.
const DIGITS: u8 = 3;

/// A collection of latencies from concurrent measurements. [`Self::take`] empties it.
#[derive(Debug)]
pub struct LatencyRecorder(Mutex<Latencies>);

/// A distribution of latencies, in microseconds.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for LatencyRecorder {
    fn default() -> Self {
        Self(Mutex::new(Latencies::default()))
    }
}

impl LatencyRecorder {
    /// Records a latency.
    pub fn record(&self, latency: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(latency);
    }

    /// Removes and returns the latencies since the last call.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("at most 5 digits"))
    }
}

impl Latencies {
    /// Records a latency.
    pub fn record(&mut self, latency: Duration) {
        self.0.record(u64::try_from(latency.as_micros()).unwrap()).expect("a resizable histogram");
    }

    /// Adds the latencies of another distribution.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("a resizable histogram");
    }

    /// Returns whether the distribution is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of latencies.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the latency at this quantile (0 to 1) in milliseconds, or NaN if the distribution is empty.
    #[expect(clippy::cast_precision_loss, reason = "a latency in microseconds")]
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        if self.0.is_empty() { f64::NAN } else { self.0.value_at_quantile(quantile) as f64 / 1000.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to_hundred() -> Latencies {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        latencies
    }

    #[test]
    fn returns_quantiles_in_milliseconds() {
        let latencies = one_to_hundred();

        for (quantile, ms) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert!((latencies.quantile_ms(quantile) - ms).abs() < 0.001 * ms, "{quantile}");
        }
        assert!(Latencies::default().quantile_ms(0.5).is_nan());
    }

    #[test]
    fn taking_latencies_starts_a_new_interval() {
        let recorder = LatencyRecorder::default();
        recorder.record(Duration::from_millis(2));

        assert_eq!((recorder.take().count(), recorder.take().count()), (1, 0));
    }

    #[test]
    fn adds_distributions() {
        let mut latencies = one_to_hundred();
        latencies.add(&one_to_hundred());

        assert_eq!(latencies.count(), 200);
    }
}

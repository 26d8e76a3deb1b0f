//! Checks whether a series is flat after the warm-up.
//!
//! The first third of a run is the warm-up. A straight line is fitted to the rest, using the median of the slopes
//! between all pairs of points (the Theil–Sen estimator), which is robust against isolated peaks. The series is flat if
//! the line rises by no more than the tolerated amount.

/// The fraction of a run that is the warm-up.
const WARM_UP: f64 = 1.0 / 3.0;
/// Number of points to which the line is fitted; if there are more values, they are averaged first.
const POINTS: usize = 120;

/// The tolerated rise of a series after the warm-up: `share` or `least`, whichever is greater.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// A fraction of the median.
    pub share: f64,
    /// An absolute amount, in the unit of the series.
    pub least: f64,
}

/// The trend of one series.
#[derive(Clone, Copy, Debug)]
pub struct Trend {
    /// The median of the values after the warm-up.
    pub median: f64,
    /// The rise of the line after the warm-up, in the unit of the series.
    pub rise: f64,
    /// The slope of the line, in units per hour.
    pub rise_per_hour: f64,
    /// Whether the rise is tolerated.
    pub is_flat: bool,
}

impl Trend {
    /// Fits a line to values measured at these times, in seconds.
    pub fn fit(seconds: &[f64], values: &[f64], tolerance: Tolerance) -> Self {
        let end = seconds.last().copied().unwrap_or_default();
        let judged: Vec<(f64, f64)> = seconds
            .iter()
            .zip(values)
            .filter(|(at, value)| **at >= end * WARM_UP && value.is_finite())
            .map(|(at, value)| (*at, *value))
            .collect();
        let points = averaged(&judged, POINTS);
        let mut slopes = Vec::new();
        for (index, (at, value)) in points.iter().enumerate() {
            slopes.extend(points[index + 1..].iter().map(|(later, other)| (other - value) / (later - at)));
        }
        let slope = median(slopes);
        let median = median(judged.iter().map(|(_, value)| *value).collect());
        let span = judged.last().map_or(0.0, |(at, _)| at - judged[0].0);
        let rise = slope * span;
        let tolerated = (tolerance.share * median).max(tolerance.least);
        Self { median, rise, rise_per_hour: slope * 3600.0, is_flat: rise <= tolerated }
    }
}

/// Averages adjacent values so that at most `count` points remain.
pub fn averaged(points: &[(f64, f64)], count: usize) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(count).max(1);
    let mean = |part: &[(f64, f64)]| {
        let (at, value) = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (at / part.len() as f64, value / part.len() as f64)
    };
    points.chunks(size).map(mean).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { share: 0.1, least: 2.0 };

    fn fit(value: impl Fn(f64) -> f64) -> Trend {
        let seconds: Vec<f64> = (0..720).map(|sample| f64::from(sample) * 5.0).collect();
        let values: Vec<f64> = seconds.iter().map(|at| value(*at)).collect();
        Trend::fit(&seconds, &values, TOLERANCE)
    }

    #[test]
    fn ignores_growth_during_the_warm_up() {
        let trend = fit(|at| 50.0 + (at / 12.0).min(100.0));

        assert!(trend.is_flat && trend.rise.abs() < 0.1, "{trend:?}");
        assert!((trend.median - 150.0).abs() < 0.1, "{trend:?}");
    }

    #[test]
    fn detects_a_leak_despite_noise_and_peaks() {
        let noise = |at: f64| if at % 35.0 < 5.0 { 400.0 } else { (at * 7.0) % 11.0 };

        assert!(fit(|at| 100.0 + noise(at)).is_flat);
        let trend = fit(|at| 100.0 + noise(at) + at / 100.0);
        assert!(!trend.is_flat && (trend.rise_per_hour - 36.0).abs() < 8.0, "{trend:?}");
    }

    #[test]
    fn a_falling_series_is_flat() {
        assert!(fit(|at| 1000.0 - at / 10.0).is_flat);
    }

    #[test]
    fn ignores_missing_values() {
        assert!(fit(|at| if at % 10.0 < 5.0 { f64::NAN } else { 7.0 }).is_flat);
        assert!(Trend::fit(&[], &[], TOLERANCE).is_flat);
    }
}

//! Whether a series stays flat once it has warmed up.
//!
//! The first third of a run is warm-up. Over the rest a straight line is laid through the values, by the median of the
//! slopes between all pairs of points (Theil and Sen), which single peaks do not move. The series is flat when the
//! line rises no more than is tolerated.

/// The share of a run that is warm-up.
const WARM_UP: f64 = 1.0 / 3.0;
/// Points that the line is laid through; more values are averaged first.
const POINTS: usize = 120;

/// How much a series may rise over the judged stretch.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// As a share of its median.
    pub share: f64,
    /// In its own unit, if that is more.
    pub least: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// The median after the warm-up.
    pub median: f64,
    /// How much the line rises over the judged stretch.
    pub rise: f64,
    /// The same as a slope.
    pub rise_per_hour: f64,
    /// Whether it rises no more than tolerated.
    pub is_flat: bool,
}

/// Judges values at these seconds.
pub fn judge(seconds: &[f64], values: &[f64], tolerance: Tolerance) -> Judgement {
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
    Judgement { median, rise, rise_per_hour: slope * 3600.0, is_flat: rise <= tolerated }
}

/// Neighbours averaged, so that at most `count` points are left.
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

    fn judged(value: impl Fn(f64) -> f64) -> Judgement {
        let seconds: Vec<f64> = (0..720).map(|sample| f64::from(sample) * 5.0).collect();
        let values: Vec<f64> = seconds.iter().map(|at| value(*at)).collect();
        judge(&seconds, &values, TOLERANCE)
    }

    #[test]
    fn growth_in_the_warm_up_is_no_growth() {
        let judgement = judged(|at| 50.0 + (at / 12.0).min(100.0));

        assert!(judgement.is_flat && judgement.rise.abs() < 0.1, "{judgement:?}");
        assert!((judgement.median - 150.0).abs() < 0.1, "{judgement:?}");
    }

    #[test]
    fn a_leak_is_found_under_noise_and_peaks() {
        let noise = |at: f64| if at % 35.0 < 5.0 { 400.0 } else { (at * 7.0) % 11.0 };

        assert!(judged(|at| 100.0 + noise(at)).is_flat);
        let judgement = judged(|at| 100.0 + noise(at) + at / 100.0);
        assert!(!judgement.is_flat && (judgement.rise_per_hour - 36.0).abs() < 8.0, "{judgement:?}");
    }

    #[test]
    fn what_falls_is_flat() {
        assert!(judged(|at| 1000.0 - at / 10.0).is_flat);
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        assert!(judged(|at| if at % 10.0 < 5.0 { f64::NAN } else { 7.0 }).is_flat);
        assert!(judge(&[], &[], TOLERANCE).is_flat);
    }
}

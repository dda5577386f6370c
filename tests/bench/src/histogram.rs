//! How long answers took.

use std::time::Duration;

/// Steps per doubling: a figure is right to 1/256.
const STEPS: u64 = 256;
const BUCKETS: usize = (64 * STEPS) as usize;

/// Counts of durations in logarithmic buckets; fixed size, whatever is recorded.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; BUCKETS],
            total: 0,
        }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// The duration that `share` (0 … 1) of all stayed at or under; zero when nothing was counted.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(middle(at));
            }
        }
        Duration::ZERO
    }
}

/// Bucket of a figure: exact under `STEPS`, then `STEPS` to each doubling.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEPS.ilog2();
    ((u64::from(shift) + 1) * STEPS + (nanos >> shift) - STEPS) as usize
}

/// The figure in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS) << shift) + ((1 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_one_in_256() {
        let mut all = Histogram::default();
        for micros in 1..=100_000 {
            all.record(Duration::from_micros(micros));
        }
        for share in [0.001, 0.5, 0.99, 0.999, 1.0] {
            let got = all.quantile(share).as_nanos() as f64;
            let right = share * 100_000_000.0;
            assert!(
                (got / right - 1.0).abs() < 1.0 / 256.0,
                "{share}: {got} for {right}"
            );
        }
    }

    #[test]
    fn the_ends_are_in_range() {
        let mut all = Histogram::default();
        assert_eq!(all.quantile(0.5), Duration::ZERO);
        all.record(Duration::ZERO);
        all.record(Duration::MAX);
        assert_eq!(all.quantile(0.5), Duration::ZERO);
        assert!(all.quantile(1.0) > Duration::from_secs(3600));
    }
}

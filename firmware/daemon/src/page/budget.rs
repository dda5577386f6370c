//! How much of a core or a disk the page's viewers may have.

use std::time::{Duration, Instant};

/// Saved up while nobody asks.
const MOST: Duration = Duration::from_secs(1);

/// A share of time. What is seldom asked is always answered at once; who asks all the time gets the share and no more.
#[derive(Debug)]
pub struct Budget {
    /// One part in so many.
    share: u32,
    left: Duration,
    at: Instant,
}

impl Budget {
    /// A budget of one part in so many, all of it there.
    pub fn new(share: u32, now: Instant) -> Budget {
        Budget {
            share,
            left: MOST,
            at: now,
        }
    }

    /// Is anything left?
    pub fn allows(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at) / self.share;
        self.left = (self.left + earned).min(MOST);
        self.at = now;
        !self.left.is_zero()
    }

    /// So much was used.
    pub fn spend(&mut self, used: Duration) {
        self.left = self.left.saturating_sub(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_all_the_time_gets_its_share() {
        let start = Instant::now();
        let mut budget = Budget::new(10, start);
        let look = Duration::from_millis(50);
        let mut now = start;
        let mut used = Duration::ZERO;
        while now < start + Duration::from_secs(100) {
            if budget.allows(now) {
                budget.spend(look);
                used += look;
                now += look;
            }
            now += Duration::from_millis(1);
        }
        // A tenth, and what was saved before.
        assert!((10.5..12.0).contains(&used.as_secs_f64()), "{used:?}");
        now += Duration::from_secs(60);
        for _ in 0..10 {
            assert!(
                budget.allows(now),
                "what is seldom asked is answered at once"
            );
            budget.spend(look);
        }
    }
}

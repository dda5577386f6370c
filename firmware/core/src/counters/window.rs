//! How many in the last minute, hour, day: sliding, in fixed memory.

/// Counts over the last `N` steps of `step_ms`, and the step under way. It never counts too few: an
/// event stays in until its whole step has left the window.
#[derive(Clone, Debug)]
pub struct Window<const N: usize> {
    /// Number of the newest step.
    newest: u64,
    /// Sum of the counts.
    total: u32,
    counts: [u16; N],
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Window {
            newest: 0,
            total: 0,
            counts: [0; N],
        }
    }
}

impl<const N: usize> Window<N> {
    /// Adds one event at `at_ms`. One older than the window is passed over.
    pub fn add(&mut self, at_ms: u64, step_ms: u64) {
        let step = at_ms / step_ms;
        self.advance(step);
        if self.newest - step < N as u64 {
            let count = &mut self.counts[(step % N as u64) as usize];
            if *count < u16::MAX {
                *count += 1;
                self.total += 1;
            }
        }
    }

    /// Events in the window that ends at `now_ms`.
    pub fn sum(&self, now_ms: u64, step_ms: u64) -> u32 {
        let gone = (now_ms / step_ms).saturating_sub(self.newest);
        if gone >= N as u64 {
            return 0;
        }
        // The oldest steps stand behind the newest in the ring.
        let left: u32 = (1..=gone).map(|i| u32::from(self.at(i))).sum();
        self.total - left
    }

    fn at(&self, after_newest: u64) -> u16 {
        self.counts[((self.newest + after_newest) % N as u64) as usize]
    }

    fn advance(&mut self, step: u64) {
        let gone = step.saturating_sub(self.newest);
        if gone >= N as u64 {
            self.counts = [0; N];
            self.total = 0;
        } else {
            for i in 1..=gone {
                self.total -= u32::from(self.at(i));
                self.counts[((self.newest + i) % N as u64) as usize] = 0;
            }
        }
        self.newest = self.newest.max(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        /// Against the plain list of times: never fewer than the true window, never more than the
        /// window and one step.
        #[test]
        fn counts_between_the_window_and_one_step_more(
            mut gaps in proptest::collection::vec(0u64..30_000, 1..200)
        ) {
            let mut window = Window::<7>::default();
            let mut times = Vec::new();
            let mut now = 1_000_000;
            gaps.push(0);
            for gap in gaps {
                now += gap;
                window.add(now, 10_000);
                times.push(now);
                let within = |ms: u64| times.iter().filter(|&&t| now - t < ms).count() as u32;
                let sum = window.sum(now, 10_000);
                prop_assert!(sum >= within(60_000), "{sum} < {}", within(60_000));
                prop_assert!(sum <= within(70_000), "{sum} > {}", within(70_000));
            }
        }
    }

    #[test]
    fn an_old_event_is_passed_over_and_a_late_one_counted_in_its_step() {
        let mut window = Window::<3>::default();
        window.add(100, 10);
        window.add(85, 10);
        window.add(60, 10);
        assert_eq!(window.sum(100, 10), 2);
        assert_eq!(window.sum(110, 10), 1, "the event at 85 has left");
        assert_eq!(window.sum(1_000, 10), 0);
    }
}

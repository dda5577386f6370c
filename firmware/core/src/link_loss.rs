//! Whether the port towards the PBX is to be up: down while the one towards the internet has no link, and
//! never changed faster than a person would (docs/box.md B11).

/// Without a link for this long, and the other port goes down, in ms.
pub const DOWN_AFTER_MS: u64 = 1_000;
/// With a link for this long, and it comes up again, in ms.
pub const UP_AFTER_MS: u64 = 2_000;

/// What has been seen of the link. Begins with "it is there", so that a start takes nothing down.
#[derive(Clone, Debug)]
pub struct LinkLoss {
    passed_on: bool,
    other_since: Option<u64>,
    changes: Option<u32>,
}

impl Default for LinkLoss {
    fn default() -> Self {
        LinkLoss {
            passed_on: true,
            other_since: None,
            changes: None,
        }
    }
}

impl LinkLoss {
    /// Is the port towards the PBX to be up now? `link` is that of the other port (a port that is not
    /// there has none), `changes` how often it has come or gone, as the kernel counts: what happened between
    /// two looks begins the wait anew.
    pub fn see(&mut self, at_ms: u64, link: bool, changes: u32) -> bool {
        if self.changes.replace(changes) != Some(changes) {
            self.other_since = None;
        }
        if link == self.passed_on {
            self.other_since = None;
        } else {
            let since = *self.other_since.get_or_insert(at_ms);
            if at_ms.saturating_sub(since) >= self.patience() {
                self.passed_on = link;
                self.other_since = None;
            }
        }
        self.passed_on
    }

    /// When to look again, where nothing else happens before, in ms.
    pub fn due_ms(&self) -> Option<u64> {
        self.other_since
            .map(|since| since.saturating_add(self.patience()))
    }

    fn patience(&self) -> u64 {
        match self.passed_on {
            true => DOWN_AFTER_MS,
            false => UP_AFTER_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at every moment that is said and at those that are due; when the port's state changes.
    fn play(story: &[(u64, bool)], end: u64) -> alloc::vec::Vec<(u64, bool)> {
        let (mut loss, mut told, mut last) = (LinkLoss::default(), alloc::vec::Vec::new(), true);
        let (mut link, mut changes, mut next) = (true, 0, 0);
        let mut at = 0;
        while at <= end {
            while let Some(&(when, state)) = story.get(next).filter(|(when, _)| *when <= at) {
                debug_assert!(when <= at);
                (link, changes, next) = (state, changes + 1, next + 1);
            }
            let up = loss.see(at, link, changes);
            if up != last {
                told.push((at, up));
                last = up;
            }
            let event = story.get(next).map(|(when, _)| *when);
            at = [event, loss.due_ms()]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(end + 1)
                .max(at + 1);
        }
        told
    }

    #[test]
    fn a_loss_is_passed_on_after_a_second_and_its_end_after_two() {
        let story = [(5_000, false), (20_000, true)];
        assert_eq!(play(&story, 60_000), [(6_000, false), (22_000, true)]);
        // No link from the beginning.
        assert_eq!(play(&[(0, false)], 60_000), [(1_000, false)]);
        assert_eq!(play(&[], 60_000), []);
    }

    #[test]
    fn short_ones_are_not() {
        let flaps: alloc::vec::Vec<(u64, bool)> = (0..100).map(|n| (n * 900, n % 2 == 1)).collect();
        assert_eq!(play(&flaps, 90_000), []);
        let flaps = [(0, false), (3_000, true), (4_900, false), (5_000, true)];
        assert_eq!(play(&flaps, 60_000), [(1_000, false), (7_000, true)]);
    }

    #[test]
    fn what_came_and_went_unseen_begins_the_wait_anew() {
        let mut loss = LinkLoss::default();
        assert!(loss.see(0, true, 4) && loss.see(10, false, 5));
        // Back and gone again in between.
        assert!(loss.see(900, false, 7));
        assert!(loss.see(1_100, false, 7));
        assert_eq!(loss.due_ms(), Some(1_900));
        assert!(!loss.see(1_900, false, 7));
        assert_eq!(loss.due_ms(), None);
    }
}

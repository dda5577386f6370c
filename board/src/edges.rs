//! The button's edges between two looks at it.

use heapless::Deque;

/// Edges that have come and were not looked at yet. One is handed out at each look, so that a press that
/// began and ended between two of them is seen as a short one.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    /// The level last handed out.
    level: bool,
    /// Levels after it, in turn. Two are enough: what comes after them cancels out in pairs, as the
    /// bouncing of a contact does.
    coming: Deque<bool, 2>,
}

impl Edges {
    /// A button at this level.
    pub(crate) fn at(level: bool) -> Self {
        Edges {
            level,
            coming: Deque::new(),
        }
    }

    /// The level has changed to this.
    pub(crate) fn push(&mut self, level: bool) {
        let last = self.coming.back().copied().unwrap_or(self.level);
        if last == level {
            return;
        }
        if self.coming.push_back(level).is_err() {
            // The last edge and this one are as if neither had been.
            self.coming.pop_back();
        }
    }

    /// The level at this look.
    pub(crate) fn look(&mut self) -> bool {
        if let Some(level) = self.coming.pop_front() {
            self.level = level;
        }
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_between_two_looks_is_seen() {
        let mut edges = Edges::at(false);
        assert!(!edges.look());
        edges.push(true);
        edges.push(false);
        assert_eq!(
            [edges.look(), edges.look(), edges.look()],
            [true, false, false]
        );
    }

    #[test]
    fn a_bouncing_contact_ends_where_it_ends() {
        for (bounces, end) in [(1, true), (2, false), (7, true), (20, false), (21, true)] {
            let mut edges = Edges::at(false);
            let mut level = false;
            for _ in 0..bounces {
                level = !level;
                edges.push(level);
                edges.push(level);
            }
            let seen = [edges.look(), edges.look(), edges.look()];
            assert!(seen[0], "it was pressed");
            assert_eq!(seen[2], end, "{bounces}");
        }
    }
}

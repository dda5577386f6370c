//! Dropped packets by time, for the page's chart. In memory: it begins anew with the daemon.

use std::collections::VecDeque;

/// A slot of time: every time zone's hours begin with one.
const SLOT_MS: i64 = 900_000;
/// Slots kept: a day, and the hour that has begun.
const SLOTS: usize = 100;

/// Packets in each slot.
#[derive(Default)]
pub struct Drops {
    slots: VecDeque<(i64, u64)>,
    /// What the counters stood at.
    total: Option<u64>,
}

impl Drops {
    /// The counters stand at `total` now.
    pub fn note(&mut self, unix_ms: i64, total: u64) {
        // What was dropped before the daemon began is of no hour; counters that begin anew begin at 0.
        let more = match self.total.replace(total) {
            None => 0,
            Some(before) => total.checked_sub(before).unwrap_or(total),
        };
        if more == 0 {
            return;
        }
        let slot = unix_ms.div_euclid(SLOT_MS) * SLOT_MS;
        match self.slots.back_mut() {
            Some((begin, packets)) if *begin == slot => *packets += more,
            _ => {
                if self.slots.len() >= SLOTS {
                    self.slots.pop_front();
                }
                self.slots.push_back((slot, more));
            }
        }
    }

    /// The slots in which something was dropped: when each began (ms since 1970), and how many packets.
    pub fn list(&self) -> Vec<(i64, u64)> {
        self.slots.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_count_when_they_were_dropped() {
        let mut drops = Drops::default();
        drops.note(0, 1_000);
        assert!(drops.list().is_empty(), "of before");
        drops.note(1_000, 1_005);
        drops.note(2_000, 1_005);
        drops.note(SLOT_MS + 1, 1_007);
        // The table was made anew.
        drops.note(SLOT_MS + 2, 3);
        assert_eq!(drops.list(), [(0, 5), (SLOT_MS, 5)]);
        for n in 0..1_000 {
            drops.note(n * SLOT_MS, 10 + n as u64);
        }
        assert_eq!(drops.list().len(), SLOTS);
    }
}

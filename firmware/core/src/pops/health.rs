//! Round trips to one PoP, and which PoP is the nearest that answers.

use heapless::{Deque, String};

/// Probes that loss is counted over.
pub const PROBES: usize = 20;
/// So many in a row without an answer, and the PoP counts as dead.
pub const DEAD_AFTER: u8 = 3;
/// Answers before a PoP can be recommended.
const ENOUGH: usize = 3;
/// Loss above this many percent keeps a PoP from being recommended while another one has less.
const LOSSY_PERCENT: u8 = 10;
/// Another PoP must be nearer by a fifth of the round trip …
const NEARER_DIVISOR: u32 = 5;
/// … and by so many µs: a recommendation that changes with every probe is none.
const NEARER_US: u32 = 5_000;

/// What a probe changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has stopped answering.
    Died,
    /// It answers again.
    Recovered,
}

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Status code of SIP.
    pub status: u16,
    /// Milliseconds since 1970.
    pub unix_ms: i64,
}

/// The health of one PoP.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Round trips in µs, oldest first; `None` for a probe without an answer.
    probes: Deque<Option<u32>, PROBES>,
    smoothed_us: Option<u32>,
    lost_in_a_row: u8,
    dead: bool,
    last: Option<Answered>,
}

impl Health {
    /// An answer came after `round_trip_us`. Any status is one: 401 or 405 says as well as 200 that
    /// somebody is there.
    pub fn answered(&mut self, round_trip_us: u32, answer: Answered) -> Option<Change> {
        self.push(Some(round_trip_us));
        self.lost_in_a_row = 0;
        self.last = Some(answer);
        // RFC 6298 2: the smoothed round trip, an eighth of the way.
        self.smoothed_us = Some(match self.smoothed_us {
            // Over a different path since: what was before says nothing.
            Some(_) if self.dead => round_trip_us,
            Some(before) => before - before / 8 + round_trip_us / 8,
            None => round_trip_us,
        });
        core::mem::take(&mut self.dead).then_some(Change::Recovered)
    }

    /// No answer came in time.
    pub fn lost(&mut self) -> Option<Change> {
        self.push(None);
        self.lost_in_a_row = self.lost_in_a_row.saturating_add(1);
        let died = !self.dead && self.lost_in_a_row >= DEAD_AFTER;
        self.dead |= died;
        died.then_some(Change::Died)
    }

    fn push(&mut self, probe: Option<u32>) {
        if self.probes.is_full() {
            self.probes.pop_front();
        }
        // There is room now.
        let _ = self.probes.push_back(probe);
    }

    /// Smoothed round trip in µs; `None` before the first answer.
    pub fn round_trip_us(&self) -> Option<u32> {
        self.smoothed_us
    }

    /// Probes without an answer among the last [`PROBES`], in percent, rounded down.
    pub fn loss_percent(&self) -> u8 {
        let lost = self.probes.iter().filter(|p| p.is_none()).count();
        (lost * 100).checked_div(self.probes.len()).unwrap_or(0) as u8
    }

    /// The last answer.
    pub fn last(&self) -> Option<Answered> {
        self.last
    }

    /// Has it been silent for [`DEAD_AFTER`] probes?
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Probes that are remembered.
    pub fn probes(&self) -> usize {
        self.probes.len()
    }

    /// What speaks for it: alive and known well enough, with little loss before much, the nearest.
    fn rank(&self) -> Option<(bool, u32)> {
        let answers = self.probes.iter().flatten().count();
        let known = !self.dead && answers >= ENOUGH;
        known.then_some((self.loss_percent() > LOSSY_PERCENT, self.smoothed_us?))
    }

    /// One line for a person: `23.4 ms, 5 % lost, 200`.
    pub fn line(&self) -> String<64> {
        let mut line = String::new();
        // 64 octets hold the longest of these.
        let _ = match (self.dead, self.smoothed_us, self.last) {
            (false, Some(us), Some(last)) => core::fmt::write(
                &mut line,
                format_args!(
                    "{}.{} ms, {} % lost, {}",
                    us / 1_000,
                    us % 1_000 / 100,
                    self.loss_percent(),
                    last.status
                ),
            ),
            (true, ..) => core::fmt::write(
                &mut line,
                format_args!("no answer, {} % lost", self.loss_percent()),
            ),
            _ => core::fmt::write(&mut line, format_args!("not known yet")),
        };
        line
    }
}

/// Which of these to use, as a place in the list; `current` is the one in use or recommended before.
/// Another one is named only when it is nearer by more than chance, loses less, or the current one
/// does not answer. `None` while none is known well enough.
pub fn recommend(pops: &[&Health], current: Option<usize>) -> Option<usize> {
    let ranked = pops
        .iter()
        .enumerate()
        .filter_map(|(i, health)| Some((health.rank()?, i)));
    let (best, at) = ranked.min()?;
    let Some((here, health)) = current.and_then(|i| Some((i, pops.get(i)?))) else {
        return Some(at);
    };
    let Some(now) = health.rank() else {
        return Some(at);
    };
    let nearer = best.1 + (now.1 / NEARER_DIVISOR).max(NEARER_US) <= now.1;
    let safer = now.0 && !best.0;
    Some(if safer || nearer { at } else { here })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Answered = Answered {
        status: 200,
        unix_ms: 1_790_000_000_000,
    };

    fn at(round_trip_us: u32) -> Health {
        let mut health = Health::default();
        for _ in 0..PROBES {
            health.answered(round_trip_us, OK);
        }
        health
    }

    #[test]
    fn three_losses_in_a_row_are_a_death_and_one_answer_a_recovery() {
        let mut health = at(20_000);
        assert_eq!((health.lost(), health.lost()), (None, None));
        assert_eq!(health.answered(20_000, OK), None);
        assert_eq!((health.lost(), health.lost()), (None, None));
        assert_eq!((health.lost(), health.lost()), (Some(Change::Died), None));
        assert!(health.is_dead());
        assert_eq!(health.line().as_str(), "no answer, 30 % lost");
        assert_eq!(health.answered(90_000, OK), Some(Change::Recovered));
        assert_eq!(health.round_trip_us(), Some(90_000));
        assert_eq!(health.answered(90_000, OK), None);
    }

    #[test]
    fn the_ring_forgets_and_the_round_trip_follows_slowly() {
        let mut health = at(80_000);
        health.lost();
        assert_eq!((health.loss_percent(), health.probes()), (5, PROBES));
        health.answered(160_000, OK);
        assert_eq!(health.round_trip_us(), Some(90_000));
        for _ in 0..PROBES {
            health.answered(80_000, OK);
        }
        assert_eq!(health.loss_percent(), 0);
        assert_eq!(health.line().as_str(), "80.6 ms, 0 % lost, 200");
        assert_eq!(Health::default().line().as_str(), "not known yet");
        assert_eq!(Health::default().loss_percent(), 0);
    }

    #[test]
    fn the_nearest_is_recommended_and_kept_until_another_is_clearly_nearer() {
        let (near, nearly, far) = (at(20_000), at(24_000), at(60_000));
        let all = [&far, &nearly, &near];
        assert_eq!(recommend(&all, None), Some(2));
        assert_eq!(recommend(&all, Some(1)), Some(1));
        assert_eq!(recommend(&all, Some(0)), Some(2));
        assert_eq!(recommend(&all, Some(9)), Some(2));
        assert_eq!(recommend(&[], Some(0)), None);
    }

    #[test]
    fn only_those_that_answer_are_recommended() {
        let mut dead = at(10_000);
        for _ in 0..DEAD_AFTER {
            dead.lost();
        }
        let mut lossy = at(15_000);
        for i in 0..PROBES {
            if i % 4 == 0 {
                lossy.lost();
            } else {
                lossy.answered(15_000, OK);
            }
        }
        let mut new = Health::default();
        new.answered(1_000, OK);
        let far = at(60_000);
        assert_eq!(recommend(&[&dead, &lossy, &new, &far], Some(0)), Some(3));
        assert_eq!(recommend(&[&dead, &lossy, &new], Some(0)), Some(1));
        assert_eq!(recommend(&[&dead, &new], None), None);
        // The one in use has died and nobody else is known: say nothing rather than it.
        assert_eq!(recommend(&[&dead], Some(0)), None);
    }
}

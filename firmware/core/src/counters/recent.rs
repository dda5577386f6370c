//! The last numbers of one caller: the same again, one in many spellings, one after the other.

use crate::policy::Burst;

const KEPT: usize = 20;

/// The last calls of a caller, tried or approved: column by column, so that a number is looked for in
/// all of them at once.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    next: u8,
    /// Seconds on the gate's clock; 0 is an empty place.
    at_s: [u32; KEPT],
    tail: [u32; KEPT],
    spelling: [u32; KEPT],
    approved: [bool; KEPT],
}

/// What identifies a number however it is spelled (its last nine digits), and one spelling of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    tail: u32,
    spelling: u32,
}

impl Spelling {
    /// Reads what was dialled: digits make the number, everything makes the spelling.
    pub fn of(dialled: &[u8]) -> Self {
        let digits = dialled.iter().rev().filter(|b| b.is_ascii_digit());
        let (tail, _) = digits.take(9).fold((0, 1u32), |(tail, place), digit| {
            (
                tail + u32::from(digit - b'0') * place,
                place.wrapping_mul(10),
            )
        });
        // FNV-1a: two spellings of one number that collide would count as one; nothing is keyed by it.
        let spelling = dialled.iter().fold(0x811c_9dc5u32, |hash, &b| {
            (hash ^ u32::from(b)).wrapping_mul(0x0100_0193)
        });
        Spelling { tail, spelling }
    }
}

impl Recent {
    /// Keeps one call.
    pub fn add(&mut self, at_ms: u64, number: Spelling, approved: bool) {
        let place = self.next as usize % KEPT;
        self.at_s[place] = seconds(at_ms);
        self.tail[place] = number.tail;
        self.spelling[place] = number.spelling;
        self.approved[place] = approved;
        self.next = (self.next + 1) % KEPT as u8;
    }

    /// The places of calls to this number within the seconds.
    fn within(&self, now_ms: u64, burst: Burst, tail: u32) -> impl Iterator<Item = usize> {
        let now = seconds(now_ms);
        // Bit by bit without a branch, for the compiler to take many at a time.
        let mut left = (self.tail.iter().enumerate()).fold(0u32, |bits, (place, &t)| {
            bits | u32::from(t == tail) << place
        });
        core::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (place < KEPT).then_some(place)
        })
        .filter(move |&place| {
            self.at_s[place] != 0 && now.saturating_sub(self.at_s[place]) < burst.seconds
        })
    }

    /// Approved calls to this number within the seconds, this one included.
    pub fn same(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        1 + self
            .within(now_ms, burst, number.tail)
            .filter(|&place| self.approved[place])
            .count() as u32
    }

    /// Distinct spellings of this number within the seconds, this one included.
    pub fn spellings(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        let mut seen = [number.spelling; KEPT + 1];
        let mut distinct = 1;
        for place in self.within(now_ms, burst, number.tail) {
            let spelling = self.spelling[place];
            if !seen[..distinct].contains(&spelling) {
                seen[distinct] = spelling;
                distinct += 1;
            }
        }
        distinct as u32
    }

    /// How many numbers in a row, upwards or downwards, end at this one within the seconds.
    pub fn sequence(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        let run = |step: i32| {
            let mut length = 1;
            let mut tail = number.tail.checked_add_signed(step);
            while let Some(next) = tail
                && self.within(now_ms, burst, next).next().is_some()
            {
                length += 1;
                tail = next.checked_add_signed(step);
            }
            length
        };
        run(-1).max(run(1))
    }
}

fn seconds(ms: u64) -> u32 {
    // A box that has been up for 136 years may be restarted.
    (ms / 1_000).min(u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Burst = Burst {
        calls: 3,
        seconds: 3_600,
    };

    #[test]
    fn spellings_of_one_number_share_its_tail() {
        let mut recent = Recent::default();
        for (i, dialled) in [
            b"011442071838750".as_slice(),
            b"00442071838750",
            b"9011442071838750",
        ]
        .into_iter()
        .enumerate()
        {
            recent.add(1_000_000 + i as u64, Spelling::of(dialled), false);
        }
        let again = Spelling::of(b"000442071838750");
        assert_eq!(recent.spellings(1_001_000, again, HOUR), 4);
        assert_eq!(
            recent.same(1_001_000, again, HOUR),
            1,
            "none of them was approved"
        );
        assert_eq!(
            recent.spellings(5_000_000, again, HOUR),
            1,
            "an hour later they are forgotten"
        );
    }

    #[test]
    fn a_sequence_is_found_in_either_direction() {
        let mut recent = Recent::default();
        for n in 0..5u32 {
            let dialled = alloc::format!("1212555{:04}", 100 + n);
            recent.add(1_000_000, Spelling::of(dialled.as_bytes()), true);
        }
        assert_eq!(
            recent.sequence(1_000_500, Spelling::of(b"12125550105"), HOUR),
            6
        );
        assert_eq!(
            recent.sequence(1_000_500, Spelling::of(b"12125550099"), HOUR),
            6
        );
        assert_eq!(
            recent.sequence(1_000_500, Spelling::of(b"12125550300"), HOUR),
            1
        );
    }
}

//! The last numbers of one caller: the same again, one in many spellings, one after the other.

use crate::policy::Burst;

const KEPT: usize = 20;

/// The last calls of a caller, tried or approved.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    next: u8,
    calls: [Call; KEPT],
}

#[derive(Clone, Copy, Debug, Default)]
struct Call {
    /// Seconds on the gate's clock; 0 is an empty place.
    at_s: u32,
    tail: u32,
    spelling: u32,
    approved: bool,
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
        let tail = (dialled
            .iter()
            .rev()
            .filter(|b| b.is_ascii_digit())
            .take(9)
            .enumerate())
        .map(|(place, digit)| u32::from(digit - b'0') * 10u32.pow(place as u32))
        .sum();
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
        let at_s = seconds(at_ms);
        self.calls[self.next as usize % KEPT] = Call {
            at_s,
            tail: number.tail,
            spelling: number.spelling,
            approved,
        };
        self.next = (self.next + 1) % KEPT as u8;
    }

    fn within(&self, now_ms: u64, burst: Burst) -> impl Iterator<Item = &Call> {
        let now = seconds(now_ms);
        self.calls
            .iter()
            .filter(move |c| c.at_s != 0 && now.saturating_sub(c.at_s) < burst.seconds)
    }

    /// Approved calls to this number within the seconds, this one included.
    pub fn same(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        1 + self
            .within(now_ms, burst)
            .filter(|c| c.approved && c.tail == number.tail)
            .count() as u32
    }

    /// Distinct spellings of this number within the seconds, this one included.
    pub fn spellings(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        let mut seen = [number.spelling; KEPT + 1];
        let mut distinct = 1;
        for call in self.within(now_ms, burst).filter(|c| c.tail == number.tail) {
            if !seen[..distinct].contains(&call.spelling) {
                seen[distinct] = call.spelling;
                distinct += 1;
            }
        }
        distinct as u32
    }

    /// How many numbers in a row, upwards or downwards, end at this one within the seconds.
    pub fn sequence(&self, now_ms: u64, number: Spelling, burst: Burst) -> u32 {
        let run = |step: i64| {
            let mut length = 1;
            let mut value = i64::from(number.tail) + step;
            while self
                .within(now_ms, burst)
                .any(|c| i64::from(c.tail) == value)
            {
                length += 1;
                value += step;
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

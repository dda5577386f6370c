//! Which calls are made: who calls, whom, and what the answer has to be.

/// Digits of every number dialled here: 1, area code, exchange, line.
pub const DIGITS: usize = 11;
/// First extension; callers rotate over [`CALLERS`] of them.
pub const FIRST_CALLER: u32 = 2000;
/// Extensions that call.
pub const CALLERS: u32 = 200;
/// One call in this many goes to a refused destination.
const REFUSED_EVERY: u64 = 5;
/// One call in this many goes to a number of the list.
const LISTED_EVERY: u64 = 10;
/// Most entries of the number list; one area code holds them.
pub const LIST_MAX: u32 = 100_000;

/// Area codes that ordinary calls go to.
pub const AREAS: [u16; 40] = [
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 301, 302,
    303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 401, 402, 404,
    405, 406,
];
/// Area code of the list's numbers.
const LIST_AREA: u16 = 646;
/// Exchanges that calls go to. The policy's rules name exchanges 500 … 599, which are not among
/// them: rules are near the numbers dialled and yet do not change the 80 to 20.
const EXCHANGES: [u16; 300] = {
    let mut all = [0; 300];
    let (mut at, mut exchange) = (0, 200);
    while at < 300 {
        // N11 is a service, not an exchange.
        if exchange % 100 != 11 {
            all[at] = exchange;
            at += 1;
        }
        exchange += 1;
        if exchange == 500 {
            exchange = 600;
        }
    }
    all
};

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// As dialled: ASCII digits.
    pub number: [u8; DIGITS],
    /// The extension.
    pub caller: u32,
    /// The answer must be 603; else 302.
    pub refused: bool,
}

/// The calls of a run, in an order that is the same in every run.
pub struct Calls {
    pool: Vec<[u8; DIGITS]>,
    listed: u32,
}

impl Calls {
    /// Calls to `pool` ordinary numbers and to a list of `listed` numbers.
    pub fn new(pool: u32, listed: u32) -> Self {
        let ordinary = |n: u32| {
            let mixed = mix(u64::from(n));
            let area = AREAS[(mixed % AREAS.len() as u64) as usize];
            let exchange = EXCHANGES[(mixed / 64 % EXCHANGES.len() as u64) as usize];
            write(area, exchange, (mixed / 65_536 % 10_000) as u16)
        };
        Calls {
            pool: (0..pool.max(1)).map(ordinary).collect(),
            listed: listed.clamp(1, LIST_MAX),
        }
    }

    /// The call number `n` of the run.
    pub fn nth(&self, n: u64) -> Call {
        let caller = FIRST_CALLER + (n % u64::from(CALLERS)) as u32;
        let mixed = mix(n);
        let refused = n % REFUSED_EVERY == REFUSED_EVERY - 1;
        let number = if refused {
            write(
                900,
                EXCHANGES[(mixed % EXCHANGES.len() as u64) as usize],
                (mixed / 1024 % 10_000) as u16,
            )
        } else if n.is_multiple_of(LISTED_EVERY) {
            listed((mixed % u64::from(self.listed)) as u32)
        } else {
            self.pool[(mixed % self.pool.len() as u64) as usize]
        };
        Call {
            number,
            caller,
            refused,
        }
    }
}

/// A number of the list; `n` under [`LIST_MAX`].
pub fn listed(n: u32) -> [u8; DIGITS] {
    // 7,919 is a prime that does not divide 100,000: every number once, no two in a row.
    let n = u64::from(n % LIST_MAX) * 7_919 % u64::from(LIST_MAX);
    write(
        LIST_AREA,
        EXCHANGES[(n / 10_000) as usize],
        (n % 10_000) as u16,
    )
}

fn write(area: u16, exchange: u16, line: u16) -> [u8; DIGITS] {
    let mut rest = 10_000_000_000
        + u64::from(area) * 10_000_000
        + u64::from(exchange) * 10_000
        + u64::from(line);
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// SplitMix64: scatters a counter.
pub fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_fifth_is_refused_and_numbers_have_an_area_and_an_exchange() {
        let calls = Calls::new(5_000, 1_000);
        let all: Vec<Call> = (0..10_000).map(|n| calls.nth(n)).collect();
        assert_eq!(all.iter().filter(|call| call.refused).count(), 2_000);
        for call in &all {
            assert_eq!(call.refused, call.number.starts_with(b"1900"));
            assert!(call.number[1] >= b'2' && call.number[4] >= b'2' && call.number[4] != b'5');
            assert!(call.number[5..7] != *b"11");
        }
        let listed = all
            .iter()
            .filter(|call| call.number.starts_with(b"1646"))
            .count();
        assert_eq!(listed, 1_000);
    }

    #[test]
    fn the_list_has_no_number_twice() {
        let all: HashSet<_> = (0..LIST_MAX).map(listed).collect();
        assert_eq!(all.len(), LIST_MAX as usize);
    }
}

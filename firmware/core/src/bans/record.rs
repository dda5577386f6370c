//! What is known against one source: a score that fades, and the counts that the reason is made of.

use alloc::{format, string::String};

use super::{
    Service,
    evidence::{Evidence, Kind},
};

/// Thousandths of a point.
pub type Score = u32;

/// After this long a score is half of what it was: who knocked an hour ago is a stranger again.
pub const HALF_LIFE_S: u64 = 600;
/// From here on it is a ban. A phone that nobody has told the box of sends four requests a minute and
/// comes to 60 points; seven a minute for an hour, or a hundred at once, come here.
pub const THRESHOLD: Score = 100_000;
/// No score is higher, so that the longest attack is forgotten within an hour.
pub const HIGHEST: Score = 1_000_000;
/// Datagrams that a ban takes at least: one could be forged, or be a mistake.
pub const LEAST_DATAGRAMS: u32 = 5;
/// Different seconds that they came in, at least, and the time from the first to the last. A burst of
/// forged datagrams bans nobody; forging for longer gains little, since nobody who is allowed can be
/// banned.
pub const LEAST_SECONDS: u32 = 4;
/// See [`LEAST_SECONDS`].
pub const LEAST_SPAN_MS: u64 = 5_000;

/// A scanner's name is hardly ever an accident: seven datagrams.
const SCANNER: Score = 15_000;
/// Each user name after the first few: some twenty, which no phone has.
const NAME: Score = 5_000;
/// Names that a phone, or two behind one address, may have.
const NAMES_FREE: u32 = 3;
/// A wrong password on the page, which is always [`PROVEN`]: nine, then it is no slip of the fingers.
const PASSWORD: Score = 6_000;
/// Anything else.
const PLAIN: Score = 1_000;
/// What is left of one datagram after two half-lives: the record begins anew.
const NOTHING: Score = PLAIN / 4;
/// Evidence by an address that is proven counts so many times: it cannot frame somebody else.
const PROVEN: Score = 2;

/// User names that are told apart.
const NAMES: usize = 16;
/// Datagrams a second, on average, that the reason calls a flood.
const FLOOD_PER_S: u64 = 10;

/// 2^(-1/600) in units of 2^-63.
const SECOND: u64 = 9_212_722_931_998_962_731;

/// What is left of a score after whole seconds. Of two scores the higher stays the higher; more time
/// never leaves more.
pub fn faded(score: Score, seconds: u64) -> Score {
    // After 32 half-lives nothing is left of a 32-bit score.
    if seconds >= 32 * HALF_LIFE_S {
        return 0;
    }
    let times = |a: u64, b: u64| ((u128::from(a) * u128::from(b)) >> 63) as u64;
    let (mut left, mut factor, mut rest) = (1u64 << 63, SECOND, seconds);
    while rest > 0 {
        if rest & 1 == 1 {
            left = times(left, factor);
        }
        factor = times(factor, factor);
        rest >>= 1;
    }
    times(u64::from(score), left) as Score
}

/// One source and one service.
#[derive(Clone, Debug)]
pub struct Record {
    /// The address; of IPv6 the /64, which is the least that a single customer has.
    pub source: u128,
    /// What it was after.
    pub service: Service,
    /// As of `faded_ms`.
    pub score: Score,
    faded_ms: u64,
    first_ms: u64,
    last_ms: u64,
    seconds: u32,
    datagrams: u32,
    attempts: u32,
    requests: u32,
    passwords: u32,
    names: [u32; NAMES],
    named: u32,
    scanner: Option<&'static str>,
    port: u16,
    tcp: bool,
}

impl Record {
    /// Nothing known yet.
    pub fn new(now_ms: u64, source: u128, service: Service) -> Self {
        Record {
            source,
            service,
            score: 0,
            faded_ms: now_ms,
            first_ms: now_ms,
            last_ms: now_ms,
            seconds: 0,
            datagrams: 0,
            attempts: 0,
            requests: 0,
            passwords: 0,
            names: [0; NAMES],
            named: 0,
            scanner: None,
            port: 0,
            tcp: false,
        }
    }

    /// The score now.
    pub fn score_at(&self, now_ms: u64) -> Score {
        faded(self.score, now_ms.saturating_sub(self.faded_ms) / 1_000)
    }

    /// Takes one datagram in. What has faded begins anew, so that its seconds do not count for datagrams of
    /// today.
    pub fn add(&mut self, now_ms: u64, evidence: &Evidence) {
        if self.score_at(now_ms) < NOTHING && self.datagrams > 0 {
            *self = Record::new(now_ms, self.source, self.service);
        }
        let whole_s = now_ms.saturating_sub(self.faded_ms) / 1_000;
        self.score = faded(self.score, whole_s);
        self.faded_ms += whole_s * 1_000;
        if self.datagrams == 0 || now_ms / 1_000 > self.last_ms / 1_000 {
            self.seconds += 1;
        }
        self.last_ms = self.last_ms.max(now_ms);
        self.datagrams = self.datagrams.saturating_add(1);
        self.port = evidence.port;
        self.tcp = evidence.tcp;
        let weight = self.weigh(evidence);
        self.score = self.score.saturating_add(weight).min(HIGHEST);
    }

    fn weigh(&mut self, evidence: &Evidence) -> Score {
        let mut weight = PLAIN;
        match evidence.kind {
            Kind::Scanner(name) => {
                self.scanner = Some(name);
                self.requests = self.requests.saturating_add(1);
                weight = SCANNER;
            }
            Kind::Attempt => {
                self.attempts = self.attempts.saturating_add(1);
                self.requests = self.requests.saturating_add(1);
            }
            Kind::Request => self.requests = self.requests.saturating_add(1),
            Kind::Password => {
                self.passwords = self.passwords.saturating_add(1);
                weight = PASSWORD;
            }
            Kind::Knock => {}
        }
        if evidence.user.is_some_and(|user| self.is_new(user)) && self.named > NAMES_FREE {
            weight = weight.max(NAME);
        }
        if evidence.proven {
            weight * PROVEN
        } else {
            weight
        }
    }

    fn is_new(&mut self, user: u32) -> bool {
        let known = &self.names[..NAMES.min(self.named as usize)];
        if known.contains(&user) {
            return false;
        }
        self.names[self.named as usize % NAMES] = user;
        self.named = self.named.saturating_add(1);
        true
    }

    /// What `evidence` weighs to a source of which nothing is known.
    pub fn first_weight(evidence: &Evidence) -> Score {
        Record::new(0, 0, evidence.service).weigh(evidence)
    }

    /// Is it enough for a ban?
    pub fn is_guilty(&self, now_ms: u64) -> bool {
        self.score_at(now_ms) >= THRESHOLD
            && self.datagrams >= LEAST_DATAGRAMS
            && self.seconds >= LEAST_SECONDS
            && self.last_ms - self.first_ms >= LEAST_SPAN_MS
    }

    /// Why, for people: what it did, how often, in how long, where. No text of the stranger's is in it.
    pub fn reason(&self) -> String {
        let seconds = (self.last_ms - self.first_ms).div_ceil(1_000).max(1);
        let way = if self.tcp { "TCP" } else { "UDP" };
        let at = format!("in {seconds} s to {way} {}", self.port);
        let flood = if u64::from(self.datagrams) / seconds >= FLOOD_PER_S {
            "flood: "
        } else {
            ""
        };
        if let Some(name) = self.scanner {
            format!("scanner {name}, {} requests {at}", self.requests)
        } else if self.passwords > 0 {
            format!(
                "{} wrong passwords in {seconds} s on the page",
                self.passwords
            )
        } else if self.named > NAMES_FREE {
            let (names, more) = (self.named.min(NAMES as u32), self.named > NAMES as u32);
            let more = if more { " or more" } else { "" };
            format!(
                "tried {names}{more} user names, {} requests {at}",
                self.requests
            )
        } else if self.requests * 2 > self.datagrams {
            format!("{flood}{} SIP requests {at}", self.requests)
        } else {
            format!("{flood}{} knocks {at}", self.datagrams)
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_score_is_half_after_the_half_life_in_one_step_or_in_many() {
        assert_eq!(faded(100_000, 0), 100_000);
        assert!((49_990..=50_000).contains(&faded(100_000, HALF_LIFE_S)));
        let many = (0..HALF_LIFE_S).fold(100_000, |score, _| faded(score, 1));
        assert!((49_000..=50_000).contains(&many), "{many}");
        assert_eq!(faded(u32::MAX, u64::MAX), 0);
        assert!(
            faded(HIGHEST, 3_600) < THRESHOLD,
            "forgotten within the hour"
        );
    }

    proptest! {
        /// More time never leaves more, and no time raises a score.
        #[test]
        fn fading_is_monotone(score in any::<u32>(), other in any::<u32>(),
                              a in 0u64..30_000, b in 0u64..30_000) {
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(faded(score, more) <= faded(score, less));
            prop_assert!(faded(score, less) <= score);
            let (low, high) = (score.min(other), score.max(other));
            prop_assert!(faded(low, a) <= faded(high, a));
        }
    }
}

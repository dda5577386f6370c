//! One name that is followed: its addresses, and when it is asked for again.

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use super::{
    answers::{MOST_PER_NAME, Round},
    follow::At,
};

/// Pairs of a name and an address that are kept.
pub(super) const MOST_PAIRS: usize = 1_024;
/// An address that a name has no more stays for so long after the first answer without it, in ms:
/// some names take turns with their addresses.
pub(super) const GRACE_MS: u64 = 24 * 3_600_000;
/// Wait after a first failure; it doubles with each further one, in ms.
const FIRST_WAIT_MS: u64 = 60_000;
/// … up to this, in ms.
const LONGEST_WAIT_MS: u64 = 3_600_000;
/// A question without any outcome is lost after so long, in ms. The shell gives up much earlier.
const LOST_AFTER_MS: u64 = 60_000;
/// A name that no server has confirmed for so long is told of, in ms. Its addresses stay.
const UNCONFIRMED_MS: u64 = 72 * 3_600_000;
/// … but not before it has been tried for so long since the start, in ms.
const TRIED_MS: u64 = 3_600_000;

/// An address that a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The address.
    pub address: IpAddr,
    /// First seen, in milliseconds since 1970.
    pub first_ms: i64,
    /// Last seen, in milliseconds since 1970.
    pub last_ms: i64,
    /// Since when answers do not have it any more, on the clock that never steps.
    pub missing_since: Option<u64>,
}

/// A followed name.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The last good addresses.
    pub addresses: Vec<Known>,
    /// Seconds that the last answer was good for, within bounds; 0 before the first one.
    pub ttl_s: u32,
    /// When an answer last had an address that is allowed, in milliseconds since 1970; 0 for never.
    pub confirmed_ms: i64,
    /// Failures since then.
    pub failures: u32,
    /// The last failure, for a person.
    pub failure: Option<String>,
    /// When it is to be asked for again, on the clock that never steps.
    pub next_ms: u64,
    pub(super) asked_since: Option<u64>,
    pub(super) told_forbidden: Option<u64>,
    confirmed_mono: Option<u64>,
    followed_mono: u64,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Took {
    pub changed: bool,
    pub too_many: bool,
}

impl Followed {
    pub(super) fn new(mono_ms: u64) -> Self {
        Followed {
            addresses: Vec::new(),
            ttl_s: 0,
            confirmed_ms: 0,
            failures: 0,
            failure: None,
            next_ms: mono_ms,
            asked_since: None,
            told_forbidden: None,
            confirmed_mono: None,
            followed_mono: mono_ms,
        }
    }

    /// Its addresses alone.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(|known| known.address)
    }

    pub(super) fn is_due(&self, mono_ms: u64) -> bool {
        self.asked_since.is_none() && mono_ms >= self.next_ms
    }

    /// The question went out and nothing came back, not even that nothing came back.
    pub(super) fn is_lost(&self, mono_ms: u64) -> bool {
        self.asked_since
            .is_some_and(|since| mono_ms.saturating_sub(since) >= LOST_AFTER_MS)
    }

    /// Nothing that was heard can be used: everything stays, and the next question waits longer.
    pub(super) fn fail(&mut self, at: At, why: String) {
        self.asked_since = None;
        let wait = FIRST_WAIT_MS << self.failures.min(8);
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(why);
        self.next_ms = at.mono_ms + spread(wait.min(LONGEST_WAIT_MS), at.random);
    }

    /// Takes the addresses of a round up. `may_add` says whether there is room for one more that
    /// the name does not have.
    pub(super) fn take(
        &mut self,
        at: At,
        round: &Round,
        mut may_add: impl FnMut(IpAddr) -> bool,
    ) -> Took {
        self.asked_since = None;
        self.ttl_s = round.ttl_s.unwrap_or_default();
        self.next_ms = at.mono_ms + spread(u64::from(self.ttl_s) * 1_000, at.random);
        self.failures = 0;
        self.failure = None;
        let mut took = Took::default();
        if round.taken.is_empty() {
            // Nothing in it is better than what there is, and an answer of addresses that are not
            // allowed must not be what takes the others away.
            return took;
        }
        (self.confirmed_ms, self.confirmed_mono) = (at.unix_ms, Some(at.mono_ms));
        for known in &mut self.addresses {
            let answered = if known.address.is_ipv4() {
                round.v4
            } else {
                round.v6
            };
            if round.taken.contains(&known.address) {
                (known.last_ms, known.missing_since) = (at.unix_ms, None);
            } else if answered && known.missing_since.is_none() {
                known.missing_since = Some(at.mono_ms);
            }
        }
        for &address in &round.taken {
            if self.addresses().any(|known| known == address) {
                continue;
            }
            if self.addresses.len() < MOST_PER_NAME && may_add(address) {
                took.changed = true;
                self.addresses.push(Known {
                    address,
                    first_ms: at.unix_ms,
                    last_ms: at.unix_ms,
                    missing_since: None,
                });
            } else {
                took.too_many = true;
            }
        }
        took
    }

    /// Is this address to go, were it not for live flows?
    pub(super) fn is_overdue(&self, address: IpAddr, mono_ms: u64) -> bool {
        let gone = |known: &Known| {
            known
                .missing_since
                .is_some_and(|since| mono_ms.saturating_sub(since) >= GRACE_MS)
        };
        self.addresses.len() > 1
            && self
                .addresses
                .iter()
                .any(|k| k.address == address && gone(k))
    }

    pub(super) fn is_unconfirmed(&self, at: At) -> bool {
        let since = self.confirmed_mono.unwrap_or(self.followed_mono);
        let silent = at.mono_ms.saturating_sub(since);
        // Across restarts only the other clock knows; it may have been wrong then.
        let by_date = self.confirmed_mono.is_none()
            && self.confirmed_ms > 0
            && at.unix_ms.saturating_sub(self.confirmed_ms) > UNCONFIRMED_MS as i64;
        silent > UNCONFIRMED_MS || (silent > TRIED_MS && by_date)
    }
}

/// A time, and up to a tenth of it more, so that boxes and names do not ask in step.
fn spread(ms: u64, random: u64) -> u64 {
    ms + random % (ms / 10 + 1)
}

//! How often somebody may be wrong. Wrong passwords and codes cost who types them time, and nobody else: an address that
//! guesses has to wait, another one does not.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::Problem;

/// Each address may be wrong five times, and then once in 12 s. Passwords have 12 characters at least, the code of the
/// first password 40 bits: neither is found at that pace.
const OF_ADDRESS: Pace = Pace {
    at_once: 5,
    each: Duration::from_secs(12),
    places: 1_024,
};
/// Against a crowd of addresses that tries one account: fifty, and then one in 6 s. Addresses from which somebody has
/// logged in before pass this by, so that a crowd does not keep the owner out.
const OF_ACCOUNT: Pace = Pace {
    at_once: 50,
    each: Duration::from_secs(6),
    places: 64,
};
/// Refusals that are written down: so many at once, then one in a minute, however many there are. A flood of them must not wear
/// out the card, nor push everything else out of the audit log.
const TOLD: Pace = Pace {
    at_once: 30,
    each: Duration::from_secs(60),
    places: 1,
};
/// Addresses that are known by a log-in; the oldest is forgotten first.
const KNOWN: usize = 64;

/// So many at once, then one in each span. Of whom nothing is remembered has all of them.
struct Pace {
    at_once: u32,
    each: Duration,
    /// Who is remembered at a time; whoever owes least is forgotten first.
    places: usize,
}

/// Who has been wrong lately.
#[derive(Default)]
pub struct Attempts {
    addresses: Vec<(IpAddr, Instant)>,
    accounts: Vec<(String, Instant)>,
    known: Vec<IpAddr>,
    /// Of whom the last one-time code was used, and of which step of time; as many as there are accounts.
    codes: Vec<(String, u64)>,
    told: Vec<((), Instant)>,
    untold: u32,
}

impl Attempts {
    /// An attempt begins: it counts as wrong until [`Attempts::right`] says otherwise, so that many at the same time are not
    /// one.
    ///
    /// # Errors
    /// [`Problem::Busy`]: how long to wait.
    pub fn begin(&mut self, from: IpAddr, account: &str, now: Instant) -> Result<(), Problem> {
        let from = place_of(from);
        let wait = wait(&self.addresses, &from, &OF_ADDRESS, now);
        let wait = match self.known.contains(&from) {
            true => wait,
            false => wait.max(wait_str(&self.accounts, account, now)),
        };
        if !wait.is_zero() {
            let seconds = wait.as_secs().saturating_add(1);
            return Err(Problem::Busy(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        take(&mut self.addresses, from, &OF_ADDRESS, now);
        take(&mut self.accounts, account.to_owned(), &OF_ACCOUNT, now);
        Ok(())
    }

    /// One more was refused: is it to be written down, and how many were not since the last that was?
    pub fn tells(&mut self, now: Instant) -> Option<u32> {
        if !wait(&self.told, &(), &TOLD, now).is_zero() {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        take(&mut self.told, (), &TOLD, now);
        Some(std::mem::take(&mut self.untold))
    }

    /// The step of time of the last code that this account has used; 0 before the first.
    pub fn code_of(&self, account: &str) -> u64 {
        let last = self.codes.iter().find(|(known, _)| known == account);
        last.map_or(0, |(_, step)| *step)
    }

    /// This account has used the code of this step.
    pub fn code_was_used(&mut self, account: &str, step: u64) {
        self.codes.retain(|(known, _)| known != account);
        self.codes.push((account.to_owned(), step));
    }

    /// It was right: it has cost nothing, and the address is known.
    pub fn right(&mut self, from: IpAddr, account: &str) {
        let from = place_of(from);
        give_back(&mut self.addresses, &from, &OF_ADDRESS);
        give_back(&mut self.accounts, &account.to_owned(), &OF_ACCOUNT);
        self.known.retain(|known| *known != from);
        if self.known.len() >= KNOWN {
            self.known.remove(0);
        }
        self.known.push(from);
    }
}

/// One network of IPv6 (/64) is one place: who has one has all of its addresses.
fn place_of(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6((v6.to_bits() & !0u128 << 64).into()),
        other => other,
    }
}

fn wait_str(all: &[(String, Instant)], account: &str, now: Instant) -> Duration {
    let owes = all.iter().find(|(known, _)| known == account);
    owes.map_or(Duration::ZERO, |(_, until)| OF_ACCOUNT.wait(*until, now))
}

fn wait<K: PartialEq>(all: &[(K, Instant)], key: &K, pace: &Pace, now: Instant) -> Duration {
    let owes = all.iter().find(|(known, _)| known == key);
    owes.map_or(Duration::ZERO, |(_, until)| pace.wait(*until, now))
}

impl Pace {
    /// How long one waits who owes until then (GCRA: each attempt pushes that on by one span).
    fn wait(&self, until: Instant, now: Instant) -> Duration {
        let free = self.each * (self.at_once - 1);
        until.saturating_duration_since(now).saturating_sub(free)
    }
}

fn take<K: PartialEq>(all: &mut Vec<(K, Instant)>, key: K, pace: &Pace, now: Instant) {
    if let Some((_, until)) = all.iter_mut().find(|(known, _)| *known == key) {
        *until = (*until).max(now) + pace.each;
        return;
    }
    all.retain(|(_, until)| *until > now);
    if all.len() >= pace.places
        && let Some(least) = (0..all.len()).min_by_key(|&at| all[at].1)
    {
        all.swap_remove(least);
    }
    all.push((key, now + pace.each));
}

fn give_back<K: PartialEq>(all: &mut [(K, Instant)], key: &K, pace: &Pace) {
    if let Some((_, until)) = all.iter_mut().find(|(known, _)| known == key)
        && let Some(less) = until.checked_sub(pace.each)
    {
        *until = less;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n))
    }

    #[test]
    fn who_guesses_waits_and_nobody_else_does() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..5 {
            assert!(attempts.begin(address(1), "owner", now).is_ok());
        }
        let Err(Problem::Busy(seconds)) = attempts.begin(address(1), "owner", now) else {
            panic!("a sixth guess at once");
        };
        assert!((1..=13).contains(&seconds), "{seconds}");
        assert!(attempts.begin(address(1), "another", now).is_err());
        assert!(attempts.begin(address(2), "owner", now).is_ok());
        let later = now + OF_ADDRESS.each;
        assert!(attempts.begin(address(1), "owner", later).is_ok());
        assert!(attempts.begin(address(1), "owner", later).is_err());
    }

    #[test]
    fn who_is_right_has_lost_nothing() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..1_000 {
            attempts.begin(address(1), "owner", now).unwrap();
            attempts.right(address(1), "owner");
        }
    }

    #[test]
    fn a_crowd_waits_and_a_known_address_does_not() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        attempts.begin(address(1), "owner", now).unwrap();
        attempts.right(address(1), "owner");
        let passed = (1_000..21_000)
            .filter(|&n| attempts.begin(address(n), "owner", now).is_ok())
            .count();
        assert_eq!(passed, 50);
        assert!(attempts.begin(address(1), "owner", now).is_ok());
        assert!(attempts.begin(address(1_001), "other", now).is_ok());
        assert!(attempts.addresses.len() <= OF_ADDRESS.places);
    }

    #[test]
    fn a_flood_of_refusals_is_told_in_few_lines() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let told = (0..1_000).filter(|_| attempts.tells(now).is_some()).count();
        assert_eq!(told, 30);
        assert_eq!(attempts.tells(now + TOLD.each), Some(970));
        assert_eq!(attempts.tells(now + TOLD.each), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let at = |n: u128| IpAddr::V6((0xfd00u128 << 112 | n).into());
        for n in 0..5 {
            attempts.begin(at(n), "owner", now).unwrap();
        }
        assert!(attempts.begin(at(99), "owner", now).is_err());
        assert!(attempts.begin(at(1 << 64), "owner", now).is_ok());
    }
}

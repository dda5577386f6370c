//! Bans: who, from what, how long, why; made of evidence or by the owner.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{Never, Service, evidence::Evidence, table::Table};
use crate::unseen::is_unseen;

/// Bans in force. As many as one order to the firewall carries.
pub const BANS: usize = 1_000;
/// Sources whose bans have ended that are remembered, so that the next one is longer.
pub const ENDED: usize = 4_096;
/// Bans in one /64 of IPv6. More of its addresses are not worth the room of others.
pub const PER_PREFIX: usize = 16;
/// The first ban: longer than a scan takes, shorter than a working day for somebody wronged.
pub const FIRST_S: u32 = 3_600;
/// Each ban is twice as long as the one before, up to a week.
pub const LONGEST_S: u32 = 7 * 86_400;
/// For how long after its end a ban makes the next one longer.
pub const REMEMBERED_S: u64 = 7 * 86_400;
/// The longest ban that the owner can ask for: the firewall takes no longer one.
pub const BY_HAND_S: u32 = 30 * 86_400;
/// Octets of a reason.
pub const REASON: usize = 160;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ban, or make an existing ban last so long from now.
    Ban {
        /// Who.
        address: IpAddr,
        /// From what.
        service: Service,
        /// For how long from now.
        seconds: u32,
        /// Why, for people.
        reason: String,
    },
    /// End a ban before its time.
    Lift {
        /// Who.
        address: IpAddr,
        /// From what.
        service: Service,
    },
}

/// A ban in force, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banned {
    /// Who.
    pub address: IpAddr,
    /// From what.
    pub service: Service,
    /// Seconds until it ends.
    pub left_s: u32,
    /// Why, for people.
    pub reason: String,
    /// The owner made it.
    pub by_hand: bool,
    /// Which ban of this source it is: 1 is the first.
    pub times: u32,
}

/// A ban as it is stored, and given back after a restart. Also one that has ended, for the sake of
/// `times`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who; of an ended one in IPv6 the first address of its /64.
    pub address: IpAddr,
    /// From what.
    pub service: Service,
    /// Seconds until it ends; not above 0: it has ended so long ago.
    pub left_s: i64,
    /// Why.
    pub reason: String,
    /// The owner made it.
    pub by_hand: bool,
    /// Which ban of this source it is.
    pub times: u32,
}

/// Why the owner cannot ban somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is on the list of those who are never banned.
    Protected,
    /// There are [`BANS`] bans by hand.
    Full,
    /// Not between a minute and 30 days.
    Seconds,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Protected => {
                "this address is never banned: it is a PoP, a client, the PBX, a remote phone, of the office, \
                 the gateway, a DNS server, the box, who uses the page now, or no single machine; take it out \
                 of the settings first"
            }
            Refused::Full => "there are as many bans by hand as there is room for; remove one",
            Refused::Seconds => "a ban lasts from 60 seconds to 30 days",
        })
    }
}

struct Ban {
    until_ms: u64,
    reason: String,
    by_hand: bool,
    times: u32,
}

struct Ended {
    at_ms: u64,
    times: u32,
}

/// Everything that is known of who is banned and why, in bounded memory (about 2 MB).
pub struct Ledger {
    table: Table,
    never: Never,
    bans: BTreeMap<(IpAddr, Service), Ban>,
    ended: BTreeMap<(u128, Service), Ended>,
}

impl Ledger {
    /// Nobody is banned, and nobody protected. `key` is a secret number of this run: it keeps
    /// strangers from choosing whom they push out of the table.
    pub fn new(key: u64) -> Self {
        Ledger {
            table: Table::new(key),
            never: Never::default(),
            bans: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    /// Sets who is never banned. Bans of those are lifted, and what was held against them is forgotten.
    #[must_use]
    pub fn protect(&mut self, never: Never) -> Vec<Effect> {
        self.never = never;
        self.table
            .retain(|source| !self.never.holds(address(source)));
        let held: Vec<_> = (self.bans.keys().copied())
            .filter(|(address, _)| self.never.holds(*address))
            .collect();
        held.into_iter().map(|key| self.lift(key)).collect()
    }

    /// Takes evidence in. `now_ms` is on a clock that never steps.
    #[must_use]
    pub fn see(&mut self, now_ms: u64, evidence: &Evidence) -> Vec<Effect> {
        let who = evidence.source.to_canonical();
        let key = (who, evidence.service);
        let banned = self.bans.get(&key).is_some_and(|ban| ban.until_ms > now_ms);
        if banned || self.never.holds(who) {
            return Vec::new();
        }
        let source = source(who);
        let Some(record) = self.table.add(now_ms, source, evidence) else {
            return Vec::new();
        };
        if !record.is_guilty(now_ms) {
            return Vec::new();
        }
        let reason = record.reason();
        self.end(now_ms);
        if self.in_prefix(who, evidence.service) >= PER_PREFIX {
            return Vec::new();
        }
        let times = self.times(now_ms, source, evidence.service) + 1;
        let seconds = FIRST_S
            .saturating_mul(1 << (times - 1).min(16))
            .min(LONGEST_S);
        self.ban(now_ms, key, seconds, reason, false, times)
            .unwrap_or_default()
    }

    /// Bans by the owner's hand, or makes a ban last so long from now.
    ///
    /// # Errors
    /// When it must not be, or there is no room.
    pub fn add(
        &mut self,
        now_ms: u64,
        address: IpAddr,
        service: Service,
        seconds: u32,
        reason: &str,
    ) -> Result<Vec<Effect>, Refused> {
        let who = address.to_canonical();
        if !(60..=BY_HAND_S).contains(&seconds) {
            return Err(Refused::Seconds);
        }
        if self.never.holds(who) {
            return Err(Refused::Protected);
        }
        self.end(now_ms);
        let reason = match clean(reason) {
            reason if reason.is_empty() => "by hand".into(),
            reason => reason,
        };
        let times = self.times(now_ms, source(who), service).max(1);
        self.ban(now_ms, (who, service), seconds, reason, true, times)
            .ok_or(Refused::Full)
    }

    /// Lifts bans of an address, of one service or of all, and forgives it: its score is 0, and its
    /// next ban is a first one. Empty where it was not banned.
    #[must_use]
    pub fn remove(&mut self, address: IpAddr, service: Option<Service>) -> Vec<Effect> {
        let who = address.to_canonical();
        let mut effects = Vec::new();
        for each in Service::ALL {
            if service.is_none_or(|service| service == each) {
                self.table.forgive(source(who), each);
                self.ended.remove(&(source(who), each));
                if self.bans.contains_key(&(who, each)) {
                    effects.push(self.lift((who, each)));
                }
            }
        }
        effects
    }

    /// Bans in force, those that end last first.
    pub fn list(&self, now_ms: u64) -> Vec<Banned> {
        let mut all: Vec<Banned> = (self.bans.iter())
            .filter(|(_, ban)| ban.until_ms > now_ms)
            .map(|(&(address, service), ban)| Banned {
                address,
                service,
                left_s: (ban.until_ms - now_ms).div_ceil(1_000) as u32,
                reason: ban.reason.clone(),
                by_hand: ban.by_hand,
                times: ban.times,
            })
            .collect();
        all.sort_by_key(|ban| core::cmp::Reverse(ban.left_s));
        all
    }

    /// Moves bans whose time is over to the remembered ones. The firewall's own entries end by themselves; this
    /// says which rows of a store are no bans any more. Called once in a while.
    pub fn end(&mut self, now_ms: u64) -> Vec<(IpAddr, Service)> {
        let over: Vec<_> = (self.bans.iter())
            .filter(|(_, ban)| ban.until_ms <= now_ms)
            .map(|(key, _)| *key)
            .collect();
        for key in &over {
            if let Some(ban) = self.bans.remove(key) {
                self.remember((source(key.0), key.1), ban.until_ms, ban.times);
            }
        }
        self.ended
            .retain(|_, e| now_ms.saturating_sub(e.at_ms) < REMEMBERED_S * 1_000);
        over
    }

    /// Everything that is worth being there after a restart: [`BANS`] and [`ENDED`] at most.
    pub fn kept(&self, now_ms: u64) -> Vec<Kept> {
        let left = |at_ms: u64| (at_ms as i64 - now_ms as i64).div_euclid(1_000);
        let bans = self.bans.iter().map(|(&(address, service), ban)| Kept {
            address,
            service,
            left_s: left(ban.until_ms),
            reason: ban.reason.clone(),
            by_hand: ban.by_hand,
            times: ban.times,
        });
        let ended = (self.ended.iter()).map(|(&(source, service), ended)| Kept {
            address: address(source),
            service,
            left_s: left(ended.at_ms).min(0),
            reason: String::new(),
            by_hand: false,
            times: ended.times,
        });
        bans.chain(ended).collect()
    }

    /// Takes one back that was stored. An effect where it is still in force; nothing where it is over, for
    /// somebody who is protected by now, or where there is no room.
    #[must_use]
    pub fn give_back(&mut self, now_ms: u64, kept: &Kept) -> Vec<Effect> {
        let who = kept.address.to_canonical();
        let times = kept.times.clamp(1, 64);
        if self.never.holds(who) {
            return Vec::new();
        }
        match u32::try_from(kept.left_s) {
            Ok(left) if left > 0 => {
                let key = (who, kept.service);
                let left = left.min(BY_HAND_S);
                self.ban(now_ms, key, left, clean(&kept.reason), kept.by_hand, times)
                    .unwrap_or_default()
            }
            _ => {
                let ago_ms = kept.left_s.unsigned_abs().saturating_mul(1_000);
                if kept.left_s <= 0 && ago_ms < REMEMBERED_S * 1_000 {
                    let at_ms = now_ms.saturating_sub(ago_ms);
                    self.remember((source(who), kept.service), at_ms, times);
                }
                Vec::new()
            }
        }
    }

    /// Sources that are kept an eye on at the moment.
    pub fn watched(&self) -> usize {
        self.table.len()
    }

    /// Bans without asking why; an effect, and another where somebody had to make room.
    fn ban(
        &mut self,
        now_ms: u64,
        key: (IpAddr, Service),
        seconds: u32,
        reason: String,
        by_hand: bool,
        times: u32,
    ) -> Option<Vec<Effect>> {
        let mut effects = Vec::new();
        if self.bans.len() >= BANS && !self.bans.contains_key(&key) {
            // The owner's bans stay; of the others the one that would end first.
            let first = (self.bans.iter())
                .filter(|(_, ban)| !ban.by_hand)
                .min_by_key(|(_, ban)| ban.until_ms)
                .map(|(key, _)| *key)?;
            effects.push(self.lift(first));
        }
        let ban = Ban {
            until_ms: now_ms.saturating_add(u64::from(seconds) * 1_000),
            reason: reason.clone(),
            by_hand,
            times,
        };
        self.bans.insert(key, ban);
        effects.push(Effect::Ban {
            address: key.0,
            service: key.1,
            seconds,
            reason,
        });
        Some(effects)
    }

    fn lift(&mut self, key: (IpAddr, Service)) -> Effect {
        self.bans.remove(&key);
        Effect::Lift {
            address: key.0,
            service: key.1,
        }
    }

    fn remember(&mut self, key: (u128, Service), at_ms: u64, times: u32) {
        if self.ended.len() >= ENDED && !self.ended.contains_key(&key) {
            let oldest = self.ended.iter().min_by_key(|(_, e)| e.at_ms);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.ended.remove(&oldest);
            }
        }
        self.ended.insert(key, Ended { at_ms, times });
    }

    fn times(&self, now_ms: u64, source: u128, service: Service) -> u32 {
        (self.ended.get(&(source, service)))
            .filter(|e| now_ms.saturating_sub(e.at_ms) < REMEMBERED_S * 1_000)
            .map_or(0, |e| e.times)
    }

    /// Bans in the address's /64. IPv4 has one address only.
    fn in_prefix(&self, who: IpAddr, service: Service) -> usize {
        let IpAddr::V6(v6) = who else { return 0 };
        let (first, last) = (v6.to_bits() & !LOW, v6.to_bits() | LOW);
        let range =
            (IpAddr::V6(first.into()), Service::Sip)..=(IpAddr::V6(last.into()), Service::Page);
        (self.bans.range(range))
            .filter(|((_, of), _)| *of == service)
            .count()
    }
}

/// The part of an IPv6 address within its /64.
const LOW: u128 = u64::MAX as u128;

/// What evidence is held against: an IPv4 address (as mapped), or a /64.
fn source(who: IpAddr) -> u128 {
    match who {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !LOW,
    }
}

fn address(source: u128) -> IpAddr {
    IpAddr::V6(source.into()).to_canonical()
}

/// A reason that can be shown anywhere: one line, no control characters, not too long.
fn clean(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim().chars() {
        if out.len() + c.len_utf8() > REASON {
            break;
        }
        out.push(if is_unseen(c) { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests;

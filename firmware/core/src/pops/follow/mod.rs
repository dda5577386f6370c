//! Follows the PoPs' names in DNS and makes the allow-list: no clock, no random number, no socket.
//!
//! What it holds to, whatever arrives: the list never has a forbidden address (docs/security.md F12),
//! nor one out of the known range that the owner has not approved; it stays within its bounds; and no
//! failure, however long, takes an address away (F21). The last good answer is kept without an end:
//! an office without calls is worse off than one that trusts a range VoIP.ms has used for years, and
//! an address that has moved is found by the next answer, not by forgetting.

mod decide;
mod list;
mod values;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;
use ipnet::IpNet;

pub use super::names::{Followed, Known};
pub use values::{Alert, At, Effect, Event, SavedAddress, SavedName, Snapshot};

use super::{
    answers::{Heard, MOST_ADDRESSES, Round},
    names::MOST_PAIRS,
    owner::Decisions,
    sightings::{FORGOTTEN_AFTER_MS, News, Sighting, Sightings},
};
use crate::policy::{AllowList, HostName};

/// Names of the settings that are followed; every name that ships fits.
pub const MOST_CHOSEN: usize = 96;
/// Questions that are open at a time.
pub const MOST_OPEN: usize = 8;
/// Addresses whose flows are asked for at a time.
pub const MOST_FLOWS: usize = 64;
/// DNS changes the allow-list at most once in so many ms; the owner does at once.
const CHANGE_EVERY_MS: u64 = 10_000;
/// The snapshot is worth a write at most once in so many ms when addresses changed …
const SAVE_EVERY_MS: u64 = 60_000;
/// … and once in so many when only the times did: cards wear out.
const TIMES_EVERY_MS: u64 = 3_600_000;
/// How often live flows are asked for, in ms.
const FLOWS_EVERY_MS: u64 = 60_000;
/// An alert of one kind comes again after so many ms.
const TELL_EVERY_MS: u64 = 24 * 3_600_000;
/// As many names at once out of the range are a move and no mistake.
const MOVED_NAMES: usize = 3;

/// Follows the names.
#[derive(Clone, Debug)]
pub struct Follow {
    allow: AllowList,
    chosen: BTreeSet<HostName>,
    own: Vec<IpAddr>,
    names: BTreeMap<HostName, Followed>,
    sightings: Sightings,
    decisions: Decisions,
    /// What was last reported with [`Effect::AllowedChanged`].
    reported: Vec<IpNet>,
    dirty: bool,
    /// The change is the owner's, or the first: it does not wait.
    at_once: bool,
    changed_at: Option<u64>,
    unsaved: bool,
    heard_something: bool,
    saved_at: Option<u64>,
    flows_at: Option<u64>,
    told_moved: Option<u64>,
    told_too_many: Option<u64>,
    told_unconfirmed: bool,
}

impl Follow {
    /// Takes an event up. Effects are few: at most [`MOST_OPEN`] questions, and one of most others.
    pub fn step(&mut self, at: At, event: Event<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Tick => {}
            Event::Heard { name, heard } => self.heard(at, name, heard, &mut effects),
            Event::Flows(flows) => self.flows(at, flows),
            Event::Refresh => self.names.values_mut().for_each(|n| n.next_ms = at.mono_ms),
        }
        self.forget_sightings(at);
        self.ask_names(at, &mut effects);
        self.ask_flows(at, &mut effects);
        self.tell_unconfirmed(at, &mut effects);
        self.report(at, &mut effects);
        self.ask_to_save(at, &mut effects);
        effects
    }

    fn heard(&mut self, at: At, name: &HostName, heard: &[Heard], effects: &mut Vec<Effect>) {
        // Asked for before the settings changed.
        let Some(followed) = self.names.get(name) else {
            return;
        };
        let known: Vec<IpAddr> = followed.addresses().collect();
        let mut round = Round::of(heard, &known, &self.own, |a| self.decisions.standing(a));
        self.tell_forbidden(at, name, &round, effects);
        if let Some(why) = round.failure.take() {
            if let Some(followed) = self.names.get_mut(name) {
                followed.fail(at, why);
            }
            return;
        }
        self.heard_something = true;
        let mut distinct: BTreeSet<IpAddr> = self.known_addresses().collect();
        let mut pairs = self
            .names
            .values()
            .map(|n| n.addresses.len())
            .sum::<usize>();
        let Some(followed) = self.names.get_mut(name) else {
            return;
        };
        let took = followed.take(at, &round, |address| {
            let room = pairs < MOST_PAIRS
                && (distinct.len() < MOST_ADDRESSES || distinct.contains(&address));
            if room {
                pairs += 1;
                distinct.insert(address);
            }
            room
        });
        self.dirty |= took.changed;
        self.unsaved |= took.changed;
        let mut too_many = took.too_many || round.too_many;
        for (&address, servers) in &round.elsewhere {
            too_many |= !self.see(at, name, address, servers, round.asked, effects);
        }
        if too_many && due(&mut self.told_too_many, at, TELL_EVERY_MS) {
            effects.push(Effect::Alert(Alert::TooMany { name: name.clone() }));
        }
        self.tell_moved(at, effects);
    }

    /// Notes an address out of the range; answers whether there was room.
    fn see(
        &mut self,
        at: At,
        name: &HostName,
        address: IpAddr,
        servers: &[IpAddr],
        asked: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let news = self
            .sightings
            .see(address, name, servers, asked, at.unix_ms);
        let name = name.clone();
        match news {
            News::Known => return true,
            News::TooMany => return false,
            News::Changed => {}
            News::Agreed => effects.push(Effect::Ask { address, name }),
            News::Disagree => effects.push(Effect::Alert(Alert::Disagree { name, address })),
        }
        self.unsaved = true;
        true
    }

    /// Takes away what has been out of DNS for the time of grace and carries nothing any more (F16).
    fn flows(&mut self, at: At, flows: &[(IpAddr, bool)]) {
        for &(address, live) in flows.iter().take(MOST_FLOWS) {
            if live {
                continue;
            }
            for followed in self.names.values_mut() {
                if followed.is_overdue(address, at.mono_ms) {
                    followed.addresses.retain(|known| known.address != address);
                    self.dirty = true;
                    self.unsaved = true;
                }
            }
        }
    }

    fn forget_sightings(&mut self, at: At) {
        // A clock that has been set back makes them last longer, not shorter.
        let forgotten = |s: &Sighting| at.unix_ms.saturating_sub(s.last_ms) > FORGOTTEN_AFTER_MS;
        self.unsaved |= self.sightings.retain(|s| !forgotten(s));
    }

    fn ask_names(&mut self, at: At, effects: &mut Vec<Effect>) {
        for followed in self.names.values_mut() {
            if followed.is_lost(at.mono_ms) {
                followed.fail(at, "nobody came back with an answer".into());
            }
        }
        let open = self
            .names
            .values()
            .filter(|n| n.asked_since.is_some())
            .count();
        let mut due: Vec<(&HostName, &mut Followed)> = self
            .names
            .iter_mut()
            .filter(|(_, n)| n.is_due(at.mono_ms))
            .collect();
        // Whoever has waited for longest is first, so that no name starves another.
        due.sort_by_key(|(_, n)| n.next_ms);
        for (name, followed) in due.into_iter().take(MOST_OPEN.saturating_sub(open)) {
            followed.asked_since = Some(at.mono_ms);
            effects.push(Effect::Query(name.clone()));
        }
    }

    fn ask_flows(&mut self, at: At, effects: &mut Vec<Effect>) {
        let overdue = self.names.values().flat_map(|n| {
            let all = n.addresses();
            all.filter(|&address| n.is_overdue(address, at.mono_ms))
        });
        let addresses: BTreeSet<IpAddr> = overdue.take(MOST_FLOWS).collect();
        if !addresses.is_empty() && due(&mut self.flows_at, at, FLOWS_EVERY_MS) {
            effects.push(Effect::Flows(addresses.into_iter().collect()));
        }
    }

    fn tell_forbidden(
        &mut self,
        at: At,
        name: &HostName,
        round: &Round,
        effects: &mut Vec<Effect>,
    ) {
        let (Some((&address, &why)), Some(followed)) =
            (round.forbidden.first_key_value(), self.names.get_mut(name))
        else {
            return;
        };
        if due(&mut followed.told_forbidden, at, TELL_EVERY_MS) {
            let name = name.clone();
            effects.push(Effect::Alert(Alert::Forbidden { name, address, why }));
        }
    }

    fn tell_moved(&mut self, at: At, effects: &mut Vec<Effect>) {
        let agreed = || self.sightings.iter().filter(|s| s.agreed);
        let names: BTreeSet<&HostName> = agreed().flat_map(|s| &s.names).collect();
        let (names, addresses) = (names.len(), agreed().count());
        if names >= MOVED_NAMES && due(&mut self.told_moved, at, TELL_EVERY_MS) {
            effects.push(Effect::Alert(Alert::Moved { names, addresses }));
        }
    }

    fn tell_unconfirmed(&mut self, at: At, effects: &mut Vec<Effect>) {
        let names = self.names.values().filter(|n| n.is_unconfirmed(at)).count();
        if names > 0 && !self.told_unconfirmed {
            effects.push(Effect::Alert(Alert::Unconfirmed { names }));
        }
        self.told_unconfirmed = names > 0;
    }

    fn report(&mut self, at: At, effects: &mut Vec<Effect>) {
        let waited = self
            .changed_at
            .is_none_or(|then| at.mono_ms.saturating_sub(then) >= CHANGE_EVERY_MS);
        if !self.dirty || !(self.at_once || waited) {
            return;
        }
        (self.dirty, self.at_once) = (false, false);
        let allowed = self.allowed();
        if allowed != self.reported {
            self.reported = allowed;
            self.changed_at = Some(at.mono_ms);
            effects.push(Effect::AllowedChanged);
        }
    }

    fn ask_to_save(&mut self, at: At, effects: &mut Vec<Effect>) {
        let since = self.saved_at.map(|then| at.mono_ms.saturating_sub(then));
        let after = |wait| since.is_none_or(|ms| ms >= wait);
        let changed = self.unsaved && after(SAVE_EVERY_MS);
        if changed || (self.heard_something && after(TIMES_EVERY_MS)) {
            self.saved_at = Some(at.mono_ms);
            (self.unsaved, self.heard_something) = (false, false);
            effects.push(Effect::Save);
        }
    }

    fn known_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.names.values().flat_map(Followed::addresses)
    }
}

/// Is it time again? If so, the time is noted.
fn due(last: &mut Option<u64>, at: At, every_ms: u64) -> bool {
    let due = last.is_none_or(|then| at.mono_ms.saturating_sub(then) >= every_ms);
    if due {
        *last = Some(at.mono_ms);
    }
    due
}

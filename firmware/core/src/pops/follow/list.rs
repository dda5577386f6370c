//! What is followed, what is allowed, and what is kept.

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;
use ipnet::IpNet;

use super::{
    super::{
        answers::{MOST_ADDRESSES, MOST_PER_NAME, Standing, check_network, forbidden},
        by_name, in_range,
        names::MOST_PAIRS,
        owner::{Decision, Decisions, Subject, range_without},
        sightings::Sightings,
        table,
    },
    At, Follow, Followed, Known, MOST_CHOSEN, SavedAddress, SavedName, Sighting, Snapshot,
};
use crate::policy::{AllowList, Firewall, HostName};

impl Follow {
    /// Begins with what was kept. What no longer passes the rules is left out: a snapshot can come
    /// from an older version, or from a damaged card. `own` are the addresses of the box and the PBX.
    pub fn new(
        firewall: &Firewall,
        own: &[IpAddr],
        snapshot: Snapshot,
        decisions: Vec<Decision>,
        at: At,
    ) -> Follow {
        let mut follow = Follow {
            allow: firewall.allow,
            chosen: BTreeSet::new(),
            own: Vec::new(),
            names: Default::default(),
            sightings: Sightings::default(),
            decisions: Decisions::default(),
            reported: Vec::new(),
            dirty: true,
            at_once: true,
            changed_at: None,
            unsaved: false,
            heard_something: false,
            saved_at: None,
            flows_at: None,
            told_moved: None,
            told_too_many: None,
            told_unconfirmed: false,
        };
        for decision in decisions {
            let sound = match &decision.subject {
                Subject::Network(network) if decision.approved => {
                    check_network(network.net(), own).is_ok()
                }
                _ => true,
            };
            if sound {
                // Too many, or a contradiction: the earlier ones stay.
                let _ = follow.decisions.put(decision);
            }
        }
        follow.configure(firewall, own, at);
        follow.restore(snapshot);
        follow
    }

    /// Takes other settings up. Names that are not followed any more are forgotten, and with them
    /// their addresses; new ones are asked for at once.
    pub fn configure(&mut self, firewall: &Firewall, own: &[IpAddr], at: At) {
        self.allow = firewall.allow;
        self.chosen = firewall.pops.iter().take(MOST_CHOSEN).cloned().collect();
        self.own = own.iter().map(IpAddr::to_canonical).collect();
        self.follow_names(at);
        self.purge();
    }

    pub(super) fn follow_names(&mut self, at: At) {
        let mut wanted = self.chosen.clone();
        if wanted.is_empty() {
            wanted.extend(
                table::POPS
                    .iter()
                    .filter_map(|p| HostName::parse(p.name).ok()),
            );
        }
        wanted.extend(self.decisions.names().cloned());
        self.names.retain(|name, _| wanted.contains(name));
        for name in wanted {
            let new = || Followed::new(at.mono_ms);
            self.names.entry(name).or_insert_with(new);
        }
        (self.dirty, self.at_once) = (true, true);
    }

    /// Takes away what the owner or the settings do not allow any more.
    pub(super) fn purge(&mut self) {
        let (own, decisions) = (&self.own, &self.decisions);
        for followed in self.names.values_mut() {
            followed
                .addresses
                .retain(|k| may_stay(k.address, own, decisions));
        }
        let names = &self.names;
        self.sightings.retain(|s| {
            forbidden(s.address, own).is_none()
                && decisions.standing(s.address) == Standing::Unknown
                && s.names.iter().any(|name| names.contains_key(name))
        });
        (self.dirty, self.at_once, self.unsaved) = (true, true, true);
    }

    fn restore(&mut self, snapshot: Snapshot) {
        let (mut pairs, mut distinct) = (0, BTreeSet::new());
        for saved in snapshot.names {
            let Some(followed) = self.names.get_mut(&saved.name) else {
                continue;
            };
            followed.confirmed_ms = saved.confirmed_ms;
            followed.ttl_s = saved.ttl_s;
            for kept in saved.addresses {
                let address = kept.address.to_canonical();
                let room = pairs < MOST_PAIRS
                    && followed.addresses.len() < MOST_PER_NAME
                    && (distinct.len() < MOST_ADDRESSES || distinct.contains(&address));
                let twice = followed.addresses().any(|known| known == address);
                if twice || !room || !may_stay(address, &self.own, &self.decisions) {
                    continue;
                }
                pairs += 1;
                distinct.insert(address);
                followed.addresses.push(Known {
                    address,
                    first_ms: kept.first_ms,
                    last_ms: kept.last_ms,
                    missing_since: None,
                });
            }
        }
        for sighting in snapshot.sightings {
            if !in_range(sighting.address) {
                self.sightings.restore(sighting);
            }
        }
        self.purge();
        self.unsaved = false;
    }

    /// The allow-list as it is now, sorted, each network once: at most 128 networks of the range, 67
    /// addresses that ship, 256 from DNS and 256 decisions.
    pub fn allowed(&self) -> Vec<IpNet> {
        let refused: Vec<IpAddr> = self.decisions.refused().collect();
        let mut allowed: Vec<IpNet> = self.decisions.approved().collect();
        match self.allow {
            AllowList::Range => allowed.extend(range_without(&refused)),
            AllowList::Hosts => {
                let known = self.names.keys().filter_map(|name| by_name(name.as_str()));
                allowed.extend(known.filter_map(|pop| Some(IpNet::from(IpAddr::V4(pop.address?)))));
            }
        }
        let mut addresses: BTreeSet<IpAddr> = self.known_addresses().collect();
        addresses.retain(|&a| !allowed.iter().any(|net| net.contains(&a)));
        allowed.extend(addresses.into_iter().map(IpNet::from));
        allowed.retain(|net| {
            let single = net.prefix_len() == net.max_prefix_len();
            !single
                || (!refused.contains(&net.addr()) && forbidden(net.addr(), &self.own).is_none())
        });
        allowed.sort_unstable();
        allowed.dedup();
        allowed
    }

    /// What is to be kept.
    pub fn snapshot(&self) -> Snapshot {
        let names = self.names.iter().map(|(name, followed)| SavedName {
            name: name.clone(),
            ttl_s: followed.ttl_s,
            confirmed_ms: followed.confirmed_ms,
            addresses: followed.addresses.iter().map(saved).collect(),
        });
        Snapshot {
            names: names.collect(),
            sightings: self.sightings.iter().cloned().collect(),
        }
    }

    /// Names that are followed, in order.
    pub fn names(&self) -> impl Iterator<Item = (&HostName, &Followed)> {
        self.names.iter()
    }

    /// Addresses that wait for the owner, and those on which the servers disagree.
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter()
    }

    /// What the owner has decided.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter()
    }
}

/// In the range and not refused, or approved; and never one of F12.
fn may_stay(address: IpAddr, own: &[IpAddr], decisions: &Decisions) -> bool {
    let allowed = match decisions.standing(address) {
        Standing::Approved => true,
        Standing::Refused => false,
        Standing::Unknown => in_range(address),
    };
    allowed && forbidden(address, own).is_none()
}

fn saved(known: &Known) -> SavedAddress {
    SavedAddress {
        address: known.address,
        first_ms: known.first_ms,
        last_ms: known.last_ms,
    }
}

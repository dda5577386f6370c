//! Addresses that DNS gives a PoP, out of the range that VoIP.ms is known to use, and that nobody
//! has decided on.

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use super::answers::MOST_SERVERS;
use crate::policy::HostName;

/// Addresses that wait for the owner.
pub const MOST_SIGHTINGS: usize = 64;
/// Names that are told of one address.
pub const MOST_NAMES_EACH: usize = 8;
/// An address that no answer has named for so long is not asked about any more, in ms.
pub const FORGOTTEN_AFTER_MS: i64 = 72 * 3_600_000;

/// One such address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// The address.
    pub address: IpAddr,
    /// Names that it was given for.
    pub names: Vec<HostName>,
    /// Servers that say so.
    pub servers: Vec<IpAddr>,
    /// Two servers say so, or the only one that is asked. Until then the servers disagree, and it
    /// cannot be approved.
    pub agreed: bool,
    /// Milliseconds since 1970.
    pub first_ms: i64,
    /// Milliseconds since 1970.
    pub last_ms: i64,
    /// Rounds of answers that named it.
    pub rounds: u32,
}

/// What a sighting is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    Known,
    /// Its names or servers changed, and it is to be kept.
    Changed,
    /// It may be asked about now.
    Agreed,
    /// The servers have disagreed for some rounds.
    Disagree,
    /// There is no room for it.
    TooMany,
}

/// Rounds after which servers that disagree are told of: a change takes a while to reach them all.
const PATIENT_ROUNDS: u32 = 3;

/// All of them, bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings(BTreeMap<IpAddr, Sighting>);

impl Sightings {
    pub fn iter(&self) -> impl Iterator<Item = &Sighting> {
        self.0.values()
    }

    pub fn get(&self, address: IpAddr) -> Option<&Sighting> {
        self.0.get(&address.to_canonical())
    }

    /// Keeps only those that `keep` is for; answers whether any went.
    pub fn retain(&mut self, mut keep: impl FnMut(&Sighting) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|_, sighting| keep(sighting));
        self.0.len() != before
    }

    /// Puts one back that was kept.
    pub fn restore(&mut self, mut sighting: Sighting) {
        sighting.address = sighting.address.to_canonical();
        sighting.names.truncate(MOST_NAMES_EACH);
        sighting.servers.truncate(MOST_SERVERS);
        if self.0.len() < MOST_SIGHTINGS {
            self.0.insert(sighting.address, sighting);
        }
    }

    /// Servers of one round named it for `name`; `asked` were asked.
    pub fn see(
        &mut self,
        address: IpAddr,
        name: &HostName,
        servers: &[IpAddr],
        asked: usize,
        unix_ms: i64,
    ) -> News {
        if !self.0.contains_key(&address) && self.0.len() >= MOST_SIGHTINGS && !self.make_room() {
            return News::TooMany;
        }
        let sighting = self.0.entry(address).or_insert_with(|| Sighting {
            address,
            names: Vec::new(),
            servers: Vec::new(),
            agreed: false,
            first_ms: unix_ms,
            last_ms: unix_ms,
            rounds: 0,
        });
        let mut changed = sighting.rounds == 0;
        sighting.rounds = sighting.rounds.saturating_add(1);
        sighting.last_ms = unix_ms;
        changed |= add(&mut sighting.names, name, MOST_NAMES_EACH);
        for server in servers {
            changed |= add(&mut sighting.servers, server, MOST_SERVERS);
        }
        if !sighting.agreed && sighting.servers.len() >= asked.clamp(1, 2) {
            sighting.agreed = true;
            return News::Agreed;
        }
        if !sighting.agreed && sighting.rounds == PATIENT_ROUNDS {
            return News::Disagree;
        }
        if changed { News::Changed } else { News::Known }
    }

    /// One on which the servers disagree makes room for one on which they may not.
    fn make_room(&mut self) -> bool {
        let oldest = self.0.values().filter(|s| !s.agreed);
        let oldest = oldest.min_by_key(|s| s.last_ms).map(|s| s.address);
        oldest.is_some_and(|address| self.0.remove(&address).is_some())
    }
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T, most: usize) -> bool {
    let room = list.len() < most && !list.contains(item);
    if room {
        list.push(item.clone());
    }
    room
}

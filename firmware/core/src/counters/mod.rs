//! What has happened lately, in bounded memory: the figures that limits are held against.
//!
//! Every table has a fixed size, taken at the start. Callers are known by a keyed hash of client and
//! extension, so that a policy may be replaced without losing them.

mod recent;
mod seen;
mod tally;
mod window;

use alloc::boxed::Box;
use core::{hash::Hasher, net::IpAddr};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

pub use recent::{Recent, Spelling};
pub use seen::Seen;
pub use tally::{SPANS, Tally};

use crate::policy::CountryCode;

/// Callers that have figures of their own. The ones after them share one set of figures, so that
/// inventing extensions never gains a call.
pub const CALLERS: usize = 2_048;
const COUNTRIES: usize = 4_096;
const PHONES: usize = 8_192;
const DAY_MS: u64 = 25 * 3_600_000;

/// A caller as the figures know it: hash of the client's name and the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerId {
    client: u64,
    caller: u64,
}

/// A client as the figures know it: hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(u64);

/// All figures.
pub struct Counters {
    key: (u64, u64),
    index: HashTable<u32>,
    callers: Box<[Caller]>,
    used: usize,
    shared: Caller,
    clients: HashTable<Client>,
    countries: Seen,
    phones: Seen,
}

#[derive(Clone, Default)]
struct Caller {
    id: u64,
    tally: Tally,
    recent: Recent,
}

struct Client {
    id: u64,
    tally: Tally,
}

/// A country that a client calls, as the figures know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountryId(u64);

/// A phone that a caller calls from, as the figures know it: keyed hash of the caller, the phone's
/// address and its User-Agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneId {
    caller: u64,
    phone: u64,
}

/// A phone's User-Agent, as the journal keeps it.
pub type Agent = heapless::String<40>;

/// One call that was tried.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// Who called.
    pub who: CallerId,
    /// When, on the gate's clock.
    pub at_ms: u64,
    /// The number.
    pub number: Spelling,
    /// Went through.
    pub approved: bool,
}

/// One approved call to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Who called.
    pub who: CallerId,
    /// When, on the gate's clock.
    pub at_ms: u64,
    /// Leaves the home country.
    pub abroad: bool,
    /// How long it is taken to last.
    pub open_ms: u64,
    /// Its country.
    pub country: Option<CountryId>,
    /// The phone, where it is known.
    pub phone: Option<PhoneId>,
}

impl Counters {
    /// Empty figures. `key` keeps callers from choosing where they are kept; it must be the same
    /// after a restart only as long as the process lives.
    pub fn new(key: (u64, u64)) -> Self {
        Counters {
            key,
            index: HashTable::with_capacity(CALLERS + 1),
            callers: alloc::vec![Caller::default(); CALLERS].into(),
            used: 0,
            shared: Caller::default(),
            clients: HashTable::with_capacity(crate::policy::bounds::CLIENTS * 2),
            countries: Seen::new(COUNTRIES),
            phones: Seen::new(PHONES),
        }
    }

    /// A client as the figures know it.
    pub fn client(&self, name: &str) -> ClientId {
        ClientId(self.hash(&[name.as_bytes()]))
    }

    /// The caller `caller` of a client.
    pub fn who(&self, ClientId(client): ClientId, caller: &[u8]) -> CallerId {
        CallerId {
            client,
            caller: self.hash(&[&client.to_le_bytes(), caller]),
        }
    }

    /// A country that the caller's client calls. What it is made from is a keyed hash already, and
    /// nobody chooses among so few countries.
    pub fn country(&self, who: CallerId, country: CountryCode) -> CountryId {
        let [a, b] = country.letters();
        let mixed = (who.client ^ u64::from(u16::from_le_bytes([a, b])))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        CountryId(mixed ^ mixed >> 32)
    }

    /// A phone that the caller calls from. `agent` is its User-Agent as the journal keeps it, so that
    /// a phone is the same one after a restart.
    pub fn phone(&self, who: CallerId, address: IpAddr, agent: &Agent) -> PhoneId {
        let octets = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        PhoneId {
            caller: who.caller,
            phone: self.hash(&[&who.caller.to_le_bytes(), &octets, agent.as_bytes()]),
        }
    }

    /// One pass over all parts at once where they are as short as they nearly always are.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        let mut whole = heapless::Vec::<u8, 96>::new();
        for part in parts {
            let room = whole.capacity() - whole.len();
            if room <= part.len() {
                hasher.write(&whole);
                whole.clear();
            }
            if whole.extend_from_slice(part).is_err() {
                hasher.write(part);
            }
            let _ = whole.push(0xff);
        }
        hasher.write(&whole);
        hasher.finish()
    }

    fn caller(&self, id: u64) -> Option<&Caller> {
        match self.index.find(id, |&i| self.callers[i as usize].id == id) {
            Some(&i) => Some(&self.callers[i as usize]),
            None if self.used == CALLERS => Some(&self.shared),
            None => None,
        }
    }

    /// The place of a caller, made where there is room: a free one, or that of the first of a few
    /// that has been quiet for longer than any limit looks back.
    fn caller_mut(&mut self, id: u64, now_ms: u64) -> &mut Caller {
        if let Some(&i) = self.index.find(id, |&i| self.callers[i as usize].id == id) {
            return &mut self.callers[i as usize];
        }
        let place = if self.used < CALLERS {
            self.used += 1;
            Some(self.used - 1)
        } else {
            let from = id as usize % CALLERS;
            let quiet = |&i: &usize| self.callers[i].tally.touched_ms + DAY_MS < now_ms;
            (0..8).map(|i| (from + i) % CALLERS).find(quiet)
        };
        let Some(place) = place else {
            return &mut self.shared;
        };
        let callers = &mut self.callers;
        let old = callers[place].id;
        if let Ok(entry) = self.index.find_entry(old, |&i| i as usize == place) {
            entry.remove();
        }
        callers[place] = Caller {
            id,
            tally: Tally::empty(now_ms),
            recent: Recent::default(),
        };
        self.index
            .insert_unique(id, place as u32, |&i| callers[i as usize].id);
        &mut self.callers[place]
    }

    fn client_mut(&mut self, id: u64) -> &mut Client {
        // Clients come from the policy, which bounds them; renamed ones stay until the next start.
        self.clients
            .entry(id, |c| c.id == id, |c| c.id)
            .or_insert_with(|| Client {
                id,
                tally: Tally::default(),
            })
            .into_mut()
    }

    /// What the caller, or its whole client, has done before.
    pub fn tally(&self, who: CallerId, whole_client: bool) -> Option<&Tally> {
        if whole_client {
            self.clients
                .find(who.client, |c| c.id == who.client)
                .map(|c| &c.tally)
        } else {
            self.caller(who.caller).map(|c| &c.tally)
        }
    }

    /// The last numbers of the caller, where it has called before.
    pub fn recent(&self, who: CallerId) -> Option<&Recent> {
        self.caller(who.caller).map(|c| &c.recent)
    }

    /// Has this client called this country before?
    pub fn knows_country(&self, CountryId(country): CountryId) -> bool {
        self.countries.contains(country)
    }

    /// Is this phone new for an extension that has been seen with another?
    pub fn is_new_phone(&self, PhoneId { caller, phone }: PhoneId) -> bool {
        !self.phones.contains(phone) && self.phones.contains(caller)
    }

    /// Marks a country as known.
    pub fn learn_country(&mut self, CountryId(country): CountryId) {
        self.countries.insert(country);
    }

    /// Marks a phone as known, and that the extension has one.
    pub fn learn_phone(&mut self, PhoneId { caller, phone }: PhoneId) {
        if self.phones.insert(phone) {
            self.phones.insert(caller);
        }
    }

    /// Remembers a call that was tried, for the rules about bursts of numbers, and counts it where it
    /// is one that was approved and costs money.
    pub fn tried(&mut self, tried: &Tried, counted: Option<&Counted>) {
        let caller = self.caller_mut(tried.who.caller, tried.at_ms);
        caller.recent.add(tried.at_ms, tried.number, tried.approved);
        let Some(call) = counted else { return };
        caller.tally.add(call.at_ms, call.abroad, call.open_ms);
        self.client_mut(call.who.client)
            .tally
            .add(call.at_ms, call.abroad, call.open_ms);
        if let Some(country) = call.country {
            self.learn_country(country);
        }
        if let Some(phone) = call.phone {
            self.learn_phone(phone);
        }
    }
}

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

use crate::{policy::CountryCode, record};

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

/// One approved call to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// Who called.
    pub who: CallerId,
    /// When, on the gate's clock.
    pub at_ms: u64,
    /// Leaves the home country.
    pub abroad: bool,
    /// How long it is taken to last.
    pub open_ms: u64,
    /// Its country.
    pub country: Option<CountryCode>,
    /// The phone's address and User-Agent, where they are known.
    pub phone: Option<(IpAddr, &'a [u8])>,
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

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        for part in parts {
            hasher.write(part);
            hasher.write_u8(0xff);
        }
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

    /// Calls of the caller, or of the whole client, before this one.
    pub fn count(
        &self,
        who: CallerId,
        whole_client: bool,
        now_ms: u64,
        abroad: bool,
        span: usize,
        open_ms: u64,
    ) -> u32 {
        let tally = if whole_client {
            self.clients
                .find(who.client, |c| c.id == who.client)
                .map(|c| &c.tally)
        } else {
            self.caller(who.caller).map(|c| &c.tally)
        };
        tally.map_or(0, |t| t.count(now_ms, abroad, span, open_ms))
    }

    /// The last numbers of the caller, where it has called before.
    pub fn recent(&self, who: CallerId) -> Option<&Recent> {
        self.caller(who.caller).map(|c| &c.recent)
    }

    /// Has this client called this country before?
    pub fn knows_country(&self, who: CallerId, country: CountryCode) -> bool {
        self.countries
            .contains(self.country_key(who.client, country))
    }

    fn country_key(&self, client: u64, country: CountryCode) -> u64 {
        self.hash(&[&client.to_le_bytes(), &country.letters()])
    }

    fn phone_key(&self, who: CallerId, (address, agent): (IpAddr, &[u8])) -> u64 {
        let octets = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        // As the journal keeps it, so that a phone is the same one after a restart.
        let agent = record::text::<40>(agent);
        self.hash(&[&who.caller.to_le_bytes(), &octets, agent.as_bytes()])
    }

    fn any_phone_key(&self, who: CallerId) -> u64 {
        self.hash(&[&who.caller.to_le_bytes(), b"any"])
    }

    /// Is this phone new for an extension that has been seen with another?
    pub fn is_new_phone(&self, who: CallerId, phone: (IpAddr, &[u8])) -> bool {
        !self.phones.contains(self.phone_key(who, phone))
            && self.phones.contains(self.any_phone_key(who))
    }

    /// Marks a country as known.
    pub fn learn_country(&mut self, who: CallerId, country: CountryCode) {
        self.countries.insert(self.country_key(who.client, country));
    }

    /// Marks a phone as known.
    pub fn learn_phone(&mut self, who: CallerId, phone: (IpAddr, &[u8])) {
        if self.phones.insert(self.phone_key(who, phone)) {
            self.phones.insert(self.any_phone_key(who));
        }
    }

    /// Remembers a call that was tried, for the rules about bursts of numbers.
    pub fn tried(&mut self, who: CallerId, at_ms: u64, dialled: &[u8], approved: bool) {
        self.caller_mut(who.caller, at_ms)
            .recent
            .add(at_ms, Spelling::of(dialled), approved);
    }

    /// Counts an approved call that costs money.
    pub fn approved(&mut self, call: &Counted<'_>) {
        self.caller_mut(call.who.caller, call.at_ms).tally.add(
            call.at_ms,
            call.abroad,
            call.open_ms,
        );
        self.client_mut(call.who.client)
            .tally
            .add(call.at_ms, call.abroad, call.open_ms);
        if let Some(country) = call.country {
            self.learn_country(call.who, country);
        }
        if let Some(phone) = call.phone {
            self.learn_phone(call.who, phone);
        }
    }
}

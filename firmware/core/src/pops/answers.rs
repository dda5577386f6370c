//! What one round of DNS answers may do to the allow-list. An answer is what a stranger says.

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{in_range, is_stale};

/// Addresses of one name.
pub const MOST_PER_NAME: usize = 32;
/// Different addresses in the allow-list that come from DNS.
pub const MOST_ADDRESSES: usize = 256;
/// Aliases (CNAME) from the name that was asked for to the one that has addresses.
pub const MOST_ALIASES: usize = 8;
/// Records of one answer that are looked at.
pub const MOST_RECORDS: usize = 256;
/// Servers whose answers are compared.
pub const MOST_SERVERS: usize = 8;
/// A name is not asked for again before so many seconds, whatever its TTL says.
pub const SHORTEST_TTL_S: u32 = 60;
/// … and asked for again after so many at the latest.
pub const LONGEST_TTL_S: u32 = 24 * 3_600;

/// One A or AAAA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The address.
    pub address: IpAddr,
    /// Time to live as it came, in seconds; where aliases led to it, the shortest on the way.
    pub ttl_s: u32,
}

/// What a server answered for a name, A and AAAA together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The addresses.
    pub records: Vec<Record>,
    /// Aliases on the way to them.
    pub aliases: usize,
    /// IPv4 was answered for: an IPv4 address that is not among the records is not there.
    pub v4: bool,
    /// The same of IPv6.
    pub v6: bool,
}

/// What became of asking one server for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has addresses.
    Answer(Answer),
    /// The server says that the name, or an address of it, does not exist.
    NoSuchName,
    /// No answer that can be used, and why, for a person.
    Failed(String),
}

/// An outcome and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The server that was asked.
    pub server: IpAddr,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why an address is never allowed, whoever says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forbidden {
    /// 127.0.0.0/8, ::1.
    Loopback,
    /// 0.0.0.0/8, ::.
    Unspecified,
    /// 224.0.0.0/4, ff00::/8.
    Multicast,
    /// 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// RFC 1918, fc00::/7 (RFC 4193).
    Private,
    /// 100.64.0.0/10 (RFC 6598): between a provider and its customers.
    Shared,
    /// 255.255.255.255.
    Broadcast,
    /// Other blocks that no host on the internet has (RFC 6890): 192.0.0.0/24, 192.88.99.0/24,
    /// 198.18.0.0/15, 240.0.0.0/4, and in IPv6 all but 2000::/3, and in it Teredo and 6to4.
    Reserved,
    /// The box's own, or the PBX's.
    Own,
    /// VoIP.ms's until 2021, and anybody's now.
    Stale,
}

impl Forbidden {
    /// What it is, as in "127.0.0.1 is …".
    pub fn text(self) -> &'static str {
        match self {
            Forbidden::Loopback => "this machine itself",
            Forbidden::Unspecified => "no address",
            Forbidden::Multicast => "a multicast group",
            Forbidden::LinkLocal => "a link-local address",
            Forbidden::Private => "a private address",
            Forbidden::Shared => "an address between a provider and its customers (100.64.0.0/10)",
            Forbidden::Broadcast => "the broadcast address",
            Forbidden::Reserved => "a reserved address that no host on the internet has",
            Forbidden::Own => "an address of this office",
            Forbidden::Stale => {
                "an address that VoIP.ms gave up in 2021 and that is somebody else's now"
            }
        }
    }
}
impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

const V4_BLOCKS: [(Ipv4Net, Forbidden); 13] = {
    const fn block(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
        Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
    }
    [
        (
            Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32),
            Forbidden::Broadcast,
        ),
        (block(0, 0, 0, 8), Forbidden::Unspecified),
        (block(127, 0, 0, 8), Forbidden::Loopback),
        (block(224, 0, 0, 4), Forbidden::Multicast),
        (block(169, 254, 0, 16), Forbidden::LinkLocal),
        (block(10, 0, 0, 8), Forbidden::Private),
        (block(172, 16, 0, 12), Forbidden::Private),
        (block(192, 168, 0, 16), Forbidden::Private),
        (block(100, 64, 0, 10), Forbidden::Shared),
        (block(192, 0, 0, 24), Forbidden::Reserved),
        (block(192, 88, 99, 24), Forbidden::Reserved),
        (block(198, 18, 0, 15), Forbidden::Reserved),
        (block(240, 0, 0, 4), Forbidden::Reserved),
    ]
};

const V6_BLOCKS: [(Ipv6Net, Forbidden); 7] = {
    const fn block(a: u16, b: u16, length: u8) -> Ipv6Net {
        Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
    }
    [
        (
            Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
            Forbidden::Unspecified,
        ),
        (
            Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
            Forbidden::Loopback,
        ),
        (block(0xff00, 0, 8), Forbidden::Multicast),
        (block(0xfe80, 0, 10), Forbidden::LinkLocal),
        (block(0xfc00, 0, 7), Forbidden::Private),
        (block(0x2001, 0, 32), Forbidden::Reserved),
        (block(0x2002, 0, 16), Forbidden::Reserved),
    ]
};

/// What unicast addresses of the internet have in front (RFC 4291 2.4, IANA's registry).
const GLOBAL_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Why this address is never allowed; `None` when it may be. `own` are addresses of the box and of
/// the PBX. Documentation addresses (RFC 5737, RFC 3849) are as any: nobody has them, and an answer
/// with one is a sight for the owner.
pub fn forbidden(address: IpAddr, own: &[IpAddr]) -> Option<Forbidden> {
    let address = address.to_canonical();
    let block = match address {
        IpAddr::V4(v4) => V4_BLOCKS
            .iter()
            .find(|(net, _)| net.contains(&v4))
            .map(|&(_, why)| why),
        IpAddr::V6(v6) => V6_BLOCKS
            .iter()
            .find(|(net, _)| net.contains(&v6))
            .map(|&(_, why)| why)
            .or_else(|| (!GLOBAL_V6.contains(&v6)).then_some(Forbidden::Reserved)),
    };
    let stale = || is_stale(address).then_some(Forbidden::Stale);
    let ours = || {
        let ours = own.iter().any(|own| own.to_canonical() == address);
        ours.then_some(Forbidden::Own)
    };
    block.or_else(stale).or_else(ours)
}

/// May an owner allow this network? (docs/security.md F12.)
///
/// # Errors
/// Says why not and what to write instead.
pub fn check_network(net: IpNet, own: &[IpAddr]) -> Result<(), String> {
    let net = net.trunc();
    let widest = if net.addr().is_ipv4() { 20 } else { 32 };
    if net.prefix_len() < widest {
        return Err(format!(
            "{net} is too wide for a PoP; write the addresses, or networks of /{widest} and longer"
        ));
    }
    if let Some(why) = forbidden(net.network(), own).or_else(|| forbidden(net.broadcast(), own)) {
        return Err(format!("{} is {why} and is never allowed", shown(net)));
    }
    let overlaps = match net {
        IpNet::V4(v4) => V4_BLOCKS
            .iter()
            .find(|(block, _)| v4.contains(block))
            .map(|&(_, why)| why),
        IpNet::V6(v6) => V6_BLOCKS
            .iter()
            .find(|(block, _)| v6.contains(block))
            .map(|&(_, why)| why),
    };
    let stale = super::table::STALE
        .iter()
        .map(|&v4| (IpAddr::V4(v4), Forbidden::Stale));
    let ours = own.iter().map(|own| (own.to_canonical(), Forbidden::Own));
    match (overlaps, stale.chain(ours).find(|(a, _)| net.contains(a))) {
        (Some(why), _) => Err(format!("part of {net} is {why}; write a narrower network")),
        (None, Some((address, why))) => Err(format!(
            "{net} holds {address}, which is {why}; write a narrower network"
        )),
        (None, None) => Ok(()),
    }
}

/// A network as a person writes it: a single address without its length.
pub(super) fn shown(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        format!("{}", net.addr())
    } else {
        format!("{net}")
    }
}

/// What the owner thinks of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not asked, or not answered.
    Unknown,
    /// Approved.
    Approved,
    /// Refused.
    Refused,
}

/// One round of answers for a name, sorted by what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// May be taken: in the known range, or approved. At most [`MOST_PER_NAME`].
    pub taken: BTreeSet<IpAddr>,
    /// Out of the range and neither approved nor refused, with the servers that say so.
    pub elsewhere: BTreeMap<IpAddr, Vec<IpAddr>>,
    /// Never allowed.
    pub forbidden: BTreeMap<IpAddr, Forbidden>,
    /// There was more of something than the bounds allow; the rest was passed over.
    pub too_many: bool,
    /// Seconds until the name is to be asked for again, within bounds; `None` without an answer.
    pub ttl_s: Option<u32>,
    /// Some server answered for IPv4.
    pub v4: bool,
    /// Some server answered for IPv6.
    pub v6: bool,
    /// Servers that were asked.
    pub asked: usize,
    /// What went wrong, where no server answered.
    pub failure: Option<String>,
}

impl Round {
    /// Sorts what the servers of one round said. `known` are the addresses that the name has: where
    /// an answer has too many they go before new ones.
    pub fn of(
        heard: &[Heard],
        known: &[IpAddr],
        own: &[IpAddr],
        standing: impl Fn(IpAddr) -> Standing,
    ) -> Round {
        let mut round = Round::default();
        let mut servers = BTreeSet::new();
        let mut failure = None;
        for Heard { server, outcome } in heard {
            // A server does not agree with itself.
            if servers.len() == MOST_SERVERS || !servers.insert(*server) {
                continue;
            }
            match outcome {
                Outcome::Answer(answer) if answer.aliases <= MOST_ALIASES => {
                    round.hear(*server, answer, own, &standing);
                }
                Outcome::Answer(answer) => {
                    failure = Some(format!("{} aliases in one answer", answer.aliases));
                }
                Outcome::NoSuchName => failure = Some("the name does not exist".into()),
                Outcome::Failed(why) => failure = Some(why.chars().take(160).collect()),
            }
        }
        round.asked = servers.len();
        if round.ttl_s.is_none() {
            round.failure = failure.or_else(|| Some("no server was asked".into()));
        }
        round.trim(known);
        round
    }

    fn hear(
        &mut self,
        server: IpAddr,
        answer: &Answer,
        own: &[IpAddr],
        standing: &impl Fn(IpAddr) -> Standing,
    ) {
        self.v4 |= answer.v4;
        self.v6 |= answer.v6;
        self.too_many |= answer.records.len() > MOST_RECORDS;
        for record in answer.records.iter().take(MOST_RECORDS) {
            let address = record.address.to_canonical();
            let ttl = clamp_ttl(record.ttl_s);
            self.ttl_s = Some(self.ttl_s.map_or(ttl, |other| other.min(ttl)));
            if let Some(why) = forbidden(address, own) {
                self.forbidden.insert(address, why);
                continue;
            }
            match standing(address) {
                Standing::Refused => {}
                Standing::Approved => drop(self.taken.insert(address)),
                Standing::Unknown if in_range(address) => drop(self.taken.insert(address)),
                Standing::Unknown => {
                    let says = self.elsewhere.entry(address).or_default();
                    if !says.contains(&server) {
                        says.push(server);
                    }
                }
            }
        }
    }

    fn trim(&mut self, known: &[IpAddr]) {
        let most = MOST_PER_NAME;
        self.too_many |= [self.taken.len(), self.elsewhere.len(), self.forbidden.len()]
            .iter()
            .any(|&len| len > most);
        let spare = known.iter().filter(|a| self.taken.contains(a)).count();
        let mut room = most.saturating_sub(spare);
        self.taken.retain(|address| {
            let keep = known.contains(address) || room > 0;
            room -= usize::from(keep && !known.contains(address));
            keep
        });
        while self.elsewhere.len() > most {
            self.elsewhere.pop_last();
        }
        while self.forbidden.len() > most {
            self.forbidden.pop_last();
        }
    }
}

/// Seconds until a name is asked for again. A TTL of 2^31 and more means 0 (RFC 2181 8).
pub fn clamp_ttl(ttl_s: u32) -> u32 {
    let ttl_s = if ttl_s > i32::MAX as u32 { 0 } else { ttl_s };
    ttl_s.clamp(SHORTEST_TTL_S, LONGEST_TTL_S)
}

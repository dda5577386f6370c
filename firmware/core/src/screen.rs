//! Who may speak at all: clients are admitted before anything is read, everybody else is counted.

use alloc::{boxed::Box, vec::Vec};
use core::net::IpAddr;

const PLACES: usize = 1_024;

/// A network that strangers knock from: /24 of IPv4, /48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knocks {
    /// The network's first address.
    pub network: IpAddr,
    /// Datagrams, at least; a lower bound where many networks share the table.
    pub count: u64,
}

/// Counts of strangers in fixed memory. A place is held by the network that knocks most: another one
/// takes one count away before it can move in (Misra and Gries, 1982), so that a flood of invented
/// sources cannot hide the one that stays.
pub struct Strangers {
    places: Box<[Option<Knocks>]>,
    key: u64,
    total: u64,
}

impl Strangers {
    /// An empty table; `key` keeps strangers from choosing their place.
    pub fn new(key: u64) -> Self {
        Strangers {
            places: alloc::vec![None; PLACES].into(),
            key,
            total: 0,
        }
    }

    /// Counts one datagram.
    pub fn knock(&mut self, source: IpAddr) {
        self.total += 1;
        let network = network(source);
        let place = &mut self.places[slot(network, self.key)];
        match place {
            Some(knocks) if knocks.network == network => knocks.count += 1,
            Some(knocks) if knocks.count > 1 => knocks.count -= 1,
            _ => *place = Some(Knocks { network, count: 1 }),
        }
    }

    /// All datagrams from strangers since the start.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The networks that knock most, at most `most` of them, the busiest first.
    pub fn busiest(&self, most: usize) -> Vec<Knocks> {
        let mut all: Vec<Knocks> = self.places.iter().flatten().copied().collect();
        all.sort_unstable_by_key(|k| core::cmp::Reverse(k.count));
        all.truncate(most);
        all
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_ff00).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !0u128 << 80).into()),
    }
}

fn slot(network: IpAddr, key: u64) -> usize {
    let bits = match network {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    };
    let mut x = bits ^ key;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 33) as usize % PLACES
}

/// Is this an address of the office's side: the box itself, its link, or a private network (RFC 1918, RFC 3927, RFC 4193)?
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn the_one_that_stays_is_seen_through_a_flood_of_invented_sources() {
        let mut strangers = Strangers::new(7);
        for i in 0..300_000u32 {
            strangers.knock(IpAddr::V4(Ipv4Addr::from_bits(
                i.wrapping_mul(2_654_435_761),
            )));
            if i % 10 == 0 {
                strangers.knock("203.0.113.9".parse().expect("an address"));
            }
        }
        let busiest = strangers.busiest(3);
        assert_eq!(
            busiest[0].network,
            "203.0.113.0".parse::<IpAddr>().expect("an address")
        );
        assert_eq!(strangers.total(), 330_000);
        assert!(busiest.len() == 3 && busiest[0].count > 10 * busiest[1].count);
    }
}

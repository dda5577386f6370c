//! Who is never banned.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

/// Addresses that are never banned: PoPs, clients, the PBX, remote phones, the office, gateway, DNS
/// servers, the box itself, and who uses the page now. Ranges in order, so that thousands cost no
/// more than a few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Never {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Never {
    /// Of networks in any order; they may overlap.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut never = Never::default();
        for network in networks {
            let network = network.trunc();
            match (network.network(), network.broadcast()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    never.v4.push((first.to_bits(), last.to_bits()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    match (first.to_ipv4_mapped(), last.to_ipv4_mapped()) {
                        (Some(first), Some(last)) => {
                            never.v4.push((first.to_bits(), last.to_bits()));
                        }
                        _ => never.v6.push((first.to_bits(), last.to_bits())),
                    }
                }
                _ => {}
            }
        }
        merge(&mut never.v4);
        merge(&mut never.v6);
        never
    }

    /// Is this address one of them? Also where it is no single machine's: unspecified, loopback,
    /// multicast, broadcast.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            return true;
        }
        match address {
            IpAddr::V4(v4) => v4.is_broadcast() || within(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => within(&self.v6, v6.to_bits()),
        }
    }
}

fn merge<T: Ord + Copy>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= address);
    after > 0 && ranges[after - 1].1 >= address
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn network() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (0u32..64, 24u8..=32).prop_map(|(low, length)| {
                IpNet::new(IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + low)), length).unwrap()
            }),
            (0u128..64, 120u8..=128).prop_map(|(low, length)| {
                IpNet::new(
                    IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + low)),
                    length,
                )
                .unwrap()
            }),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_one_of_its_networks_holds(
            networks in proptest::collection::vec(network(), 0..12), low in 0u32..80, v6 in any::<bool>()
        ) {
            let address = if v6 {
                IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(low)))
            } else {
                IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + low))
            };
            let expected = networks.iter().any(|n| n.contains(&address));
            prop_assert_eq!(Never::new(networks).holds(address), expected);
        }
    }

    #[test]
    fn an_address_in_the_clothes_of_the_other_family_is_the_same() {
        let never = Never::new([
            "198.51.100.0/24".parse().unwrap(),
            "::ffff:192.0.2.0/120".parse().unwrap(),
        ]);
        for held in [
            "::ffff:198.51.100.9",
            "192.0.2.9",
            "::ffff:192.0.2.9",
            "0.0.0.0",
            "::1",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(never.holds(held.parse().unwrap()), "{held}");
        }
        assert!(!never.holds("203.0.113.7".parse().unwrap()));
    }
}

//! Networks: which are whose, and how lists of them are reckoned with. Pure.

use std::net::{
    IpAddr::{self, V4, V6},
    Ipv4Addr, Ipv6Addr,
};

use ipnet::IpNet;

const fn v4(a: u8, b: u8, prefix: u8) -> IpNet {
    IpNet::new_assert(V4(Ipv4Addr::new(a, b, 0, 0)), prefix)
}

const fn v6(first: u16, prefix: u8) -> IpNet {
    IpNet::new_assert(V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0)), prefix)
}

/// Private and link-local networks (RFC 1918, 3927, 4193, 4291).
pub const PRIVATE: [IpNet; 6] = [
    v4(10, 0, 8),
    v4(172, 16, 12),
    v4(192, 168, 16),
    v4(169, 254, 16),
    v6(0xfc00, 7),
    v6(0xfe80, 10),
];

/// Networks that no machine beside the box can have (RFC 6890), and what they are.
pub const NOBODY: [(IpNet, &str); 6] = [
    (v4(0, 0, 8), "unspecified"),
    (v4(127, 0, 8), "loopback, the box itself"),
    (v4(224, 0, 4), "multicast"),
    (v4(240, 0, 4), "broadcast or reserved"),
    (v6(0xff00, 8), "multicast"),
    // ::, ::1 and IPv4 addresses that are written as IPv6.
    (
        v6(0, 64),
        "unspecified, loopback or an IPv4 address written as IPv6",
    ),
];

/// Do they share an address?
pub fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// The networks of one family, without host bits, sorted, none within another: what an interval set
/// of nftables takes.
pub fn of_family(lists: &[&[IpNet]], ipv6: bool) -> Vec<IpNet> {
    let mut all: Vec<IpNet> = (lists.iter().copied().flatten())
        .filter(|n| matches!(n, IpNet::V6(_)) == ipv6)
        .map(IpNet::trunc)
        .collect();
    all.sort();
    IpNet::aggregate(&all)
}

/// What is in `old` and in none of `new`, in as few networks as that takes.
pub fn minus(old: &[IpNet], new: &[IpNet]) -> Vec<IpNet> {
    let mut left = Vec::new();
    for ipv6 in [false, true] {
        let keep = of_family(&[new], ipv6);
        for network in of_family(&[old], ipv6) {
            cut(network, &keep, &mut left);
        }
    }
    left
}

/// `keep` is sorted, and none of it is within another.
fn cut(network: IpNet, keep: &[IpNet], left: &mut Vec<IpNet>) {
    let behind = keep.partition_point(|k| k.network() <= network.network());
    if behind > 0 && keep[behind - 1].contains(&network) {
        return;
    }
    let from = keep.partition_point(|k| k.network() < network.network());
    let to = keep.partition_point(|k| k.network() <= network.broadcast());
    if from == to {
        left.push(network);
        return;
    }
    // Something smaller is kept, so there are two halves; each step goes one bit down.
    if let Ok(halves) = network.subnets(network.prefix_len() + 1) {
        for half in halves {
            cut(half, &keep[from..to], left);
        }
    }
}

/// Is the address in one of the networks?
pub fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|n| n.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn sets_are_sorted_and_do_not_overlap() {
        let all = nets(&[
            "10.1.2.3/8",
            "10.9.9.9/32",
            "9.0.0.1/32",
            "9.0.0.0/32",
            "fd00::1/64",
        ]);
        assert_eq!(
            of_family(&[&all], false),
            nets(&["9.0.0.0/31", "10.0.0.0/8"])
        );
        assert_eq!(of_family(&[&all], true), nets(&["fd00::/64"]));
    }

    #[test]
    fn what_is_left_is_what_was_taken_away() {
        let old = nets(&["10.0.0.0/24", "192.0.2.1/32", "2001:db8::/32"]);
        let new = nets(&["10.0.0.128/25", "2001:db8::/32"]);
        assert_eq!(minus(&old, &new), nets(&["10.0.0.0/25", "192.0.2.1/32"]));
        assert_eq!(minus(&old, &[]), old);
        assert_eq!(minus(&[], &new), []);
    }

    fn network() -> impl Strategy<Value = IpNet> {
        (any::<[u8; 4]>(), 20u8..=32).prop_map(|(mut a, prefix)| {
            a[0] = 10;
            a[1] &= 1;
            IpNet::new_assert(IpAddr::from(a), prefix)
        })
    }

    proptest! {
        #[test]
        fn minus_says_so_of_each_address(
            old in prop::collection::vec(network(), 0..6),
            new in prop::collection::vec(network(), 0..6),
            probes in prop::collection::vec(any::<[u8; 4]>(), 50),
        ) {
            let left = minus(&old, &new);
            let edges = old.iter().chain(&new).flat_map(|n| [n.network(), n.broadcast()]);
            let probes = probes.into_iter().map(|[_, b, c, d]| IpAddr::from([10, b & 1, c, d]));
            for address in probes.chain(edges) {
                prop_assert_eq!(
                    contains(&left, address),
                    contains(&old, address) && !contains(&new, address),
                    "{}", address
                );
            }
        }
    }
}

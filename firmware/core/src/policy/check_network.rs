//! What one part of `[network]` says of another, and of `[firewall]`.

use alloc::format;
use core::net::{IpAddr, Ipv4Addr};
use ipnet::{IpNet, Ipv4Net};

use super::{
    compile::Compiler,
    definition::Definition,
    firewall::Topology,
    network::{Addresses, HostAddress, is_machine},
};

/// DNS servers and time servers, each.
const SERVERS: usize = 4;

impl Compiler {
    pub(super) fn network(&mut self, d: &Definition) {
        let n = &d.network;
        match n.address.fixed() {
            Some(address) => self.fixed(n, address),
            None if n.gateway.is_some() => self.problem(
                "network.gateway",
                "DHCP names the gateway; leave it away, or write the box's own `address`",
            ),
            None => {}
        }
        for (i, server) in n.dns.iter().enumerate() {
            let fits = match server.to_canonical() {
                IpAddr::V4(server) => is_machine(server),
                IpAddr::V6(server) => {
                    !(server.is_loopback()
                        || server.is_multicast()
                        || server.is_unspecified()
                        || server.is_unicast_link_local())
                }
            };
            if !fits {
                self.problem(
                    format!("network.dns[{i}]"),
                    format!("{server} is no address of a DNS server; write such as 192.168.1.1"),
                );
            }
        }
        for (key, count) in [("network.dns", n.dns.len()), ("network.ntp", n.ntp.len())] {
            if count > SERVERS {
                self.problem(key, format!("at most {SERVERS} servers"));
            }
        }
        match (d.firewall.topology, n.inside) {
            (Topology::Router, Some(inside)) => self.inside(d, inside),
            (Topology::Router, None) if !n.is_default() => self.problem(
                "network.inside",
                "in `router` the box has an address towards the office; write it, such as 192.168.77.1/24",
            ),
            (Topology::Router, None) => {}
            (_, Some(_)) => self.problem(
                "network.inside",
                "only a box in `router` has an address inside; leave it away, or write firewall.topology = \"router\"",
            ),
            (_, None) => {}
        }
    }

    fn fixed(&mut self, n: &Addresses, address: HostAddress) {
        match n.gateway {
            None => self.problem(
                "network.address",
                "an address of its own needs `gateway`, the router's address, such as 192.168.1.1",
            ),
            Some(gateway) if !address.neighbours(gateway) => self.problem(
                "network.gateway",
                format!(
                    "{gateway} is no other machine in {}; write the router's address there",
                    address.network()
                ),
            ),
            Some(_) => {}
        }
        if n.dns.is_empty() {
            self.problem(
                "network.address",
                "an address of its own needs `dns`, in most offices the router: dns = [\"192.168.1.1\"]",
            );
        }
    }

    fn inside(&mut self, d: &Definition, inside: HostAddress) {
        let network = inside.network();
        // The office of a router is told from the internet by private addresses (docs/security.md F12).
        if !private(network) {
            self.problem(
                "network.inside",
                format!("{inside} is not private; write one of a private network, such as 192.168.77.1/24"),
            );
        }
        if let Some(address) = d.network.address.fixed() {
            let other = address.network();
            if other.contains(&network) || network.contains(&other) {
                self.problem(
                    "network.inside",
                    format!(
                        "{network} is also the network of network.address, outside; write another private one"
                    ),
                );
            }
        }
        if !d.network.dhcp_server {
            return;
        }
        let Some(pool) = inside.pool_bounds() else {
            self.problem(
                "network.inside",
                format!("{network} is too small to serve addresses from; write /28 or wider, or dhcp_server = false"),
            );
            return;
        };
        for (i, net) in d.firewall.pbx.iter().enumerate() {
            self.not_served(&format!("firewall.pbx[{i}]"), net.net(), pool);
        }
        for (i, client) in d.clients.iter().enumerate() {
            for (j, net) in client.addresses.iter().enumerate() {
                self.not_served(&format!("client[{i}].addresses[{j}]"), net.net(), pool);
            }
        }
    }

    /// A PBX keeps its address; one of those that the box gives away would go to a phone one day.
    fn not_served(&mut self, path: &str, net: IpNet, (first, last): (Ipv4Addr, Ipv4Addr)) {
        let IpNet::V4(net) = net else { return };
        if net.prefix_len() == 32 && (first..=last).contains(&net.addr()) {
            self.problem(
                path,
                format!(
                    "{} is among the addresses that the box gives to others ({first} to {last}); give the PBX one below them, or write network.dhcp_server = false",
                    net.addr()
                ),
            );
        }
    }
}

/// Within RFC 1918's networks? They do not touch, so what begins and ends in them is in one.
fn private(network: Ipv4Net) -> bool {
    network.network().is_private() && network.broadcast().is_private()
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec, vec::Vec};

    use super::*;
    use crate::policy::{Address, Network, Policy};

    fn host(text: &str) -> HostAddress {
        HostAddress::parse(text).expect("an address")
    }

    fn router(inside: &str) -> Definition {
        let mut d = Definition::default();
        d.firewall.topology = Topology::Router;
        d.network.inside = Some(host(inside));
        d
    }

    fn fixed(address: &str, gateway: Option<&str>) -> Definition {
        let mut d = Definition::default();
        d.network.address = Address::Fixed(host(address));
        d.network.gateway = gateway.map(|g| g.parse().expect("an address"));
        d.network.dns = vec![[192, 168, 1, 1].into()];
        d
    }

    fn problems(d: &Definition) -> Vec<(String, String)> {
        match Policy::compile(d) {
            Ok(_) => Vec::new(),
            Err(problems) => (problems.into_iter())
                .map(|p| (p.path, p.message))
                .collect(),
        }
    }

    #[test]
    fn what_fits_together_is_taken() {
        let mut both = router("192.168.77.1/24");
        both.network.address = Address::Fixed(host("203.0.113.9/30"));
        both.network.gateway = Some([203, 0, 113, 10].into());
        both.network.dns = vec![[9, 9, 9, 9].into()];
        both.firewall.pbx = vec![Network::parse("192.168.77.10").expect("an address")];
        let mut small = router("10.0.0.1/29");
        small.network.dhcp_server = false;
        let mut by_hand = Definition::default();
        by_hand.firewall.topology = Topology::Router;
        for d in [
            Definition::default(),
            fixed("192.168.1.2/24", Some("192.168.1.1")),
            router("172.31.0.1/28"),
            both,
            small,
            // Its addresses are given by somebody else.
            by_hand,
        ] {
            assert_eq!(problems(&d), []);
        }
    }

    #[test]
    fn contradictions_are_named() {
        let change = |mut d: Definition, what: fn(&mut Definition)| {
            what(&mut d);
            d
        };
        let fixed = |gateway| fixed("192.168.1.2/24", gateway);
        let any = || router("192.168.77.1/24");
        for (d, key, says) in [
            (fixed(None), "network.address", "needs `gateway`"),
            (
                fixed(Some("192.168.2.1")),
                "network.gateway",
                "no other machine in 192.168.1.0/24",
            ),
            (
                fixed(Some("192.168.1.2")),
                "network.gateway",
                "no other machine",
            ),
            (
                fixed(Some("192.168.1.255")),
                "network.gateway",
                "no other machine",
            ),
            (
                change(fixed(Some("192.168.1.1")), |d| d.network.dns.clear()),
                "network.address",
                "needs `dns`",
            ),
            (
                change(Definition::default(), |d| {
                    d.network.gateway = Some([10, 0, 0, 1].into())
                }),
                "network.gateway",
                "DHCP names",
            ),
            (
                change(Definition::default(), |d| {
                    d.network.dns = vec![[127, 0, 0, 53].into()]
                }),
                "network.dns[0]",
                "no address of a DNS server",
            ),
            (
                change(Definition::default(), |d| {
                    d.network.dns = vec![[9, 9, 9, 9].into(); 5]
                }),
                "network.dns",
                "at most 4",
            ),
            (
                change(any(), |d| d.firewall.topology = Topology::Bridge),
                "network.inside",
                "only a box in `router`",
            ),
            (
                change(any(), |d| {
                    d.network.inside = None;
                    d.network.dhcp_server = false;
                }),
                "network.inside",
                "write it, such as",
            ),
            (router("203.0.113.1/24"), "network.inside", "not private"),
            (router("172.16.0.1/11"), "network.inside", "not private"),
            (router("192.168.77.1/29"), "network.inside", "too small"),
            (
                change(any(), |d| {
                    d.firewall.pbx = vec![Network::parse("192.168.77.150").expect("an address")]
                }),
                "firewall.pbx[0]",
                "gives to others (192.168.77.100 to 192.168.77.199)",
            ),
            (
                change(any(), |d| {
                    d.network.address = Address::Fixed(host("192.168.0.2/16"));
                    d.network.gateway = Some([192, 168, 0, 1].into());
                    d.network.dns = vec![[9, 9, 9, 9].into()];
                }),
                "network.inside",
                "also the network of network.address",
            ),
        ] {
            let found = problems(&d);
            assert!(
                found.len() == 1 && found[0].0 == key && found[0].1.contains(says),
                "{key}, {says}: {found:?}"
            );
        }
    }
}

//! From the policy and what the box knows of itself to what is to pass.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use trunkguard_board::Profile;
use trunkguard_core::policy::{Interface, Mode, Policy, Topology};
use trunkguard_firewall::intent::{Intent, Serves};

/// Who may open the page where the owner names no network: the private ones (RFC 1918, RFC 3927, RFC
/// 4193, RFC 4291).
const PRIVATE: [&str; 6] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// What the box knows of itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its network ports, the one towards the internet first.
    pub ports: Vec<Interface>,
    /// Where SIP is answered.
    pub sip: SocketAddr,
    /// Where SIP over TLS is answered.
    pub sips: Option<SocketAddr>,
    /// At which ports the page is, in this process or another.
    pub web: Vec<u16>,
}

impl Facts {
    /// The ports that a board has.
    pub fn ports_of(board: &Profile) -> Vec<Interface> {
        board
            .ports
            .iter()
            .filter_map(|port| Interface::parse(&port.interface).ok())
            .collect()
    }
}

/// The port towards the internet and, but in `side`, that towards the PBX: those that the policy names, or
/// the board's (`board`).
///
/// # Errors
/// A port that is neither; says which key to write.
pub fn ports(
    policy: &Policy,
    board: &[Interface],
) -> Result<(Interface, Option<Interface>), String> {
    let settings = &policy.firewall;
    let port = |said: &Option<Interface>, index: usize, key: &str| {
        said.clone()
            .or_else(|| board.get(index).cloned())
            .ok_or_else(|| {
                format!(
                    "firewall.{key}: the board has no such port; write its name as `ip link` shows it"
                )
            })
    };
    let outside = port(&settings.outside, 0, "outside")?;
    let inside = match settings.topology {
        Topology::Side => None,
        Topology::Router | Topology::Bridge => Some(port(&settings.inside, 1, "inside")?),
    };
    Ok((outside, inside))
}

/// What is to pass. `pops` is the allow-list; `never_ban` what is added to the lists of the policy.
///
/// # Errors
/// A port that is neither named nor the board's; says which key to write.
pub fn of(
    policy: &Policy,
    facts: &Facts,
    pops: Vec<IpNet>,
    never_ban: Vec<IpNet>,
) -> Result<Intent, String> {
    let settings = &policy.firewall;
    let (outside, inside) = ports(policy, &facts.ports)?;
    let clients: Vec<IpNet> = policy
        .clients()
        .iter()
        .flat_map(|client| client.addresses.iter().map(|network| network.net()))
        // What the box says to itself passes in any case.
        .filter(|network| !network.addr().is_loopback())
        .collect();
    let nets = |networks: &[trunkguard_core::policy::Network]| -> Vec<IpNet> {
        networks.iter().map(|network| network.net()).collect()
    };
    let pbx = match &settings.pbx[..] {
        [] => clients.clone(),
        named => nets(named),
    };
    let office = match &settings.office[..] {
        // Written down above; each is a network.
        [] => PRIVATE.iter().filter_map(|net| net.parse().ok()).collect(),
        named => nets(named),
    };
    Ok(Intent {
        topology: settings.topology,
        enforce: policy.settings.mode != Mode::Detect,
        outside,
        inside,
        pbx,
        clients,
        pops,
        remote: nets(&settings.remote),
        office,
        never_ban,
        from_pbx: settings.from_pbx,
        rtp: settings.rtp,
        serves: Serves {
            sip: facts.sip.port(),
            sips: facts.sips.map(|at| at.port()),
            web: facts.web.clone(),
            ssh: settings.ssh,
            office: (policy.network.inside)
                .filter(|_| settings.topology == Topology::Router && policy.network.dhcp_server)
                .map(|inside| inside.network()),
        },
    })
}

/// Gateways of the box, from the kernel's routing tables (proc(5): net/route, net/ipv6_route).
pub fn gateways() -> Vec<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    gateways_v4(&read("/proc/self/net/route"))
        .chain(gateways_v6(&read("/proc/self/net/ipv6_route")))
        .collect()
}

fn gateways_v4(table: &str) -> impl Iterator<Item = IpAddr> {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (destination, gateway) = (fields.next()?, fields.next()?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        // Octets of the address stand in the machine's own order.
        (destination == "00000000" && gateway != 0).then(|| IpAddr::from(gateway.to_ne_bytes()))
    })
}

fn gateways_v6(table: &str) -> impl Iterator<Item = IpAddr> {
    table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "00", _, _, gateway, ..] = fields[..] else {
            return None;
        };
        let gateway = u128::from_str_radix(gateway, 16).ok()?;
        (gateway != 0).then(|| IpAddr::from(gateway.to_be_bytes()))
    })
}

/// The box's own addresses, without those that only it can reach, from the kernel's tables (proc(5);
/// by netlink the daemon's sandbox would need one more kind of socket).
pub fn own_addresses() -> Vec<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    local_v4(&read("/proc/self/net/fib_trie"))
        .chain(local_v6(&read("/proc/self/net/if_inet6")))
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
        .collect()
}

/// An address is a line of its own, and the line below it says what it is.
fn local_v4(trie: &str) -> impl Iterator<Item = IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last: Option<IpAddr> = None;
    for line in trie.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last);
        }
    }
    // The tables main and local may both have it.
    found.sort_unstable();
    found.dedup();
    found.into_iter()
}

fn local_v6(table: &str) -> impl Iterator<Item = IpAddr> {
    table.lines().filter_map(|line| {
        let address = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(IpAddr::from(address.to_be_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(ports: &[&str]) -> Facts {
        Facts {
            ports: ports
                .iter()
                .map(|p| Interface::parse(p).expect("a port"))
                .collect(),
            sip: "192.168.1.1:5060".parse().expect("an address"),
            sips: None,
            web: Vec::new(),
        }
    }

    fn policy(firewall: &str) -> Policy {
        let text = format!(
            "[settings]\nmode = \"prevent\"\n[firewall]\n{firewall}\n[[client]]\nname = \"pbx\"\naddresses = [\"192.168.1.10\"]\n"
        );
        let definition = trunkguard_store::file::parse(&text, std::path::Path::new("test"));
        Policy::compile(&definition.expect("a policy")).unwrap_or_else(|p| panic!("{p:?}"))
    }

    #[test]
    fn what_the_owner_leaves_out_comes_from_the_board_the_clients_and_the_private_networks() {
        let pops: Vec<IpNet> = vec!["208.100.60.0/24".parse().expect("a network")];
        let policy = policy("topology = \"router\"");
        let intent = of(&policy, &facts(&["eth0", "eth1"]), pops.clone(), Vec::new());
        let intent = intent.expect("an intent");
        assert_eq!(intent.outside.as_str(), "eth0");
        assert_eq!(intent.inside.as_ref().map(Interface::as_str), Some("eth1"));
        assert_eq!(intent.pbx, intent.clients);
        assert_eq!(intent.serves.office, None);
        assert_eq!(intent.office.len(), PRIVATE.len());
        assert_eq!((intent.enforce, &intent.pops), (true, &pops));
        assert_eq!(trunkguard_firewall::check::intent(&intent), Ok(()));
    }

    #[test]
    fn what_the_owner_says_goes_first_and_a_port_that_is_missing_is_named() {
        let named = policy(
            "topology = \"bridge\"\noutside = \"wan0\"\ninside = \"lan0\"\npbx = [\"10.0.0.5\"]\noffice = [\"10.0.0.0/24\"]",
        );
        let intent = of(&named, &facts(&["eth0"]), Vec::new(), Vec::new()).expect("an intent");
        assert_eq!(intent.outside.as_str(), "wan0");
        assert_eq!((intent.pbx.len(), intent.office.len()), (1, 1));
        assert_ne!(intent.pbx, intent.clients);
        let side = of(&policy(""), &facts(&["eth0"]), Vec::new(), Vec::new());
        assert_eq!(side.expect("an intent").inside, None);
        let one_port = of(
            &policy("topology = \"router\""),
            &facts(&["eth0"]),
            Vec::new(),
            Vec::new(),
        );
        let problem = one_port.expect_err("there is no second port");
        assert!(problem.starts_with("firewall.inside: "), "{problem}");
    }

    #[test]
    fn the_office_is_served_by_a_router_that_serves() {
        let office = |rest: &str| {
            let text =
                format!("topology = \"router\"\n[network]\ninside = \"10.0.7.1/24\"\n{rest}");
            let intent = of(
                &policy(&text),
                &facts(&["port0", "port1"]),
                Vec::new(),
                Vec::new(),
            );
            intent.expect("an intent").serves.office
        };
        assert_eq!(office(""), "10.0.7.0/24".parse().ok());
        assert_eq!(office("dhcp_server = false"), None);
    }

    #[test]
    fn gateways_are_read_from_the_kernels_tables() {
        let v4 = "Iface\tDestination\tGateway \tFlags\nout0\t00000000\t0171CBCB\t0003\nout0\t0071CBCB\t00000000\t0001\n";
        let expected = IpAddr::from(0x0171_CBCB_u32.to_ne_bytes());
        assert_eq!(gateways_v4(v4).collect::<Vec<_>>(), [expected]);
        let v6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000000 00000000 00000003 eth0\n\
                  fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000000 00000000 00000001 eth0\n";
        let expected: IpAddr = "fe80::1".parse().expect("an address");
        assert_eq!(gateways_v6(v6).collect::<Vec<_>>(), [expected]);
        assert_eq!(gateways_v4("").chain(gateways_v6("x")).count(), 0);
    }

    #[test]
    fn own_addresses_are_read_from_the_kernels_tables() {
        let trie = "Main:\n  +-- 0.0.0.0/0 2 0 2\n     |-- 192.168.1.0\n        /24 link UNICAST\n     |-- 192.168.1.5\n        /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
        let v6 = "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000005 02 40 00 80     eth0\n";
        let found: Vec<String> = local_v4(trie)
            .chain(local_v6(v6))
            .map(|address| address.to_string())
            .collect();
        assert_eq!(found, ["192.168.1.5", "::1", "fd00::5"]);
        assert!(own_addresses().iter().all(|address| !address.is_loopback()));
    }
}

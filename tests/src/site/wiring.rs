//! Which cable goes where, and who has which address.

use anyhow::Result;

use super::{Place, Topology};

/// Addresses at every site.
pub mod at {
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// The stand-in PoP, atlanta1 of the built-in list.
    pub const POP: Ipv4Addr = Ipv4Addr::new(208, 100, 60, 17);
    /// Another PoP.
    pub const OTHER_POP: Ipv4Addr = Ipv4Addr::new(208, 100, 60, 18);
    /// Somebody who wants in.
    pub const ATTACKER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
    /// The same by IPv6.
    pub const ATTACKER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, 0x66);
    /// A phone at somebody's home (`firewall.remote`).
    pub const REMOTE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 99);
    /// A SIP carrier that is not VoIP.ms.
    pub const CARRIER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
    /// The same by IPv6.
    pub const CARRIER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 9);
    /// The DNS server.
    pub const DNS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
    /// The provider's router (`router` only).
    pub const UPSTREAM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    /// The box's outside address (`router` only).
    pub const BOX_OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
    /// The same by IPv6.
    pub const BOX_OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10);
    /// The office's router (`bridge` and `side`).
    pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
    /// The box's address in the office.
    pub const BOX: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);
    /// The same by IPv6.
    pub const BOX6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 2);
    /// The PBX.
    pub const PBX: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 10);
    /// The same by IPv6.
    pub const PBX6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0x10);
    /// Where somebody opens the page.
    pub const PAGE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 20);
    /// Another machine of the office, on the side of the office's router (`bridge` and `side`).
    pub const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 66);
    /// Nobody in the office.
    pub const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 99);
    /// Nobody between box and internet (`router` only).
    pub const NOBODY_OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
}

/// The box's port towards the internet; in `side` its only one.
pub const OUTSIDE: &str = "out0";
/// The box's port towards the PBX.
pub const INSIDE: &str = "in0";
/// The one port of internet and of office.
const PORT: &str = "eth0";

/// The addresses of the internet, on its port.
const INTERNET: &str = "
addr add 208.100.60.17/32 dev eth0
addr add 208.100.60.18/32 dev eth0
addr add 203.0.113.66/32 dev eth0
addr add 203.0.113.99/32 dev eth0
addr add 198.51.100.9/32 dev eth0
addr add 2001:db8:a::66/128 dev eth0 nodad
addr add 2001:db8:c::9/128 dev eth0 nodad
";

/// The PBX's addresses, and the page's client's.
const OFFICE: &str = "
addr add 192.168.77.10/24 dev eth0
addr add 192.168.77.20/24 dev eth0
addr add 2001:db8:77::10/64 dev eth0 nodad
";

/// In `bridge` and `side` the office's router is the way out.
const OFFICE_ROUTER: &str = "
addr add 192.168.77.1/24 dev eth0
addr add 192.168.77.66/24 dev eth0
addr add 192.0.2.53/32 dev eth0
addr add 2001:db8:77::1/64 dev eth0 nodad
";

const BEHIND_OFFICE_ROUTER: &str = "
route add default via 192.168.77.1
route add default via 2001:db8:77::1
";

/// A cable between two networks; both ends are up.
fn cable(one: &Place, port: &str, other: &Place, other_port: &str) -> Result<()> {
    one.ip(&format!(
        "link add {port} type veth peer name {other_port} netns {}\nlink set {port} up\n",
        other.path()
    ))?;
    other.ip(&format!("link set {other_port} up\n"))
}

/// Connects the three networks; returns a fourth one, if it takes one.
pub(super) fn connect(
    topology: Topology,
    internet: &Place,
    gate: &Place,
    lan: &Place,
) -> Result<Option<Place>> {
    match topology {
        Topology::Router => router(internet, gate, lan).map(|()| None),
        Topology::Bridge => bridge(internet, gate, lan).map(|()| None),
        Topology::Side => side(internet, gate, lan).map(Some),
    }
}

fn router(internet: &Place, gate: &Place, lan: &Place) -> Result<()> {
    cable(internet, PORT, gate, OUTSIDE)?;
    cable(lan, PORT, gate, INSIDE)?;
    internet.ip(INTERNET)?;
    // An attacker on the same wire can address the office's private network directly.
    internet.ip("
addr add 192.0.2.1/24 dev eth0
addr add 192.0.2.53/24 dev eth0
addr add 2001:db8:f::1/64 dev eth0 nodad
route add 192.168.77.0/24 via 192.0.2.10
route add 2001:db8:77::/64 via 2001:db8:f::10
")?;
    gate.set("ipv4/ip_forward=1")?;
    gate.set("ipv6/conf/all/forwarding=1")?;
    gate.ip("
addr add 192.0.2.10/24 dev out0
addr add 2001:db8:f::10/64 dev out0 nodad
addr add 192.168.77.2/24 dev in0
addr add 2001:db8:77::2/64 dev in0 nodad
route add default via 192.0.2.1
route add default via 2001:db8:f::1
")?;
    lan.ip(OFFICE)?;
    lan.ip("
route add default via 192.168.77.2
route add default via 2001:db8:77::2
")
}

fn bridge(internet: &Place, gate: &Place, lan: &Place) -> Result<()> {
    cable(internet, PORT, gate, OUTSIDE)?;
    cable(lan, PORT, gate, INSIDE)?;
    switch(gate, &[OUTSIDE, INSIDE])?;
    gate.ip("
addr add 192.168.77.2/24 dev br0
addr add 2001:db8:77::2/64 dev br0 nodad
")?;
    gate.ip(BEHIND_OFFICE_ROUTER)?;
    office_router(internet)?;
    lan.ip(OFFICE)?;
    lan.ip(BEHIND_OFFICE_ROUTER)
}

fn side(internet: &Place, gate: &Place, lan: &Place) -> Result<Place> {
    let wires = Place::new("switch")?;
    cable(internet, PORT, &wires, "port1")?;
    cable(gate, OUTSIDE, &wires, "port2")?;
    cable(lan, PORT, &wires, "port3")?;
    switch(&wires, &["port1", "port2", "port3"])?;
    gate.ip("
addr add 192.168.77.2/24 dev out0
addr add 2001:db8:77::2/64 dev out0 nodad
")?;
    gate.ip(BEHIND_OFFICE_ROUTER)?;
    office_router(internet)?;
    lan.ip(OFFICE)?;
    lan.ip(BEHIND_OFFICE_ROUTER)?;
    Ok(wires)
}

fn office_router(internet: &Place) -> Result<()> {
    internet.ip(INTERNET)?;
    internet.ip(OFFICE_ROUTER)
}

/// Makes ports into one wire.
fn switch(place: &Place, ports: &[&str]) -> Result<()> {
    let mut lines = String::from("link add br0 type bridge forward_delay 0 mcast_snooping 0\n");
    for port in ports {
        lines.push_str(&format!("link set {port} master br0\n"));
    }
    lines.push_str("link set br0 up\n");
    place.ip(&lines)?;
    // Debian keeps br_netfilter in a module that nothing loads: bridged frames pass the bridge's own
    // hooks only. Here it is built into the kernel.
    for name in ["arptables", "iptables", "ip6tables"] {
        let setting = format!("bridge/bridge-nf-call-{name}=0");
        if place.within(|| Ok(std::fs::exists("/proc/sys/net/bridge")?))? {
            place.set(&setting)?;
        }
    }
    Ok(())
}

//! Files of the kernel: ports, routes, neighbours. What is not there is not known.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use super::super::facts::{Neighbour, Port, Route};

fn text(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// A file that holds one number.
pub fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

/// Ports with a hardware address or a cable: everything but the loopback.
pub fn ports() -> Vec<Port> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else {
        return Vec::new();
    };
    let addresses = addresses();
    let mut ports: Vec<Port> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "lo" && name != "bonding_masters")
        .map(|name| port(name, &addresses))
        .collect();
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    ports
}

fn port(name: String, addresses: &[(String, IpAddr, u8)]) -> Port {
    let at = Path::new("/sys/class/net").join(&name);
    let bridge = fs::read_link(at.join("brport/bridge")).ok();
    Port {
        // The kernel answers with an error while the port is down.
        carrier: text(at.join("carrier")).map(|carrier| carrier == "1"),
        hardware: text(at.join("address")).unwrap_or_default(),
        bridge: bridge.and_then(|b| Some(b.file_name()?.to_str()?.to_owned())),
        addresses: (addresses.iter())
            .filter(|(port, ..)| *port == name)
            .map(|(_, address, length)| (*address, *length))
            .collect(),
        name,
    }
}

fn addresses() -> Vec<(String, IpAddr, u8)> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    all.filter_map(|each| {
        let (address, mask) = (each.address?, each.netmask?);
        let v4 = || {
            let mask = mask.as_sockaddr_in()?.ip().to_bits();
            Some((
                address.as_sockaddr_in()?.ip().into(),
                mask.count_ones() as u8,
            ))
        };
        let v6 = || {
            let mask = mask.as_sockaddr_in6()?.ip().to_bits();
            Some((
                address.as_sockaddr_in6()?.ip().into(),
                mask.count_ones() as u8,
            ))
        };
        let (address, length) = v4().or_else(v6)?;
        Some((each.interface_name, address, length))
    })
    .collect()
}

/// IPv4 and IPv6 routes.
pub fn routes() -> Vec<Route> {
    let v4 = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let mut routes: Vec<Route> = v4.lines().filter_map(route_v4).collect();
    routes.extend(v6.lines().filter_map(route_v6));
    routes
}

/// `eth0 00000000 0102000A 0003 0 0 100 00000000 …`: the kernel's octets in the machine's order.
fn route_v4(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = |text: &str| {
        let bits = u32::from_str_radix(text, 16).ok()?;
        Some(Ipv4Addr::from(bits.to_ne_bytes()))
    };
    let (to, gateway) = (address(words.get(1)?)?, address(words.get(2)?)?);
    let flags = u32::from_str_radix(words.get(3)?, 16).ok()?;
    let length = address(words.get(7)?)?.to_bits().count_ones() as u8;
    // RTF_UP 1; RTF_REJECT 0x200 is a way to nowhere.
    (flags & 1 == 1 && flags & 0x200 == 0).then(|| Route {
        port: words[0].to_owned(),
        to: (to.into(), length),
        gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
    })
}

fn route_v6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = |text: &str| Some(Ipv6Addr::from_bits(u128::from_str_radix(text, 16).ok()?));
    let (to, gateway) = (address(words.first()?)?, address(words.get(4)?)?);
    let length = u8::from_str_radix(words.get(1)?, 16).ok()?;
    let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
    let port = *words.get(9)?;
    (port != "lo" && flags & 1 == 1 && flags & 0x200 == 0).then(|| Route {
        port: port.to_owned(),
        to: (to.into(), length),
        gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
    })
}

/// Machines that answered ARP.
pub fn neighbours() -> Vec<Neighbour> {
    let table = fs::read_to_string("/proc/net/arp").unwrap_or_default();
    table.lines().filter_map(neighbour).collect()
}

/// `192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth0`. Without ATF_COM (2) nobody has answered.
fn neighbour(line: &str) -> Option<Neighbour> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let flags = u32::from_str_radix(words.get(2)?.strip_prefix("0x")?, 16).ok()?;
    (flags & 2 != 0).then_some(())?;
    Some(Neighbour {
        address: words.first()?.parse().ok()?,
        hardware: (*words.get(3)?).to_owned(),
        port: (*words.get(5)?).to_owned(),
    })
}

/// DNS servers of the system.
pub fn resolvers() -> Vec<IpAddr> {
    let conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    conf.lines().filter_map(resolver).collect()
}

fn resolver(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace();
    (words.next()? == "nameserver").then_some(())?;
    // A link-local server is written with its port: fe80::1%eth0.
    words.next()?.split('%').next()?.parse().ok()
}

/// Which hardware address a bridge has learned on which port.
pub fn learned(bridge: &str, ports: &[Port]) -> Vec<(String, String)> {
    let at = Path::new("/sys/class/net");
    let numbers: Vec<(u16, &str)> = (ports.iter())
        .filter(|p| p.bridge.as_deref() == Some(bridge))
        .filter_map(|p| {
            let number = text(at.join(&p.name).join("brport/port_no"))?;
            let number = u16::from_str_radix(number.strip_prefix("0x")?, 16).ok()?;
            Some((number, p.name.as_str()))
        })
        .collect();
    let table = fs::read(at.join(bridge).join("brforward")).unwrap_or_default();
    entries(&table)
        .filter_map(|(hardware, number)| {
            let (_, port) = numbers.iter().find(|(n, _)| *n == number)?;
            Some((hardware, (*port).to_owned()))
        })
        .collect()
}

/// `struct __fdb_entry` of linux/if_bridge.h: 6 octets of address, port (low), is_local, 4 octets of
/// age, port (high), 3 of nothing.
fn entries(table: &[u8]) -> impl Iterator<Item = (String, u16)> {
    table.chunks_exact(16).filter(|e| e[7] == 0).map(|e| {
        let hardware: Vec<String> = e[..6].iter().map(|b| format!("{b:02x}")).collect();
        (hardware.join(":"), u16::from_le_bytes([e[6], e[12]]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_the_kernel_writes_them() {
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        let line = format!("eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\t0\t0\t0");
        let route = route_v4(&line).unwrap();
        assert!(route.is_default() && route.port == "eth0");
        assert_eq!(route.gateway, Some("192.0.2.1".parse().unwrap()));
        let net = u32::from_ne_bytes([192, 0, 2, 0]);
        let mask = u32::from_ne_bytes([255, 255, 255, 0]);
        let line = format!("eth0 {net:08X} 00000000 0001 0 0 0 {mask:08X} 0 0 0");
        let route = route_v4(&line).unwrap();
        assert_eq!((route.to.1, route.gateway), (24, None));
        assert_eq!(
            route_v4("Iface Destination Gateway Flags RefCnt Use Metric Mask"),
            None
        );
        assert_eq!(route_v4(""), None);
        let zero = "0".repeat(32);
        let line = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003 eth0"
        );
        let route = route_v6(&line).unwrap();
        assert!(route.is_default() && route.gateway.is_some());
        assert_eq!(
            route_v6(&line.replace("00000003 eth0", "00200200 lo")),
            None
        );
    }

    #[test]
    fn neighbours_that_never_answered_are_none() {
        let line = "192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0";
        assert_eq!(neighbour(line).unwrap().port, "eth0");
        assert_eq!(neighbour(&line.replace("0x2 ", "0x0 ")), None);
        assert_eq!(
            neighbour("IP address       HW type     Flags       HW address  Mask  Device"),
            None
        );
    }

    #[test]
    fn a_bridges_table_is_read() {
        let mut table = vec![2, 0xfc, 0, 0, 0, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        table.extend([2, 0xfc, 0, 0, 0, 9, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        table.extend([1, 2, 3]);
        let all: Vec<_> = entries(&table).collect();
        assert_eq!(all, [("02:fc:00:00:00:05".to_owned(), 2)]);
    }

    #[test]
    fn resolvers_are_read() {
        assert_eq!(
            resolver("nameserver 192.0.2.53"),
            Some("192.0.2.53".parse().unwrap())
        );
        assert_eq!(
            resolver("nameserver fe80::1%eth0"),
            Some("fe80::1".parse().unwrap())
        );
        assert_eq!(resolver("search example.net"), None);
        assert_eq!(resolver("# nameserver 192.0.2.53"), None);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        assert!(ports().iter().all(|p| p.name != "lo"));
        let _ = (routes(), neighbours(), resolvers());
    }
}

//! Addresses that the box itself, its gateways and its DNS servers have: never banned (F12), whatever
//! the daemon knows of them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// All of them, as far as the system says. What cannot be read is left out: a ban is no reason to stop.
pub fn addresses() -> Vec<IpAddr> {
    let mut all = Vec::new();
    if let Ok(interfaces) = nix::ifaddrs::getifaddrs() {
        for address in interfaces.filter_map(|interface| interface.address) {
            all.extend((address.as_sockaddr_in()).map(|a| IpAddr::V4(a.ip())));
            all.extend((address.as_sockaddr_in6()).map(|a| IpAddr::V6(a.ip())));
        }
    }
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    all.extend(gateways4(&read("/proc/net/route")));
    all.extend(gateways6(&read("/proc/net/ipv6_route")));
    all.extend(name_servers(&read("/etc/resolv.conf")));
    all
}

/// Column 3 of /proc/net/route: hexadecimal, in the machine's order.
fn gateways4(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let field = line.split_whitespace().nth(2)?;
        let number = u32::from_str_radix(field, 16).ok().filter(|n| *n != 0)?;
        Some(IpAddr::V4(Ipv4Addr::from(number.to_ne_bytes())))
    };
    text.lines().skip(1).filter_map(gateway).collect()
}

/// Column 5 of /proc/net/ipv6_route: 32 hexadecimal digits.
fn gateways6(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let field = line.split_whitespace().nth(4)?;
        let number = u128::from_str_radix(field, 16).ok().filter(|n| *n != 0)?;
        Some(IpAddr::V6(Ipv6Addr::from(number)))
    };
    text.lines().filter_map(gateway).collect()
}

fn name_servers(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        address.split('%').next()?.parse().ok()
    };
    text.lines().filter_map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_system_are_read() {
        let routes = "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t0107A8C0\t0003\neth0\t0007A8C0\t00000000\t0001\nx\n";
        let expected: IpAddr = Ipv4Addr::from(0x0107_A8C0u32.to_ne_bytes()).into();
        assert_eq!(gateways4(routes), [expected]);
        let routes = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 eth0\n";
        assert_eq!(gateways6(routes), ["fe80::1".parse::<IpAddr>().unwrap()]);
        let text =
            "# x\nnameserver 192.168.7.1\nnameserver fe80::1%eth0\nnameserver x\noptions edns0\n";
        let expected: [IpAddr; 2] = ["192.168.7.1".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(name_servers(text), expected);
    }
}

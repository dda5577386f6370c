//! `[network]`: how the box itself is reached (docs/box.md B9).

use alloc::{format, string::String, vec::Vec};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{firewall::HostName, values::text_value};

/// How the box is reached, as its owner writes it. IPv6 addresses come from router advertisements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Addresses {
    /// The box's address; in `router`, the one towards the internet.
    pub address: Address,
    /// The way to the internet, where `address` is a fixed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
    /// DNS servers of the box itself; those that DHCP names unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<IpAddr>,
    /// Time servers; those that DHCP names, or the image's, unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ntp: Vec<TimeServer>,
    /// The box's address towards the office; `router` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<HostAddress>,
    /// Gives the office's machines their addresses, with the box as router and DNS server; `router` only.
    pub dhcp_server: bool,
}

impl Default for Addresses {
    fn default() -> Self {
        Addresses {
            address: Address::Dhcp,
            gateway: None,
            dns: Vec::new(),
            ntp: Vec::new(),
            inside: None,
            dhcp_server: true,
        }
    }
}

impl Addresses {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Addresses::default()
    }
}

/// Where the box has its address from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Address {
    /// From the network.
    #[default]
    Dhcp,
    /// This one.
    Fixed(HostAddress),
}

impl Address {
    /// # Errors
    /// When it is neither `dhcp` nor a machine's address with its network.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "dhcp" {
            return Ok(Address::Dhcp);
        }
        match HostAddress::parse(text) {
            Ok(address) => Ok(Address::Fixed(address)),
            Err(problem) => Err(format!("{problem}, or dhcp")),
        }
    }

    /// The address that is written down.
    pub fn fixed(&self) -> Option<HostAddress> {
        match self {
            Address::Dhcp => None,
            Address::Fixed(address) => Some(*address),
        }
    }
}
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Dhcp => f.write_str("dhcp"),
            Address::Fixed(address) => address.fmt(f),
        }
    }
}
text_value!(Address);

/// A machine's IPv4 address and the network that it is in, `192.168.1.2/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HostAddress(Ipv4Net);

impl HostAddress {
    /// # Errors
    /// When it is no address that a machine can have, or its network is not /8 to /30.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{}` {why}; write an address and its network such as 192.168.1.2/24",
                text.escape_debug()
            )
        };
        let net: Ipv4Net = text
            .parse()
            .map_err(|_| wrong("is not an IPv4 address with its network"))?;
        let address = net.addr();
        if !(8..=30).contains(&net.prefix_len()) {
            return Err(wrong("has a network that is not /8 to /30"));
        }
        if address == net.network() || address == net.broadcast() {
            return Err(wrong("is the network itself or its broadcast address"));
        }
        if !is_machine(address) {
            return Err(wrong("is no address that a machine can have"));
        }
        Ok(HostAddress(net))
    }

    /// The address alone.
    pub fn address(&self) -> Ipv4Addr {
        self.0.addr()
    }

    /// The network that it is in.
    pub fn network(&self) -> Ipv4Net {
        self.0.trunc()
    }

    /// Is this one of the addresses that other machines of its network can have?
    pub fn neighbours(&self, other: Ipv4Addr) -> bool {
        self.0.contains(&other)
            && other != self.address()
            && other != self.0.network()
            && other != self.0.broadcast()
    }

    /// The addresses that the box gives away where it serves DHCP: how far the first is from the
    /// network's own address, and how many. 100 to 199 where they fit, else the upper half. `None` where
    /// the network is smaller than /28.
    pub fn pool(&self) -> Option<(u32, u32)> {
        match self.0.prefix_len() {
            ..=24 => Some((100, 100)),
            prefix @ 25..=28 => {
                let half = 1 << (31 - prefix);
                // Without the last one, which is the broadcast address, and the one before it, so
                // that a router that likes the highest address keeps it.
                Some((half, half - 2))
            }
            _ => None,
        }
    }

    /// The first and the last address of [`HostAddress::pool`].
    pub fn pool_bounds(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let (first, count) = self.pool()?;
        let base = u32::from(self.0.network());
        Some((
            Ipv4Addr::from(base + first),
            Ipv4Addr::from(base + first + count - 1),
        ))
    }
}
impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
text_value!(HostAddress);

/// Can a machine have it, by the IANA's registry of special addresses (RFC 6890)?
pub(super) fn is_machine(address: Ipv4Addr) -> bool {
    let reserved = matches!(address.octets(), [0 | 240..=255, ..]);
    !(reserved || address.is_loopback() || address.is_multicast() || address.is_link_local())
}

/// A time server, by name or address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum TimeServer {
    /// Found in DNS.
    Name(HostName),
    /// Asked as it is.
    Address(IpAddr),
}

impl TimeServer {
    /// # Errors
    /// When it is neither a host name nor an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(TimeServer::Address(address));
        }
        HostName::parse(text).map(TimeServer::Name).map_err(|_| {
            format!(
                "`{}` is not a time server; write its name or address, such as 0.pool.ntp.org",
                text.escape_debug()
            )
        })
    }
}
impl fmt::Display for TimeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeServer::Name(name) => name.fmt(f),
            TimeServer::Address(address) => address.fmt(f),
        }
    }
}
text_value!(TimeServer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_refuse_what_they_cannot_be() {
        for text in ["192.168.1.2/24", "10.0.0.1/8", "198.51.100.9/30"] {
            assert_eq!(HostAddress::parse(text).map(String::from), Ok(text.into()));
        }
        for (text, says) in [
            ("192.168.1.2", "with its network"),
            ("192.168.1/24", "with its network"),
            ("fd00::1/64", "with its network"),
            ("192.168.1.2/24\nDNS=1.2.3.4", "with its network"),
            ("192.168.1.0/24", "network itself"),
            ("192.168.1.255/24", "network itself"),
            ("192.168.1.2/31", "/8 to /30"),
            ("0.0.0.1/0", "/8 to /30"),
            ("127.0.0.1/8", "can have"),
            ("224.0.0.1/24", "can have"),
            ("169.254.1.1/16", "can have"),
            ("0.1.0.1/24", "can have"),
            ("255.1.0.1/24", "can have"),
        ] {
            let said = HostAddress::parse(text).expect_err(text);
            assert!(said.contains(says), "{text}: {said}");
            assert!(said.contains("; write "), "{said}");
        }
        assert_eq!(Address::parse("dhcp"), Ok(Address::Dhcp));
        assert!(Address::parse("DHCP").is_err_and(|said| said.ends_with("or dhcp")));
        for text in ["0.pool.ntp.org", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(TimeServer::parse(text).map(String::from), Ok(text.into()));
        }
        for text in ["", "pool", "a b.c", "x.y\nDNS=1.2.3.4", "1.2.3"] {
            assert!(TimeServer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_pool_lies_in_its_network() {
        for prefix in 8..=30u8 {
            let host = HostAddress::parse(&format!("10.77.77.1/{prefix}")).expect("an address");
            match host.pool_bounds() {
                Some((first, last)) => {
                    assert!(prefix <= 28);
                    assert!(host.neighbours(first) && host.neighbours(last), "/{prefix}");
                    assert!(first < last);
                }
                None => assert!(prefix > 28),
            }
        }
        let host = HostAddress::parse("192.168.77.1/24").expect("an address");
        let expected = ([192, 168, 77, 100].into(), [192, 168, 77, 199].into());
        assert_eq!(host.pool_bounds(), Some(expected));
    }
}

//! The front of a packet, as the kernel logged it: who, to whom, which port, and the first octets of
//! what it carries. Written by strangers and cut anywhere.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Extension headers of IPv6 that are walked past. Real packets have two at most.
const EXTENSIONS: usize = 8;

/// What could be read of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front<'a> {
    /// Where it says that it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// What it carries.
    pub transport: Transport,
    /// It is a fragment, and which. Ports are in the first only.
    pub fragment: Fragment,
    /// Ports, where the transport has them and they were not cut off.
    pub ports: Option<Ports>,
    /// The first octets of what the transport carries; empty where they were cut off.
    pub payload: &'a [u8],
}

/// The protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP; does it ask for a connection (SYN without ACK)?
    Tcp {
        /// SYN is set, ACK and RST are not.
        opens: bool,
    },
    /// ICMP or ICMPv6.
    Icmp,
    /// Another, by its number (IANA "Protocol Numbers").
    Other(u8),
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Of the sender.
    pub source: u16,
    /// Of the receiver.
    pub destination: u16,
}

/// A part of a packet that was too long for the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// It is whole.
    No,
    /// The first part, with the ports.
    First,
    /// A later part: no ports.
    Later,
}

/// Reads a packet from its network header on. `None` where it is no IPv4 or IPv6, or is cut within
/// the network header.
pub fn read(packet: &[u8]) -> Option<Front<'_>> {
    match packet.first()? >> 4 {
        4 => v4(packet),
        6 => v6(packet),
        _ => None,
    }
}

/// RFC 791 3.1.
fn v4(packet: &[u8]) -> Option<Front<'_>> {
    let header = usize::from(packet[0] & 0x0f) * 4;
    if header < 20 || packet.len() < header {
        return None;
    }
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).into())
    };
    let fragment = match word(packet, 6)? & 0x3fff {
        0 => Fragment::No,
        0x2000 => Fragment::First,
        _ => Fragment::Later,
    };
    // What follows the packet in its frame (Ethernet pads to 60 octets) is no part of it.
    let total = usize::from(word(packet, 2)?);
    if total < header {
        return None;
    }
    let body = &packet[header..total.min(packet.len())];
    Some(above(address(12)?, address(16)?, packet[9], fragment, body))
}

/// RFC 8200 3 and 4.
fn v6(packet: &[u8]) -> Option<Front<'_>> {
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
    };
    let (source, destination) = (address(8)?, address(24)?);
    let end = 40 + usize::from(word(packet, 4)?);
    let mut body = packet.get(40..end.min(packet.len()))?;
    let mut next = packet[6];
    let mut fragment = Fragment::No;
    for _ in 0..EXTENSIONS {
        let length = match (next, body.get(1)) {
            // Hop-by-hop, routing, destination options.
            (0 | 43 | 60, Some(&length)) => 8 + usize::from(length) * 8,
            (51, Some(&length)) => 8 + usize::from(length) * 4,
            (44, Some(_)) => 8,
            _ => break,
        };
        if next == 44 {
            let Some(offset) = word(body, 2) else { break };
            fragment = match offset & 0xfff9 {
                0 => Fragment::No,
                1 => Fragment::First,
                _ => Fragment::Later,
            };
        }
        next = body[0];
        body = body.get(length..).unwrap_or(&[]);
        if fragment == Fragment::Later {
            break;
        }
    }
    Some(above(source, destination, next, fragment, body))
}

fn above(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    fragment: Fragment,
    body: &[u8],
) -> Front<'_> {
    let begins = fragment != Fragment::Later;
    let (ports, skip) = match protocol {
        6 | 17 if begins => (ports(body), if protocol == 17 { 8 } else { offset(body) }),
        _ => (None, usize::MAX),
    };
    let transport = match protocol {
        17 => Transport::Udp,
        6 => Transport::Tcp {
            // SYN is 0x02, RST 0x04, ACK 0x10 (RFC 9293 3.1).
            opens: begins && body.get(13).is_some_and(|flags| flags & 0x16 == 0x02),
        },
        1 | 58 => Transport::Icmp,
        other => Transport::Other(other),
    };
    Front {
        source,
        destination,
        transport,
        fragment,
        ports,
        payload: body.get(skip..).unwrap_or(&[]),
    }
}

fn ports(body: &[u8]) -> Option<Ports> {
    Some(Ports {
        source: word(body, 0)?,
        destination: word(body, 2)?,
    })
}

/// Where TCP's payload begins; beyond the end where its header is none.
fn offset(body: &[u8]) -> usize {
    match body.get(12).map(|b| usize::from(b >> 4) * 4) {
        Some(length) if length >= 20 => length,
        _ => usize::MAX,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let octets = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([octets[0], octets[1]]))
}

/// Packets as they are on the wire, for tests here and in `report`.
#[cfg(test)]
pub(crate) mod made {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// IP, UDP or TCP (`flags`), payload; checksums are left 0, nobody here looks at them.
    pub fn packet(
        source: &str,
        destination: &str,
        ports: (u16, u16),
        tcp_flags: Option<u8>,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(ports.0.to_be_bytes());
        body.extend(ports.1.to_be_bytes());
        match tcp_flags {
            None => {
                body.extend((8 + payload.len() as u16).to_be_bytes());
                body.extend([0; 2]);
            }
            Some(flags) => {
                body.extend([0; 8]);
                body.extend([5 << 4, flags, 0, 0, 0, 0, 0, 0]);
            }
        }
        body.extend(payload);
        let protocol = if tcp_flags.is_some() { 6 } else { 17 };
        ip(source, destination, protocol, 0, &body)
    }

    /// IP around a body. `fragment` is IPv4's field.
    pub fn ip(
        source: &str,
        destination: &str,
        protocol: u8,
        fragment: u16,
        body: &[u8],
    ) -> Vec<u8> {
        let mut packet = Vec::new();
        match (source.parse().unwrap(), destination.parse().unwrap()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                packet.extend([0x45, 0]);
                packet.extend((20 + body.len() as u16).to_be_bytes());
                packet.extend([0, 1]);
                packet.extend(fragment.to_be_bytes());
                packet.extend([64, protocol, 0, 0]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                packet.extend([0x60, 0, 0, 0]);
                packet.extend((body.len() as u16).to_be_bytes());
                packet.extend([protocol, 64]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            _ => panic!("two families"),
        }
        packet.extend(body);
        packet
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{made::*, *};
    use proptest::prelude::*;

    #[test]
    fn ports_and_payload_are_found_in_both_families() {
        for (from, to) in [
            ("203.0.113.7", "198.51.100.1"),
            ("2001:db8::7", "2001:db8:1::1"),
        ] {
            let udp = packet(from, to, (5_071, 5_060), None, b"OPTIONS");
            let front = read(&udp).unwrap();
            assert_eq!(front.source, from.parse::<IpAddr>().unwrap());
            assert_eq!(front.destination, to.parse::<IpAddr>().unwrap());
            assert_eq!(front.transport, Transport::Udp);
            assert_eq!(front.ports.unwrap().destination, 5_060);
            assert_eq!(front.payload, b"OPTIONS");
            for (flags, opens) in [(0x02, true), (0x12, false), (0x10, false), (0x06, false)] {
                let tcp = packet(from, to, (5_071, 5_060), Some(flags), b"");
                assert_eq!(
                    read(&tcp).unwrap().transport,
                    Transport::Tcp { opens },
                    "{flags:#x}"
                );
            }
        }
    }

    #[test]
    fn fragments_are_said_and_later_ones_have_no_ports() {
        let body = [0x13, 0xc4, 0x13, 0xc4, 0, 8, 0, 0];
        for (field, expected) in [
            (0x4000, Fragment::No),
            (0x2000, Fragment::First),
            (0x2001, Fragment::Later),
            (0x0005, Fragment::Later),
        ] {
            let packet = ip("203.0.113.7", "198.51.100.1", 17, field, &body);
            let front = read(&packet).unwrap();
            assert_eq!(front.fragment, expected);
            assert_eq!(front.ports.is_some(), expected != Fragment::Later);
        }
        // Hop-by-hop options, then a fragment header, then UDP.
        let first = [
            &[44, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9][..],
            &body,
        ]
        .concat();
        let later = [&[17, 0, 0, 9, 0, 0, 0, 9][..], &body].concat();
        let packet = ip("2001:db8::7", "2001:db8::1", 0, 0, &first);
        let front = read(&packet).unwrap();
        assert_eq!(front.fragment, Fragment::First);
        assert_eq!(front.ports.unwrap().source, 0x13c4);
        let packet = ip("2001:db8::7", "2001:db8::1", 44, 0, &later);
        let front = read(&packet).unwrap();
        assert_eq!((front.fragment, front.ports), (Fragment::Later, None));
    }

    #[test]
    fn padding_of_the_frame_is_no_payload_and_headers_without_end_are_left() {
        let mut padded = packet("203.0.113.7", "198.51.100.1", (1, 5_060), None, b"x");
        padded.extend([0; 17]);
        assert_eq!(read(&padded).unwrap().payload, b"x");
        let chain = [60, 0, 0, 0, 0, 0, 0, 0].repeat(25);
        let packet = ip("2001:db8::7", "2001:db8::1", 60, 0, &chain);
        assert_eq!(read(&packet).unwrap().transport, Transport::Other(60));
    }

    proptest! {
        /// Whatever is logged, and wherever it is cut: no panic, and nothing beyond the packet.
        #[test]
        fn any_octets_are_read(mut octets in proptest::collection::vec(any::<u8>(), 0..256),
                               version in prop_oneof![Just(0x45u8), Just(0x4f), Just(0x60), any::<u8>()]) {
            if let Some(first) = octets.first_mut() {
                *first = version;
            }
            if let Some(front) = read(&octets) {
                prop_assert!(front.payload.len() <= octets.len().saturating_sub(20));
                prop_assert!(front.fragment != Fragment::Later || front.ports.is_none());
            }
        }

        #[test]
        fn a_packet_that_is_cut_is_no_other_packet(cut in 0usize..60, v6 in any::<bool>()) {
            let (from, to) = if v6 { ("2001:db8::7", "2001:db8::1") } else { ("203.0.113.7", "198.51.100.1") };
            let whole = packet(from, to, (5_071, 5_060), None, b"OPTIONS sip:1@1 SIP/2.0");
            let full = read(&whole).unwrap();
            if let Some(front) = read(&whole[..cut.min(whole.len())]) {
                prop_assert_eq!((front.source, front.destination), (full.source, full.destination));
                prop_assert!(front.ports.is_none() || front.ports == full.ports);
                prop_assert!(full.payload.starts_with(front.payload));
            }
        }
    }
}

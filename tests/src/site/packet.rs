//! Packets made by hand: with any source, in pieces, of any protocol.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::Place;

/// Protocol numbers.
pub mod protocol {
    /// IPv4's ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// An IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// GRE, as an example of something else.
    pub const GRE: u8 = 47;
    /// IPv6's ICMP.
    pub const ICMP6: u8 = 58;
    /// IPv6 destination options.
    pub const OPTIONS: u8 = 60;
}

/// The payload by which a capture knows packet `n` of the flow `name`.
pub fn mark(name: &str, n: u32) -> Vec<u8> {
    format!("tg:{name}:{n};").into_bytes()
}

/// The other way round, from anywhere in a payload.
pub fn marked(payload: &[u8]) -> Option<(String, u32)> {
    let at = payload.windows(3).position(|w| w == b"tg:")?;
    let text = payload[at + 3..].split(|b| *b == b';').next()?;
    let (name, n) = std::str::from_utf8(text).ok()?.rsplit_once(':')?;
    Some((name.to_owned(), n.parse().ok()?))
}

fn sum(parts: &[&[u8]]) -> u16 {
    let mut total: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            total += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

/// What checksums of UDP, TCP and ICMPv6 cover besides.
fn pseudo(source: IpAddr, to: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    match (source, to) {
        (IpAddr::V4(source), IpAddr::V4(to)) => {
            out.extend(source.octets());
            out.extend(to.octets());
        }
        (source, to) => {
            out.extend(as_v6(source).octets());
            out.extend(as_v6(to).octets());
        }
    }
    // The two layouts differ in zeros only, which add nothing.
    out.extend([0, protocol]);
    out.extend((length as u16).to_be_bytes());
    out
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// An IP packet of any protocol.
///
/// # Panics
/// When one address is IPv4 and the other IPv6.
pub fn ip(source: IpAddr, to: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    match (source, to) {
        (IpAddr::V4(source), IpAddr::V4(to)) => ip4(source, to, protocol, body, 0x4711, 0),
        (IpAddr::V6(source), IpAddr::V6(to)) => ip6(source, to, protocol, body),
        _ => panic!("{source} and {to} are of two kinds"),
    }
}

fn ip4(
    source: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    body: &[u8],
    id: u16,
    fragment: u16,
) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend((20 + body.len() as u16).to_be_bytes());
    out.extend(id.to_be_bytes());
    out.extend(fragment.to_be_bytes());
    out.extend([64, protocol, 0, 0]);
    out.extend(source.octets());
    out.extend(to.octets());
    let checksum = sum(&[&out]).to_be_bytes();
    out[10..12].copy_from_slice(&checksum);
    out.extend(body);
    out
}

fn ip6(source: Ipv6Addr, to: Ipv6Addr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((body.len() as u16).to_be_bytes());
    out.extend([protocol, 64]);
    out.extend(source.octets());
    out.extend(to.octets());
    out.extend(body);
    out
}

/// A UDP datagram's own part.
fn udp_body(source: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(source.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend((8 + payload.len() as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    let head = pseudo(source.ip(), to.ip(), protocol::UDP, out.len());
    let checksum = sum(&[&head, &out]).to_be_bytes();
    out[6..8].copy_from_slice(&checksum);
    out
}

/// A UDP datagram.
pub fn udp(source: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    ip(
        source.ip(),
        to.ip(),
        protocol::UDP,
        &udp_body(source, to, payload),
    )
}

/// A TCP segment with these flags (SYN 0x02, ACK 0x10) and a payload, whether TCP would send it or not.
pub fn tcp(source: SocketAddr, to: SocketAddr, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(source.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(payload);
    let head = pseudo(source.ip(), to.ip(), protocol::TCP, out.len());
    let checksum = sum(&[&head, &out]).to_be_bytes();
    out[16..18].copy_from_slice(&checksum);
    ip(source.ip(), to.ip(), protocol::TCP, &out)
}

/// An ICMP message of this kind and code (8, 0: echo request; ICMPv6: 128, 0).
pub fn icmp(source: IpAddr, to: IpAddr, kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, code, 0, 0];
    out.extend(body);
    let (protocol, head) = if source.is_ipv4() {
        (protocol::ICMP, Vec::new())
    } else {
        let head = pseudo(source, to, protocol::ICMP6, out.len());
        (protocol::ICMP6, head)
    };
    let checksum = sum(&[&head, &out]).to_be_bytes();
    out[2..4].copy_from_slice(&checksum);
    ip(source, to, protocol, &out)
}

/// An echo request.
pub fn echo(source: IpAddr, to: IpAddr, payload: &[u8]) -> Vec<u8> {
    let kind = if source.is_ipv4() { 8 } else { 128 };
    icmp(
        source,
        to,
        kind,
        0,
        &[&[0x47, 0x11, 0, 1], payload].concat(),
    )
}

/// A UDP datagram in pieces of `size` octets (a multiple of 8) each, in order. The ports are in the
/// first piece only.
pub fn pieces(source: SocketAddr, to: SocketAddr, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let body = udp_body(source, to, payload);
    let last = body.len().div_ceil(size) - 1;
    let piece = |(n, part): (usize, &[u8])| {
        let offset = (n * size) as u16;
        let more = u16::from(n < last);
        match (source.ip(), to.ip()) {
            (IpAddr::V4(source), IpAddr::V4(to)) => {
                let fragment = (offset / 8) | (more << 13);
                ip4(source, to, protocol::UDP, part, to_id(&body), fragment)
            }
            (source, to) => {
                let mut out = vec![protocol::UDP, 0];
                out.extend((offset | more).to_be_bytes());
                out.extend([0, 0]);
                out.extend(to_id(&body).to_be_bytes());
                out.extend(part);
                ip6(as_v6(source), as_v6(to), protocol::FRAGMENT, &out)
            }
        }
    };
    body.chunks(size).enumerate().map(piece).collect()
}

/// Packets of different content are different packets.
fn to_id(body: &[u8]) -> u16 {
    sum(&[body]) | 1
}

/// A UDP datagram behind an IPv6 header of destination options, where who looks at the next header
/// only does not see it.
pub fn udp_behind_options(source: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    // One PadN of six octets.
    let mut out = vec![protocol::UDP, 0, 1, 4, 0, 0, 0, 0];
    out.extend(udp_body(source, to, payload));
    ip(source.ip(), to.ip(), protocol::OPTIONS, &out)
}

/// Sends packets as they are, from one network.
pub struct Raw {
    v4: Socket,
    v6: Socket,
}

impl Raw {
    /// Opens it in a network.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open(place: &Place) -> Result<Raw> {
        place.within(|| {
            // IPPROTO_RAW: the header comes with the packet.
            let raw = Some(Protocol::from(libc::IPPROTO_RAW));
            let v4 = Socket::new(Domain::IPV4, Type::RAW, raw)?;
            v4.set_broadcast(true)?;
            let v6 = Socket::new(Domain::IPV6, Type::RAW, raw)?;
            Ok(Raw { v4, v6 })
        })
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// When it cannot leave.
    pub fn send(&self, packet: &[u8]) -> Result<()> {
        let (socket, to) = match packet.first().context("an empty packet")? >> 4 {
            4 => {
                let to: [u8; 4] = packet[16..20].try_into()?;
                (&self.v4, IpAddr::from(to))
            }
            6 => {
                let to: [u8; 16] = packet[24..40].try_into()?;
                (&self.v6, IpAddr::from(to))
            }
            other => bail!("IP version {other}"),
        };
        let sent = socket
            .send_to(packet, &SocketAddr::new(to, 0).into())
            .with_context(|| format!("to {to}"))?;
        ensure!(sent == packet.len(), "{sent} octets of {}", packet.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_datagram_as_the_kernel_would_make_it() {
        let packet = udp(at("192.0.2.1:5060"), at("192.0.2.2:5060"), b"ab");
        assert_eq!(packet.len(), 30);
        assert_eq!(sum(&[&packet[..20]]), 0);
        let head = pseudo(at("192.0.2.1:0").ip(), at("192.0.2.2:0").ip(), 17, 10);
        assert_eq!(sum(&[&head, &packet[20..]]), 0);
    }

    #[test]
    fn pieces_cover_the_whole() {
        let payload = [7; 50];
        for (source, to) in [("192.0.2.1:1", "192.0.2.2:2"), ("[::1]:1", "[::2]:2")] {
            let pieces = pieces(at(source), at(to), &payload, 24);
            assert_eq!(pieces.len(), 3);
        }
    }

    #[test]
    fn marks_are_read_back() {
        assert_eq!(marked(&mark("pop", 7)), Some(("pop".into(), 7)));
        let inside = [b"SIP\r\nX: ".to_vec(), mark("a", 1)].concat();
        assert_eq!(marked(&inside), Some(("a".into(), 1)));
        assert_eq!(marked(b"tg:"), None);
    }
}

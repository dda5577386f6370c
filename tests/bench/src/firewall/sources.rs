//! Strangers with a million addresses: datagrams whose source is written by hand, sent in the
//! namespaces that this benchmark made and nowhere else.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use super::place::Place;
use crate::{
    call::mix,
    flood::{BURST, Beside, Flood, stranger},
    socket::Outbox,
};

/// Where all sources are: 20.0.0.0/8, which holds no PoP and no address of [`super::guard::ban`].
pub const NETWORK: &str = "20.0.0.0/8";
/// Octets of an IPv4 header without options, and of UDP's.
const HEADERS: usize = 28;

/// Sends to some addresses in turns, each datagram from a source that was not there before.
pub struct Sources {
    flood: Flood,
    ways: Vec<(UdpSocket, SocketAddr)>,
    outbox: Outbox,
    started: Option<Instant>,
    /// Datagrams sent so far.
    pub sent: u64,
}

impl Sources {
    /// Sends from this network.
    ///
    /// # Errors
    /// When the kernel gives no raw socket.
    pub fn new(place: &Place, flood: Flood, to: &[SocketAddr]) -> Result<Self> {
        let open = |to: &SocketAddr| -> Result<_> {
            let raw = Socket::new(
                Domain::IPV4,
                Type::RAW,
                Some(Protocol::from(libc::IPPROTO_RAW)),
            )
            .context("no raw socket")?;
            raw.connect(&(*to).into())?;
            // It is a descriptor that whole packets are written to; it has no port.
            Ok((UdpSocket::from(raw), *to))
        };
        let ways = place.within(|| to.iter().map(open).collect())?;
        Ok(Sources {
            flood,
            ways,
            outbox: Outbox::default(),
            started: None,
            sent: 0,
        })
    }

    /// Sends all, with nothing beside.
    ///
    /// # Errors
    /// When the kernel does not send.
    pub fn all(&mut self) -> Result<()> {
        while self.sent < self.flood.total {
            self.turn(Instant::now())?;
            std::thread::sleep(Duration::from_micros(100));
        }
        Ok(())
    }
}

impl Beside for Sources {
    fn turn(&mut self, now: Instant) -> Result<()> {
        let started = *self.started.get_or_insert(now);
        let count = self.flood.due(started, now, self.sent);
        if count == 0 {
            return Ok(());
        }
        let (socket, to) = &self.ways[(self.sent / BURST) as usize % self.ways.len()];
        for _ in 0..count {
            self.outbox.add(socket, |room| {
                packet(room, source(self.sent), *to, self.sent)
            })?;
            self.sent += 1;
        }
        self.outbox.flush(socket)?;
        Ok(())
    }
}

/// Scattered over the network, none twice in the first four million.
fn source(n: u64) -> Ipv4Addr {
    let n = n as u32 & 0x3F_FFFF;
    // The number odd: multiplication by it maps no two of 2^22 to one.
    let scattered = n.wrapping_mul(0x9E37_79B1) & 0x3F_FFFF;
    Ipv4Addr::from((20 << 24) | (scattered << 2) | (mix(n.into()) as u32 & 1) | 2)
}

/// One datagram, with its headers; returns its octets. The kernel fills in IPv4's checksum; UDP's
/// zero says that there is none (RFC 768).
fn packet(room: &mut [u8], source: Ipv4Addr, to: SocketAddr, n: u64) -> usize {
    let SocketAddr::V4(to) = to else { return 0 };
    let payload = stranger(&mut room[HEADERS..], to.into(), n);
    let whole = HEADERS + payload;
    room[..HEADERS].fill(0);
    room[0] = 0x45;
    room[2..4].copy_from_slice(&(whole as u16).to_be_bytes());
    room[8] = 64;
    room[9] = libc::IPPROTO_UDP as u8;
    room[12..16].copy_from_slice(&source.octets());
    room[16..20].copy_from_slice(&to.ip().octets());
    room[20..22].copy_from_slice(&5071_u16.to_be_bytes());
    room[22..24].copy_from_slice(&to.port().to_be_bytes());
    room[24..26].copy_from_slice(&((whole - 20) as u16).to_be_bytes());
    whole
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_million_sources_are_a_million() {
        let all: HashSet<Ipv4Addr> = (0..1_000_000).map(source).collect();
        assert_eq!(all.len(), 1_000_000);
        assert!(all.iter().all(|source| source.octets()[0] == 20));
    }

    #[test]
    fn a_packet_has_its_lengths() {
        let mut room = [0; 2048];
        let to = SocketAddr::from(([192, 0, 2, 10], 5060));
        for n in 0..1_000 {
            let octets = packet(&mut room, source(n), to, n);
            assert!((HEADERS + 8..1400).contains(&octets));
            assert_eq!(usize::from(u16::from_be_bytes([room[2], room[3]])), octets);
            assert_eq!(
                usize::from(u16::from_be_bytes([room[24], room[25]])),
                octets - 20
            );
        }
    }
}

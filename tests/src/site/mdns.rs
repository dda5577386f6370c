//! Questions by multicast DNS (RFC 6762).

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Result;
use socket2::{Domain, Protocol, Socket, Type};

use super::Place;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// Asks everybody on the wire of `place`, from one of its addresses, for the address of `NAME.local`; the
/// one that is answered, or `None` when nobody answers within `wait`. Asks each second.
///
/// # Errors
/// When the question cannot be sent.
pub fn ask(place: &Place, from: Ipv4Addr, name: &str, wait: Duration) -> Result<Option<Ipv4Addr>> {
    let socket = place.within(|| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((from, PORT)).into())?;
        socket.join_multicast_v4(&GROUP, &from)?;
        socket.set_multicast_if_v4(&from)?;
        socket.set_multicast_loop_v4(false)?;
        socket.set_multicast_ttl_v4(255)?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        Ok(UdpSocket::from(socket))
    })?;
    let question = question(name);
    let started = Instant::now();
    let mut again = started;
    let mut buffer = [0; 2_048];
    while started.elapsed() < wait {
        if again <= Instant::now() {
            socket.send_to(&question, (GROUP, PORT))?;
            again += Duration::from_secs(1);
        }
        let Ok((length, _)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        if let Some(address) = answer(&buffer[..length], name) {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in [name, "local"] {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

/// One question for an A record, the answer to come to the asker alone (5.4).
fn question(name: &str) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    out.extend(labels(name));
    out.extend([0, 1, 0x80, 1]);
    out
}

/// The A record of the name in an answer. Its name is written out at least once before it.
fn answer(packet: &[u8], name: &str) -> Option<Ipv4Addr> {
    let is_answer = packet.get(2)? & 0x80 != 0;
    let lower = packet.to_ascii_lowercase();
    let named = labels(&name.to_ascii_lowercase());
    let known = lower.windows(named.len()).any(|part| part == named);
    if !is_answer || !known {
        return None;
    }
    address(packet)
}

/// The first A record: type A, class IN with or without "flush", a TTL, four octets.
pub(super) fn address(packet: &[u8]) -> Option<Ipv4Addr> {
    let record = packet.windows(14).find(|part| {
        part[..2] == [0, 1] && part[2] & 0x7f == 0 && part[3] == 1 && part[8..10] == [0, 4]
    })?;
    let octets: [u8; 4] = record[10..].try_into().ok()?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        packet.extend(labels("box-1"));
        packet.extend([0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 192, 168, 77, 2]);
        let found = Some(Ipv4Addr::new(192, 168, 77, 2));
        assert_eq!(answer(&packet, "box-1"), found);
        assert_eq!(answer(&packet, "box-2"), None);
        packet[2] = 0;
        assert_eq!(answer(&packet, "box-1"), None);
    }
}

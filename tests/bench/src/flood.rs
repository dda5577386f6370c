//! Strangers that send datagrams to the server while a client is measured.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    call::mix,
    socket::{self, Inbox, Outbox},
};

/// Addresses that strangers send from: 127.0.0.66 and the next ones.
const ADDRESSES: u8 = 64;
/// Datagrams sent in one go; few, since the client's own calls wait meanwhile.
pub const BURST: u64 = 4;

/// What sends beside a client while it is measured, on the client's core and in turns with it.
pub trait Beside {
    /// Sends what is due, at most a few datagrams.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    fn turn(&mut self, now: Instant) -> Result<()>;
}

/// How many datagrams, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// In a second.
    pub rate: u32,
    /// In all.
    pub total: u64,
}

impl Flood {
    /// How many are to be sent in one turn, of which `sent` have been.
    pub fn due(&self, since: Instant, now: Instant, sent: u64) -> u64 {
        let due = (now - since).as_secs_f64() * f64::from(self.rate);
        (due as u64).min(self.total).saturating_sub(sent).min(BURST)
    }
}

/// The strangers' sockets.
pub struct Strangers {
    flood: Flood,
    server: SocketAddr,
    sockets: Vec<UdpSocket>,
    outbox: Outbox,
    started: Option<Instant>,
    sent: u64,
}

impl Strangers {
    /// # Errors
    /// When the addresses cannot be bound.
    pub fn new(flood: Flood, server: SocketAddr) -> Result<Self> {
        let mut sockets = Vec::new();
        for n in 0..ADDRESSES {
            let socket = socket::bind(SocketAddr::from(([127, 0, 0, 66 + n], 0)))?;
            socket.connect(server)?;
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
        Ok(Strangers {
            flood,
            server,
            sockets,
            outbox: Outbox::default(),
            started: None,
            sent: 0,
        })
    }

    /// Datagrams sent, and datagrams that came back (there should be none).
    ///
    /// # Errors
    /// What the kernel says.
    pub fn result(&mut self) -> Result<(u64, u64)> {
        std::thread::sleep(Duration::from_millis(100));
        let mut inbox = Inbox::default();
        let mut back = 0;
        for socket in &self.sockets {
            loop {
                match inbox.receive(socket)? {
                    0 => break,
                    got => back += got as u64,
                }
            }
        }
        Ok((self.sent, back))
    }
}

impl Beside for Strangers {
    fn turn(&mut self, now: Instant) -> Result<()> {
        let started = *self.started.get_or_insert(now);
        let count = self.flood.due(started, now, self.sent);
        if count == 0 {
            return Ok(());
        }
        let socket = &self.sockets[(self.sent / BURST % u64::from(ADDRESSES)) as usize];
        for _ in 0..count {
            self.outbox
                .add(socket, |room| stranger(room, self.server, self.sent))?;
            self.sent += 1;
        }
        self.outbox.flush(socket)?;
        Ok(())
    }
}

/// The `n`th datagram of a stranger: a scanner's INVITE, REGISTER and OPTIONS, and noise.
///
/// At most 600 octets, all within `room`.
pub fn stranger(room: &mut [u8], server: SocketAddr, n: u64) -> usize {
    use std::io::Write as _;
    let mixed = mix(n);
    let method = ["INVITE", "REGISTER", "OPTIONS"][(mixed % 3) as usize];
    let whole = room.len();
    let mut rest = &mut room[..];
    if mixed & 0xF0 == 0 {
        // Noise of 8 to 263 octets that is no SIP at all.
        let octets = 8 + (mixed >> 8 & 0xFF) as usize;
        let noise = mixed.to_le_bytes();
        rest[..octets]
            .iter_mut()
            .zip(noise.iter().cycle())
            .for_each(|(octet, value)| *octet = *value);
        return octets;
    }
    let written = write!(
        rest,
        "{method} sip:9011972592{:06}@{server} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 203.0.113.9:5071;branch=z9hG4bK-{mixed:016x};rport\r\n\
         Content-Length: 0\r\nFrom: \"sipvicious\"<sip:100@1.1.1.1>;tag={mixed:x}\r\nAccept: application/sdp\r\n\
         User-Agent: friendly-scanner\r\nTo: \"sipvicious\"<sip:100@1.1.1.1>\r\n\
         Contact: sip:100@203.0.113.9:5071\r\nCSeq: 1 {method}\r\nCall-ID: {mixed:020}\r\nMax-Forwards: 70\r\n\r\n",
        mixed % 1_000_000
    );
    let left = rest.len();
    if written.is_ok() { whole - left } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::ROOM;

    #[test]
    fn strangers_stay_in_their_room() {
        for n in 0..10_000 {
            let octets = stranger(&mut [0; ROOM], SocketAddr::from(([127, 0, 0, 1], 5100)), n);
            assert!((8..1000).contains(&octets));
        }
    }
}

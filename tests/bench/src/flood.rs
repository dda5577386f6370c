//! Strangers that send datagrams to the server while a client is measured.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    message,
    socket::{self, Inbox, Outbox},
};

/// Addresses that strangers send from: 127.0.0.66 and the next ones.
const ADDRESSES: u8 = 64;
/// Datagrams sent in one go; few, since the client's own calls wait meanwhile.
const BURST: u64 = 4;

/// How many datagrams, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// In a second.
    pub rate: u32,
    /// In all.
    pub total: u64,
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

    /// Sends what is due, at most a few datagrams.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn turn(&mut self, now: Instant) -> Result<()> {
        let started = *self.started.get_or_insert(now);
        let due = (now - started).as_secs_f64() * f64::from(self.flood.rate);
        let count = (due as u64)
            .min(self.flood.total)
            .saturating_sub(self.sent)
            .min(BURST);
        if count == 0 {
            return Ok(());
        }
        let socket = &self.sockets[(self.sent / BURST % u64::from(ADDRESSES)) as usize];
        for _ in 0..count {
            self.outbox.add(socket, |room| {
                message::stranger(room, self.server, self.sent)
            })?;
            self.sent += 1;
        }
        self.outbox.flush(socket)?;
        Ok(())
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

//! Samples of dropped packets, as the kernel logs them to a netlink group. The packets themselves are
//! not looked into here: that is for the daemon, which has no privilege to lose.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::errno::Errno;

use crate::{
    kernel::{self, Socket, ULOG, attributes, messages, request},
    protocol::{SAMPLES, SNAP, Sample},
    render::{self, LOG_GROUP},
};

/// Messages and attributes of linux/netfilter/nfnetlink_log.h.
const PACKET: u8 = 0;
const CONFIGURE: u8 = 1;
const COMMAND: u16 = 1;
const MODE: u16 = 2;
const FLUSH_AFTER: u16 = 4;
const BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;

/// Octets that may wait: some hundred packets.
const ROOM: usize = 256 << 10;

/// Hears of dropped packets.
pub struct Samples {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Samples {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the kernel logs to nobody, or to somebody else already.
    pub fn open() -> io::Result<Samples> {
        let socket = Socket::open(0)?;
        socket.room(ROOM);
        let mut samples = Samples {
            socket,
            buffer: vec![0; 1 << 17],
        };
        let range = u32::try_from(SNAP).unwrap_or(u32::MAX).to_be_bytes();
        let mode = [&range[..], &[COPY_PACKET, 0]].concat();
        // In hundredths of a second: a sample is not worth waiting a second for.
        let soon = 20u32.to_be_bytes().to_vec();
        samples.configure(1, &[(COMMAND, vec![BIND])])?;
        samples.configure(2, &[(MODE, mode), (FLUSH_AFTER, soon)])?;
        Ok(samples)
    }

    fn configure(&mut self, sequence: u32, what: &[(u16, Vec<u8>)]) -> io::Result<()> {
        let message = request((ULOG, CONFIGURE), false, sequence, (0, LOG_GROUP), what);
        self.socket.send(&message)?;
        loop {
            let length = self.socket.receive(&mut self.buffer)?;
            for message in messages(&self.buffer[..length]) {
                if let Some(outcome) = message.error() {
                    return outcome;
                }
            }
        }
    }

    /// Takes what there is, [`SAMPLES`] at most, and how often the kernel had to drop some.
    pub fn read(&mut self) -> (Vec<Sample>, u32) {
        let (mut all, mut lost) = (Vec::new(), 0);
        while all.len() < SAMPLES {
            match self.socket.take(&mut self.buffer) {
                Ok(length) => {
                    let octets = &self.buffer[..length];
                    let packets = messages(octets).filter(|m| m.is(ULOG, PACKET));
                    all.extend(packets.filter_map(|m| sample(m.body)));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => lost += 1,
                Err(_) => break,
            }
        }
        lost += u32::try_from(all.len().saturating_sub(SAMPLES)).unwrap_or(0);
        all.truncate(SAMPLES);
        (all, lost)
    }
}

impl AsFd for Samples {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.0.as_fd()
    }
}

fn sample(body: &[u8]) -> Option<Sample> {
    let (mut rule, mut packet) = (None, None);
    for (kind, value) in attributes(body) {
        match kind {
            PREFIX => rule = Some(kernel::text(value)),
            PAYLOAD => packet = Some(value[..value.len().min(SNAP)].to_vec()),
            _ => {}
        }
    }
    // Another program's rule may log to the same group.
    let rule = rule.filter(|name| render::says(name).is_some())?;
    Some(Sample {
        rule,
        packet: packet?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_cut_and_of_a_known_rule() {
        let body = |prefix: &str, octets: usize| {
            let prefix = [prefix.as_bytes(), b"\0"].concat();
            let all = [(PREFIX, prefix), (PAYLOAD, vec![0x45; octets])];
            request((ULOG, PACKET), false, 0, (2, LOG_GROUP), &all)[20..].to_vec()
        };
        let read = sample(&body("outside-sip", 400)).unwrap();
        assert_eq!(
            (read.rule.as_str(), read.packet.len()),
            ("outside-sip", SNAP)
        );
        assert_eq!(sample(&body("somebody-else", 40)), None);
        assert_eq!(sample(&[1, 2, 3]), None);
    }
}

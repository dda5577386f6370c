//! Netlink's framing: messages of attributes (linux/netlink.h). Whatever the octets are, reading them
//! gives what is whole and stops.

use std::{io, os::fd::OwnedFd};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
        setsockopt, socket, sockopt,
    },
};

/// Header of a message, then that of netfilter's.
const HEADER: usize = 16;
const NETFILTER: usize = 4;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;
/// The two upper bits of an attribute's kind are flags.
const KIND: u16 = 0x3fff;

/// A socket to netfilter.
pub struct Socket(pub OwnedFd);

impl Socket {
    /// Opens one that hears of these groups (a bit each).
    ///
    /// # Errors
    /// Without netlink, or without the right to listen.
    pub fn open(groups: u32) -> io::Result<Socket> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )?;
        bind(
            std::os::fd::AsRawFd::as_raw_fd(&fd),
            &NetlinkAddr::new(0, groups),
        )?;
        Ok(Socket(fd))
    }

    /// Room for what comes while nobody reads. The kernel cuts it where it does not allow it.
    pub fn room(&self, octets: usize) {
        if setsockopt(&self.0, sockopt::RcvBufForce, &octets).is_err() {
            let _ = setsockopt(&self.0, sockopt::RcvBuf, &octets);
        }
    }

    /// # Errors
    /// The kernel's.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(raw(&self.0), message, MsgFlags::empty())?;
        Ok(())
    }

    /// Waits for messages.
    ///
    /// # Errors
    /// The kernel's; `TimedOut` where a time was set.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match recv(raw(&self.0), buffer, MsgFlags::empty()) {
                Ok(length) => return Ok(length),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the kernel does not answer by netlink",
                    ));
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Takes what is there, without waiting.
    ///
    /// # Errors
    /// `EAGAIN` where there is nothing, `ENOBUFS` where something was lost.
    pub fn take(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        recv(raw(&self.0), buffer, MsgFlags::MSG_DONTWAIT)
    }
}

fn raw(fd: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    kind: u16,
    /// The request that it answers.
    pub sequence: u32,
    /// After netfilter's header: attributes.
    pub body: &'a [u8],
    whole: &'a [u8],
}

impl Message<'_> {
    /// Is it this message of this subsystem?
    pub fn is(&self, subsystem: u8, message: u8) -> bool {
        self.kind == u16::from_be_bytes([subsystem, message])
    }

    /// Is it of this subsystem?
    pub fn of(&self, subsystem: u8) -> bool {
        self.kind.to_be_bytes()[0] == subsystem
    }

    /// The end of an answer: done, or the kernel's refusal.
    pub fn error(&self) -> Option<io::Result<()>> {
        match self.kind {
            DONE | ERROR => {
                let code = self
                    .whole
                    .first_chunk()
                    .map_or(0, |c| i32::from_ne_bytes(*c));
                Some(match code {
                    0.. => Ok(()),
                    code => Err(io::Error::from_raw_os_error(code.saturating_neg())),
                })
            }
            _ => None,
        }
    }
}

/// The messages in what was received.
pub fn messages(mut octets: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*octets.first_chunk()?) as usize;
        if length < HEADER || length > octets.len() {
            return None;
        }
        let message = &octets[..length];
        octets = octets.get(aligned(length)..).unwrap_or_default();
        let whole = &message[HEADER..];
        Some(Message {
            kind: u16::from_ne_bytes([message[4], message[5]]),
            sequence: u32::from_ne_bytes([message[8], message[9], message[10], message[11]]),
            body: whole.get(NETFILTER..).unwrap_or_default(),
            whole,
        })
    })
}

/// The attributes in a body, as kind and value.
pub fn attributes(mut octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [a, b, c, d] = *octets.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        if length < 4 || length > octets.len() {
            return None;
        }
        let value = &octets[4..length];
        octets = octets.get(aligned(length)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & KIND, value))
    })
}

/// A request to netfilter: (subsystem, message), (family, resource).
pub fn request(
    (subsystem, message): (u8, u8),
    dump: bool,
    sequence: u32,
    (family, resource): (u8, u16),
    attributes: &[(u16, Vec<u8>)],
) -> Vec<u8> {
    let flags = REQUEST | if dump { DUMP } else { ACKNOWLEDGE };
    let mut all = vec![0; 4];
    all.extend(u16::from_be_bytes([subsystem, message]).to_ne_bytes());
    all.extend(flags.to_ne_bytes());
    all.extend(sequence.to_ne_bytes());
    all.extend(0u32.to_ne_bytes());
    all.extend([family, 0]);
    all.extend(resource.to_be_bytes());
    for (kind, value) in attributes {
        // Ours are names and numbers of a few octets.
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        all.extend(length.to_ne_bytes());
        all.extend(kind.to_ne_bytes());
        all.extend(value);
        all.resize(aligned(all.len()), 0);
    }
    let length = u32::try_from(all.len()).unwrap_or(u32::MAX);
    all[..4].copy_from_slice(&length.to_ne_bytes());
    all
}

/// A text attribute, to its NUL.
pub fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// A number attribute; netfilter's are in network order.
pub fn u32_of(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_reads_as_it_was_written() {
        let asked = [(1, b"trunkguard\0".to_vec()), (3, vec![0, 0, 0, 1])];
        let octets = request((10, 19), true, 7, (1, 5_060), &asked);
        let all: Vec<Message<'_>> = messages(&octets).collect();
        assert_eq!(all.len(), 1);
        assert!(all[0].is(10, 19) && all[0].of(10) && all[0].sequence == 7);
        let read: Vec<(u16, &[u8])> = attributes(all[0].body).collect();
        assert_eq!(read, [(1, &b"trunkguard\0"[..]), (3, &[0, 0, 0, 1])]);
        assert_eq!(text(read[0].1), "trunkguard");
        assert_eq!(u32_of(read[1].1), Some(1));
    }

    proptest! {
        #[test]
        fn any_octets_end(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&octets) {
                let _ = message.error();
                prop_assert!(attributes(message.body).count() <= octets.len());
            }
            prop_assert!(attributes(&octets).count() <= octets.len());
        }
    }
}

//! rtnetlink (rtnetlink(7), linux/if_link.h): which links there are, that something about them has changed, and
//! a link up or down. Whatever the octets are, reading them gives what is whole and stops.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv,
            send, setsockopt, socket, sockopt,
        },
        time::TimeVal,
    },
};

/// Header of a message, then that of a link (struct ifinfomsg).
const HEADER: usize = 16;
const LINK: usize = 16;

const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEWLINK: u16 = 16;
const GETLINK: u16 = 18;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;
/// RTMGRP_LINK.
const GROUP_LINK: u32 = 1;

const NAME: u16 = 3;
const MASTER: u16 = 10;
const GROUP: u16 = 27;
const CARRIER_CHANGES: u16 = 35;
/// The two upper bits of an attribute's kind are flags.
const KIND: u16 = 0x3fff;

const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;

/// How long the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A link, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number of it; another one after it was unplugged and plugged in again.
    pub index: i32,
    /// Its name.
    pub name: String,
    /// The index of the bridge that it is a port of.
    pub master: Option<i32>,
    /// Its group (`ip link set … group`); 0 unless somebody sets it.
    pub group: u32,
    /// Switched on.
    pub up: bool,
    /// Switched on, and the other end is there.
    pub carrier: bool,
    /// How often the other end has come or gone.
    pub changes: u32,
}

/// Asks and orders, one at a time.
pub struct Links {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// Hears that something about a link has changed.
pub struct News {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

fn open(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

impl News {
    /// # Errors
    /// Without netlink.
    pub fn open() -> io::Result<News> {
        Ok(News {
            socket: open(GROUP_LINK)?,
            buffer: vec![0; 1 << 16],
        })
    }

    /// Takes all that is there. What it says does not matter, nor whether some of it was lost: the
    /// state is asked for afterwards.
    pub fn drain(&mut self) {
        // Bounded, so that somebody who changes links without end does not hold the loop.
        for _ in 0..1_000 {
            let fd = self.socket.as_raw_fd();
            if let Err(Errno::EAGAIN) = recv(fd, &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                break;
            }
        }
    }
}

impl AsFd for News {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Links {
    /// # Errors
    /// Without netlink.
    pub fn open() -> io::Result<Links> {
        let socket = open(0)?;
        let patience = TimeVal::new(PATIENCE.as_secs() as i64, 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
        Ok(Links {
            socket,
            sequence: 0,
            buffer: vec![0; 1 << 17],
        })
    }

    /// All links there are.
    ///
    /// # Errors
    /// The kernel's.
    pub fn all(&mut self) -> io::Result<Vec<Link>> {
        let mut all = Vec::new();
        self.ask(GETLINK, REQUEST | DUMP, [0; LINK], |kind, body| {
            if kind == NEWLINK {
                all.extend(link(body));
            }
        })?;
        Ok(all)
    }

    /// Switches a link on or off.
    ///
    /// # Errors
    /// The kernel's: without CAP_NET_ADMIN, or when the link has gone.
    pub fn switch(&mut self, index: i32, up: bool) -> io::Result<()> {
        let flags = if up { IFF_UP } else { 0 };
        let mut body = [0; LINK];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        body[8..12].copy_from_slice(&flags.to_ne_bytes());
        body[12..].copy_from_slice(&IFF_UP.to_ne_bytes());
        self.ask(NEWLINK, REQUEST | ACKNOWLEDGE, body, |_, _| {})
    }

    /// Sends one request and hands every message of its answer to `take`.
    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        body: [u8; LINK],
        mut take: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let message = request(kind, flags, sequence, body);
        send(self.socket.as_raw_fd(), &message, MsgFlags::empty())?;
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => {
                    let what = "the kernel does not answer by netlink";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, what));
                }
                Err(errno) => return Err(errno.into()),
            };
            for message in messages(&self.buffer[..length]) {
                // An answer that came too late for the question before.
                if message.sequence != sequence {
                    continue;
                }
                match message.kind {
                    DONE | ERROR => {
                        let code = message.body.first_chunk();
                        return match code.map_or(0, |c| i32::from_ne_bytes(*c)) {
                            0.. => Ok(()),
                            code => Err(io::Error::from_raw_os_error(code.saturating_neg())),
                        };
                    }
                    kind => take(kind, message.body),
                }
            }
        }
    }
}

fn request(kind: u16, flags: u16, sequence: u32, body: [u8; LINK]) -> Vec<u8> {
    let mut all = Vec::with_capacity(HEADER + LINK);
    all.extend(((HEADER + LINK) as u32).to_ne_bytes());
    all.extend(kind.to_ne_bytes());
    all.extend(flags.to_ne_bytes());
    all.extend(sequence.to_ne_bytes());
    all.extend(0u32.to_ne_bytes());
    all.extend(body);
    all
}

struct Message<'a> {
    kind: u16,
    sequence: u32,
    body: &'a [u8],
}

fn messages(mut octets: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*octets.first_chunk()?) as usize;
        if length < HEADER || length > octets.len() {
            return None;
        }
        let message = &octets[..length];
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([message[4], message[5]]),
            sequence: u32::from_ne_bytes([message[8], message[9], message[10], message[11]]),
            body: &message[HEADER..],
        })
    })
}

fn attributes(mut octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [a, b, c, d] = *octets.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        if length < 4 || length > octets.len() {
            return None;
        }
        let value = &octets[4..length];
        octets = octets.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & KIND, value))
    })
}

fn link(body: &[u8]) -> Option<Link> {
    let head: &[u8; LINK] = body.first_chunk()?;
    let word = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
    let flags = u32::from_ne_bytes(word(8));
    let mut link = Link {
        index: i32::from_ne_bytes(word(4)),
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_UP != 0 && flags & IFF_LOWER_UP != 0,
        ..Link::default()
    };
    for (kind, value) in attributes(&body[LINK..]) {
        let number = value.first_chunk().map(|n| u32::from_ne_bytes(*n));
        match (kind, number) {
            (NAME, _) => {
                let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
                link.name = String::from_utf8_lossy(&value[..end]).into_owned();
            }
            (MASTER, Some(index)) => link.master = i32::try_from(index).ok(),
            (GROUP, Some(group)) => link.group = group,
            (CARRIER_CHANGES, Some(changes)) => link.changes = changes,
            _ => {}
        }
    }
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut all = (value.len() as u16 + 4).to_ne_bytes().to_vec();
        all.extend(kind.to_ne_bytes());
        all.extend(value);
        all.resize(all.len().next_multiple_of(4), 0);
        all
    }

    #[test]
    fn a_link_is_read_as_the_kernel_writes_it() {
        let mut body = [0; LINK];
        body[4..8].copy_from_slice(&7i32.to_ne_bytes());
        body[8..12].copy_from_slice(&(IFF_UP | IFF_LOWER_UP).to_ne_bytes());
        let mut octets = request(NEWLINK, 0, 3, body);
        for (kind, value) in [
            (NAME, &b"port1\0"[..]),
            (MASTER, &9u32.to_ne_bytes()),
            (GROUP, &2u32.to_ne_bytes()),
            (CARRIER_CHANGES, &5u32.to_ne_bytes()),
            (99, b"else"),
        ] {
            octets.extend(attribute(kind, value));
        }
        let length = octets.len() as u32;
        octets[..4].copy_from_slice(&length.to_ne_bytes());
        let read: Vec<Message<'_>> = messages(&octets).collect();
        assert_eq!((read.len(), read[0].sequence), (1, 3));
        let expected = Link {
            index: 7,
            name: "port1".into(),
            master: Some(9),
            group: 2,
            up: true,
            carrier: true,
            changes: 5,
        };
        assert_eq!(link(read[0].body), Some(expected));
    }

    #[test]
    fn the_kernel_says_its_own_links() {
        let all = Links::open().unwrap().all().unwrap();
        assert!(
            all.iter().any(|link| link.name == "lo" && link.index > 0),
            "{all:?}"
        );
    }

    proptest! {
        #[test]
        fn any_octets_end(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&octets) {
                let _ = link(message.body);
            }
            let _ = link(&octets);
            prop_assert!(attributes(&octets).count() <= octets.len());
        }
    }
}

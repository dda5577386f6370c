//! What the kernel says of itself by netlink: asked without starting nft, which reads every ban
//! before it answers anything (0.9 s with 100,000 of them).

mod netlink;

use std::{io, time::Duration};

use nix::sys::{
    socket::{setsockopt, sockopt},
    time::TimeVal,
};

pub use netlink::{Message, Socket, attributes, messages, request, text, u32_of};

use crate::{protocol::Counter, render::TABLE};

/// Subsystem of nf_tables (linux/netfilter/nfnetlink.h).
pub const NFTABLES: u8 = 10;
/// Subsystem of nfnetlink_log.
pub const ULOG: u8 = 4;

/// Messages of linux/netfilter/nf_tables.h.
pub const NEWGEN: u8 = 15;
const NEWTABLE: u8 = 0;
const GETTABLE: u8 = 1;
const NEWRULE: u8 = 6;
const GETRULE: u8 = 7;
const GETGEN: u8 = 16;
const NEWOBJ: u8 = 18;
const GETOBJ: u8 = 19;

/// Attributes of [`NEWGEN`]: the generation, who made it.
pub const GEN_ID: u16 = 1;
pub const GEN_PROC_PID: u16 = 2;
pub const GEN_PROC_NAME: u16 = 3;
/// The table's name is attribute 1 of every message about one.
pub const TABLE_NAME: u16 = 1;

const OBJ_NAME: u16 = 2;
const OBJ_TYPE: u16 = 3;
const OBJ_DATA: u16 = 4;
const OBJECT_COUNTER: u32 = 1;
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;

/// How long the kernel may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A family of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4 and IPv6.
    Inet = 1,
    /// Frames that a bridge hands on.
    Bridge = 7,
}

/// Asks questions and gets answers, one at a time.
pub struct Kernel {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Kernel {
    /// # Errors
    /// Without netlink.
    pub fn open() -> io::Result<Kernel> {
        let socket = Socket::open(0)?;
        let patience = TimeVal::new(PATIENCE.as_secs() as i64, 0);
        setsockopt(&socket.0, sockopt::ReceiveTimeout, &patience)?;
        Ok(Kernel {
            socket,
            sequence: 0,
            buffer: vec![0; 1 << 16],
        })
    }

    /// How often rules have been changed in this network namespace, by anybody.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn generation(&mut self) -> io::Result<u32> {
        let mut found = None;
        self.ask(GETGEN, 0, false, &[], |message| {
            if message.is(NFTABLES, NEWGEN) {
                found = attributes(message.body)
                    .find(|(kind, _)| *kind == GEN_ID)
                    .and_then(|(_, value)| u32_of(value));
            }
        })?;
        found.ok_or_else(|| io::Error::other("the kernel does not say its generation of rules"))
    }

    /// Is there a table of ours?
    ///
    /// # Errors
    /// The kernel's refusal, but for "no such table" and "no such family".
    pub fn has_table(&mut self, family: Family) -> io::Result<bool> {
        let mut found = false;
        let name = [(TABLE_NAME, [TABLE.as_bytes(), b"\0"].concat())];
        let asked = self.ask(GETTABLE, family as u8, false, &name, |message| {
            found |= message.is(NFTABLES, NEWTABLE);
        });
        match asked {
            Ok(()) => Ok(found),
            Err(problem) => match problem.raw_os_error().map(nix::errno::Errno::from_raw) {
                Some(nix::errno::Errno::ENOENT | nix::errno::Errno::EAFNOSUPPORT) => Ok(false),
                _ => Err(problem),
            },
        }
    }

    /// How many rules our table has.
    ///
    /// # Errors
    /// The kernel's refusal; no table is no error.
    pub fn rules(&mut self, family: Family) -> io::Result<usize> {
        let mut found = 0;
        let wanted = [(TABLE_NAME, [TABLE.as_bytes(), b"\0"].concat())];
        self.ask(GETRULE, family as u8, true, &wanted, |message| {
            let ours = message.is(NFTABLES, NEWRULE)
                && attributes(message.body)
                    .any(|(kind, value)| kind == TABLE_NAME && text(value) == TABLE);
            found += usize::from(ours);
        })?;
        Ok(found)
    }

    /// The counters of our table.
    ///
    /// # Errors
    /// The kernel's refusal; no table is no error.
    pub fn counters(&mut self, family: Family) -> io::Result<Vec<Counter>> {
        let mut found = Vec::new();
        let wanted = [
            (TABLE_NAME, [TABLE.as_bytes(), b"\0"].concat()),
            (OBJ_TYPE, OBJECT_COUNTER.to_be_bytes().to_vec()),
        ];
        self.ask(GETOBJ, family as u8, true, &wanted, |message| {
            if message.is(NFTABLES, NEWOBJ) {
                found.extend(counter(message.body));
            }
        })?;
        Ok(found)
    }

    /// Sends one request and hands every message of its answer to `take`.
    fn ask(
        &mut self,
        message: u8,
        family: u8,
        dump: bool,
        attributes: &[(u16, Vec<u8>)],
        mut take: impl FnMut(&Message<'_>),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket.send(&request(
            (NFTABLES, message),
            dump,
            sequence,
            (family, 0),
            attributes,
        ))?;
        loop {
            let length = self.socket.receive(&mut self.buffer)?;
            for message in messages(&self.buffer[..length]) {
                // An answer that came too late for the question before.
                if message.sequence != sequence {
                    continue;
                }
                if let Some(problem) = message.error() {
                    return problem;
                }
                take(&message);
            }
        }
    }
}

fn counter(body: &[u8]) -> Option<Counter> {
    let (mut name, mut packets, mut bytes, mut ours) = (None, None, None, false);
    for (kind, value) in attributes(body) {
        match kind {
            TABLE_NAME => ours = text(value) == TABLE,
            OBJ_NAME => name = Some(text(value)),
            OBJ_DATA => {
                for (kind, value) in attributes(value) {
                    let value = value.try_into().ok().map(u64::from_be_bytes);
                    match kind {
                        COUNTER_BYTES => bytes = value,
                        COUNTER_PACKETS => packets = value,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    ours.then_some(Counter {
        name: name?,
        packets: packets?,
        bytes: bytes?,
    })
}

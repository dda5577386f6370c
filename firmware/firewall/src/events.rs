//! Who changes our tables: the kernel tells of every transaction, and who made it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::errno::Errno;

use crate::{
    kernel::{
        self, GEN_ID, GEN_PROC_NAME, GEN_PROC_PID, Kernel, NEWGEN, NFTABLES, Socket, TABLE_NAME,
        attributes, messages,
    },
    render::TABLE,
};

/// The group of nf_tables' transactions (NFNLGRP_NFTABLES, 7), as a bit.
const GROUP: u32 = 1 << 6;
/// Octets that may wait. A load of 5,000 addresses tells of each of them.
const ROOM: usize = 8 << 20;
/// Datagrams taken at one go, so that somebody who changes rules without end does not hold the loop.
const AT_ONCE: usize = 10_000;

/// Hears of transactions.
pub struct Watch {
    socket: Socket,
    kernel: Kernel,
    buffer: Vec<u8>,
    /// The last transaction that is accounted for. They are numbered.
    seen: u32,
    /// What was told of the transaction that has not ended yet is about a table of ours.
    touched: bool,
}

/// Somebody else changed a table of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign(pub String);

/// One transaction that touched a table of ours.
struct Change {
    generation: u32,
    pid: u32,
    name: String,
}

/// What has been taken from the socket.
#[derive(Default)]
struct Heard {
    changes: Vec<Change>,
    last: Option<u32>,
    lost: bool,
}

impl Watch {
    /// Begins to listen.
    ///
    /// # Errors
    /// Without the right to (CAP_NET_ADMIN).
    pub fn open() -> io::Result<Watch> {
        let socket = Socket::open(GROUP)?;
        socket.room(ROOM);
        let mut kernel = Kernel::open()?;
        let seen = kernel.generation()?;
        Ok(Watch {
            socket,
            kernel,
            buffer: vec![0; 1 << 18],
            seen,
            touched: false,
        })
    }

    /// Runs something that loads rules in one transaction and returns the process that did, or why it
    /// did not. Says as well whether somebody else was at our tables meanwhile.
    pub fn own<E>(
        &mut self,
        load: impl FnOnce() -> Result<u32, E>,
    ) -> (Result<u32, E>, Option<Foreign>) {
        let before = self.seen;
        let outcome = load();
        let expected = match outcome {
            Ok(_) => next(before),
            Err(_) => before,
        };
        // Where only one transaction has been made since, it is ours; and then it does not matter if
        // the news of it was too much for the socket. Process ids would not do: in a container ours
        // are others than the kernel's.
        let now = self.kernel.generation();
        let alone = now.as_ref().is_ok_and(|now| *now == expected);
        let heard = self.hear();
        if let Ok(now) = now {
            self.seen = heard.last.filter(|last| ahead(*last, now)).unwrap_or(now);
        }
        if alone && self.seen == expected {
            return (outcome, None);
        }
        let pid = outcome.as_ref().ok().copied();
        let ours = |c: &Change| Some(c.pid) == pid || (alone && c.generation == expected);
        let foreign = match heard.lost && !alone {
            true => Some(lost()),
            false => heard
                .changes
                .into_iter()
                .find(|c| !ours(c))
                .map(Change::told),
        };
        (outcome, foreign)
    }

    /// Takes what there is to hear. Says whether somebody was at our tables.
    pub fn read(&mut self) -> Option<Foreign> {
        let heard = self.hear();
        self.seen = match (heard.lost, heard.last) {
            (false, Some(last)) => last,
            (false, None) => self.seen,
            (true, last) => (self.kernel.generation().ok())
                .or(last)
                .unwrap_or(self.seen),
        };
        match heard.lost {
            true => Some(lost()),
            false => heard.changes.into_iter().next().map(Change::told),
        }
    }

    fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        for _ in 0..AT_ONCE {
            match self.socket.take(&mut self.buffer) {
                Ok(length) => take(&self.buffer[..length], &mut self.touched, &mut heard),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(_) => {
                    heard.lost = true;
                    self.touched = false;
                }
            }
        }
        heard
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.0.as_fd()
    }
}

/// What was changed comes first, and at its end which transaction it was and who made it.
fn take(octets: &[u8], touched: &mut bool, heard: &mut Heard) {
    for message in messages(octets) {
        if message.is(NFTABLES, NEWGEN) {
            let mut change = Change {
                generation: 0,
                pid: 0,
                name: String::new(),
            };
            for (kind, value) in attributes(message.body) {
                match kind {
                    GEN_ID => change.generation = kernel::u32_of(value).unwrap_or(0),
                    GEN_PROC_PID => change.pid = kernel::u32_of(value).unwrap_or(0),
                    GEN_PROC_NAME => change.name = kernel::text(value),
                    _ => {}
                }
            }
            heard.last = Some(change.generation);
            if std::mem::take(touched) {
                heard.changes.push(change);
            }
        } else if message.of(NFTABLES) {
            *touched |= attributes(message.body)
                .any(|(kind, value)| kind == TABLE_NAME && kernel::text(value) == TABLE);
        }
    }
}

impl Change {
    fn told(self) -> Foreign {
        // A process can name itself anything.
        let name: String = (self.name.chars())
            .filter(|c| c.is_ascii_graphic())
            .take(32)
            .collect();
        Foreign(format!(
            "table {TABLE} was changed by `{name}` (process {})",
            self.pid
        ))
    }
}

fn lost() -> Foreign {
    Foreign("rules were changed faster than one can follow".into())
}

/// The transaction after this one; none has number 0.
fn next(generation: u32) -> u32 {
    match generation.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

/// Is `a` not before `b`, in numbers that begin anew some day?
fn ahead(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        kernel::request((NFTABLES, kind), false, 0, (1, 0), attributes)
    }

    fn ended(generation: u32, name: &str) -> Vec<u8> {
        let pid = 42u32.to_be_bytes().to_vec();
        let name = [name.as_bytes(), b"\0"].concat();
        let id = generation.to_be_bytes().to_vec();
        message(
            NEWGEN,
            &[(GEN_ID, id), (GEN_PROC_PID, pid), (GEN_PROC_NAME, name)],
        )
    }

    fn table(name: &str) -> Vec<u8> {
        message(2, &[(TABLE_NAME, [name.as_bytes(), b"\0"].concat())])
    }

    #[test]
    fn only_our_table_counts() {
        let (mut touched, mut heard) = (false, Heard::default());
        let octets = [
            table("filter"),
            ended(5, "nft"),
            table("filter"),
            table("trunkguard"),
        ];
        take(&octets.concat(), &mut touched, &mut heard);
        assert!(heard.changes.is_empty() && touched);
        take(&ended(6, "evil\x1b[2Jname"), &mut touched, &mut heard);
        assert!(!touched);
        assert_eq!(heard.last, Some(6));
        let told = heard.changes.remove(0).told();
        assert!(told.0.contains("`evil[2Jname` (process 42)"), "{told:?}");
    }

    #[test]
    fn numbers_of_transactions_begin_anew() {
        assert_eq!(next(u32::MAX), 1);
        assert!(ahead(3, 3) && ahead(1, u32::MAX) && !ahead(3, 4));
    }
}

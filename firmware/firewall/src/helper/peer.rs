//! One connection to the helper: frames in, frames out, and never a wait.

use std::{
    io::{ErrorKind, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use nix::poll::PollFlags;

use crate::protocol::{self, Frame, LONGEST, Order};

/// Octets of events that wait for a peer; more are dropped.
const EVENTS: usize = 256 << 10;
/// Octets that wait for a peer at all. One that asks and does not read is closed.
const WORDS: usize = 4 << 20;
/// Octets read at one go.
const PIECE: usize = 64 << 10;

/// A connection.
pub struct Peer {
    stream: UnixStream,
    heard: Vec<u8>,
    words: Vec<u8>,
    gone: bool,
}

impl Peer {
    /// Takes a connection that does not block.
    pub fn new(stream: UnixStream) -> Peer {
        Peer {
            stream,
            heard: Vec::new(),
            words: Vec::new(),
            gone: false,
        }
    }

    /// What to wait for: who does not take its answers is not read either.
    pub fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        if !self.has_order() && self.words.len() < EVENTS {
            flags |= PollFlags::POLLIN;
        }
        if self.has_words() {
            flags |= PollFlags::POLLOUT;
        }
        flags
    }

    /// Takes what has come.
    pub fn read(&mut self) {
        // A frame and its length, and never more.
        let room = (LONGEST + 4).saturating_sub(self.heard.len()).min(PIECE);
        if self.has_order() || room == 0 {
            return;
        }
        let before = self.heard.len();
        self.heard.resize(before + room, 0);
        let read = self.stream.read(&mut self.heard[before..]);
        self.heard.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.gone = true,
            Ok(_) => {}
            Err(problem) => self.gone |= !later(&problem),
        }
    }

    /// Is a whole frame there, or one that never will be?
    pub fn has_order(&self) -> bool {
        match self.heard.first_chunk().map(|c| u32::from_be_bytes(*c)) {
            Some(length) if length as usize > LONGEST => true,
            Some(length) => self.heard.len() - 4 >= length as usize,
            None => false,
        }
    }

    /// The next order.
    ///
    /// # Errors
    /// A frame that is too long or not understood.
    pub fn order(&mut self) -> std::io::Result<Option<Order>> {
        if !self.has_order() {
            return Ok(None);
        }
        let mut rest = self.heard.as_slice();
        let order = protocol::read(&mut rest)?;
        self.heard = rest.to_vec();
        Ok(Some(order))
    }

    /// Puts an answer in line.
    pub fn reply(&mut self, frame: &Frame) {
        let written = protocol::write(&mut self.words, frame);
        self.gone |= written.is_err() || self.words.len() > WORDS;
    }

    /// Puts an event in line. False where there is no place.
    pub fn tell(&mut self, frame: &Frame) -> bool {
        self.words.len() < EVENTS && protocol::write(&mut self.words, frame).is_ok()
    }

    /// Is there something that it has not taken yet?
    pub fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// Hands over what it takes.
    pub fn write(&mut self) {
        match self.stream.write(&self.words) {
            Ok(written) => {
                self.words.drain(..written);
            }
            Err(problem) => self.gone |= !later(&problem),
        }
    }

    /// Ends it.
    pub fn close(&mut self) {
        self.gone = true;
    }

    /// Has it ended?
    pub fn is_gone(&self) -> bool {
        self.gone
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn later(problem: &std::io::Error) -> bool {
    matches!(
        problem.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}

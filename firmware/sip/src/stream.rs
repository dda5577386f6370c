//! Messages out of a stream (RFC 3261 18.3, RFC 5626 3.5.1): one bounded buffer per connection.

use crate::{
    limits,
    lines::{Lines, split_line},
    name::Name,
    text::{number, trim},
};

/// A body is read and thrown away with its message.
const BODY: usize = 64 * 1024;

/// Cuts a stream into messages.
pub struct Framer {
    buffer: Vec<u8>,
    /// Octets at the front that were handed out already.
    done: usize,
    /// Octets from `done` on that the message begun has, where its header is there.
    expected: usize,
    broken: bool,
}

/// What comes next out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// Feed more.
    More,
    /// A keep-alive (CRLFCRLF): answer with one CRLF.
    Pong,
    /// One whole message.
    Message(&'a [u8]),
    /// The stream cannot be cut any more: answer what this asks for, then close.
    Broken(&'a [u8]),
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// For a new connection.
    pub fn new() -> Self {
        Framer {
            buffer: Vec::new(),
            done: 0,
            expected: 0,
            broken: false,
        }
    }

    /// Takes octets from the stream, as many as fit; answers how many.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        self.buffer.drain(..self.done);
        self.done = 0;
        let room = limits::MESSAGE + BODY + 4 - self.buffer.len().min(limits::MESSAGE + BODY + 4);
        let taken = room.min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// Nothing is there of a message that has begun. Half a keep-alive is none.
    pub fn is_empty(&self) -> bool {
        self.buffer[self.done..]
            .iter()
            .all(|b| matches!(b, b'\r' | b'\n'))
    }

    /// The next whole thing. Call until [`Next::More`].
    // An iterator's items could not borrow from the buffer.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Next<'_> {
        let rest = &self.buffer[self.done..];
        if self.broken || rest.len() < self.expected {
            return Next::More;
        }
        self.expected = 0;
        if rest.starts_with(b"\r\n\r\n") {
            self.done += 4;
            return Next::Pong;
        }
        // Lone line ends before a message are passed over, but a ping may still be on its way.
        let blank = rest
            .iter()
            .take_while(|&&b| b == b'\r' || b == b'\n')
            .count();
        if blank > 0 && (blank < rest.len() || blank > 3) {
            self.done += blank;
        } else if blank > 0 {
            return Next::More;
        }
        let from = self.done;
        let rest = &self.buffer[from..];
        let Some(header) = header_length(rest) else {
            if rest.len() > limits::MESSAGE {
                self.broken = true;
                self.done = self.buffer.len();
                return Next::Broken(&self.buffer[from..]);
            }
            return Next::More;
        };
        match content_length(&rest[..header]) {
            Some(length) if length <= BODY && header <= limits::MESSAGE => {
                if rest.len() < header + length {
                    self.expected = header + length;
                    return Next::More;
                }
                self.done = from + header + length;
                Next::Message(&self.buffer[from..self.done])
            }
            _ => {
                self.broken = true;
                self.done = self.buffer.len();
                Next::Broken(&self.buffer[from..from + header])
            }
        }
    }
}

/// Octets up to and with the empty line.
fn header_length(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'\n', &bytes[from..])?;
        let next = &bytes[end + 1..];
        if next.starts_with(b"\r\n") {
            return Some(end + 3);
        }
        if next.starts_with(b"\n") {
            return Some(end + 2);
        }
        from = end + 1;
    }
}

/// The Content-Length, if there is exactly one and it is a number.
fn content_length(header: &[u8]) -> Option<usize> {
    let (_, lines) = split_line(header)?;
    let mut found = None;
    for line in Lines::new(lines) {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        if Name::of(trim(&line[..colon])) == Some(Name::ContentLength) {
            let length = number(trim(&line[colon + 1..]), u64::from(u32::MAX))? as usize;
            if found.replace(length).is_some() {
                return None;
            }
        }
    }
    found
}

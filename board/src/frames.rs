//! What the daemon and the panel's process say to each other: frames of a 4-octet length (big endian)
//! and that many octets of JSON, over a Unix stream socket, as the firewall's helper has them.
//!
//! The daemon says its [`State`](trunkguard_core::panel::State), when it changes and at least once in
//! [`EVERY_MS`]; the panel says each [`Press`](trunkguard_core::panel::Press). Neither answers.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
};

use heapless::Vec;
use serde::{Serialize, de::DeserializeOwned};

/// Octets of one frame's JSON: several times the longest message.
pub(crate) const LONGEST: usize = 1_024;
/// The daemon speaks at least so often, in milliseconds.
pub(crate) const EVERY_MS: u64 = 1_000;

/// One end of a connection that does not block.
#[derive(Debug)]
pub(crate) struct Frames {
    stream: UnixStream,
    heard: Vec<u8, { LONGEST + 4 }>,
}

impl Frames {
    /// Takes a connection.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Frames> {
        stream.set_nonblocking(true)?;
        Ok(Frames {
            stream,
            heard: Vec::new(),
        })
    }

    /// The connection.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Says something.
    ///
    /// # Errors
    /// When the other end has gone, or takes nothing: a message is too small for the second half of it
    /// to be worth waiting for.
    pub(crate) fn say(&mut self, message: &impl Serialize) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let mut frame = std::vec::Vec::with_capacity(4 + body.len());
        frame.extend(length.to_be_bytes());
        frame.extend(body);
        match self.stream.write(&frame)? {
            written if written == frame.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    /// The next thing that was said; `None` when nothing more has come.
    ///
    /// # Errors
    /// When the other end has gone, or has sent what is too long or not understood.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        if let Some(message) = self.next()? {
            return Ok(Some(message));
        }
        let mut buffer = [0; LONGEST + 4];
        let room = buffer.len() - self.heard.len();
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                // No more was read than there is room for.
                let _ = self.heard.extend_from_slice(&buffer[..read]);
                self.next()
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(length) = self.heard.first_chunk().map(|c| u32::from_be_bytes(*c)) else {
            return Ok(None);
        };
        let length = length as usize;
        if length > LONGEST {
            let what = format!("a frame of {length} octets; at most {LONGEST}");
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        let Some(body) = self.heard.get(4..4 + length) else {
            return Ok(None);
        };
        let message =
            serde_json::from_slice(body).map_err(|e| io::Error::new(ErrorKind::InvalidData, e));
        let rest = self.heard.len() - 4 - length;
        self.heard.copy_within(4 + length.., 0);
        self.heard.truncate(rest);
        message.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkguard_core::{
        panel::{Press, Service, State, Why},
        policy::Mode,
    };

    fn pair() -> (Frames, UnixStream) {
        let (a, b) = UnixStream::pair().unwrap();
        (Frames::new(a).unwrap(), b)
    }

    #[test]
    fn what_is_said_is_heard_in_any_pieces() {
        let state = State {
            service: Service::Degraded(Why::Firewall),
            mode: Mode::Lockdown,
            alert: true,
            setup_window: true,
        };
        let (mut ours, theirs) = pair();
        let mut theirs = Frames::new(theirs).unwrap();
        ours.say(&state).unwrap();
        ours.say(&State::default()).unwrap();
        assert_eq!(theirs.hear::<State>().unwrap(), Some(state));
        assert_eq!(theirs.hear::<State>().unwrap(), Some(State::default()));
        assert_eq!(theirs.hear::<State>().unwrap(), None);

        let (mut ours, mut other) = pair();
        for (i, octet) in b"\0\0\0\x0d\"toggle-mode\"".iter().enumerate() {
            assert_eq!(ours.hear::<Press>().unwrap(), None, "{i}");
            other.write_all(&[*octet]).unwrap();
        }
        assert_eq!(ours.hear::<Press>().unwrap(), Some(Press::ToggleMode));
        drop(other);
        ours.hear::<Press>().unwrap_err();
    }

    #[test]
    fn what_is_too_long_or_not_understood_ends_it() {
        for octets in [
            &b"\x7f\xff\xff\xff"[..],
            b"\0\0\x04\x01",
            b"\0\0\0\x04nope",
            b"\0\0\0\0",
            b"\0\0\0\x02{}",
        ] {
            let (mut ours, mut other) = pair();
            other.write_all(octets).unwrap();
            ours.hear::<State>().unwrap_err();
        }
        let more =
            br#"{"service":"serving","mode":"detect","alert":false,"setup_window":false,"x":1}"#;
        let (mut ours, mut other) = pair();
        other.write_all(&(more.len() as u32).to_be_bytes()).unwrap();
        other.write_all(more).unwrap();
        ours.hear::<State>().unwrap_err();
    }
}

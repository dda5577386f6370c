//! A connection with an end: so many octets from the other side and so much time, whatever it sends.
//!
//! lettre reads an answer line by line and looks at a line's length when it has ended: a server, or who sits
//! on the way to it before TLS, could fill the memory of the process that decides calls with a line that
//! does not end. So lettre talks to the loopback, and this counts what it is given.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// Octets that a server may send in one try; a mail server's answers have a few thousand.
const MOST: usize = 256 << 10;

/// Why a pipe was closed by its own bounds.
#[derive(Clone, Default)]
pub struct Cut(Arc<AtomicU8>);

const TOO_MUCH: u8 = 1;
const TOO_LONG: u8 = 2;

impl Cut {
    /// In words; `None` where it was not.
    pub fn why(&self) -> Option<&'static str> {
        match self.0.load(Relaxed) {
            TOO_MUCH => Some("it sends without end"),
            TOO_LONG => Some("it takes too long"),
            _ => None,
        }
    }
}

/// Where to connect to, to talk to `server` until `until`. One connection is taken.
///
/// # Errors
/// When there is no loopback, or no thread.
pub fn open(server: TcpStream, until: Instant) -> io::Result<(SocketAddr, Cut)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let at = listener.local_addr()?;
    let cut = Cut::default();
    let told = cut.clone();
    thread::Builder::new()
        .name("alerts-pipe".into())
        .spawn(move || {
            if let Some(inner) = accept(&listener, until) {
                drop(listener);
                // What goes wrong on the way, lettre meets as a connection that ends.
                let _ = carry(&inner, &server, until, &told);
                let _ = inner.shutdown(Shutdown::Both);
            }
            let _ = server.shutdown(Shutdown::Both);
        })?;
    Ok((at, cut))
}

fn accept(listener: &TcpListener, until: Instant) -> Option<TcpStream> {
    while Instant::now() < until {
        match listener.accept() {
            Ok((inner, _)) => {
                inner.set_nonblocking(false).ok()?;
                return Some(inner);
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return None,
        }
    }
    None
}

fn carry(inner: &TcpStream, server: &TcpStream, until: Instant, cut: &Cut) -> io::Result<()> {
    let (from, to, told) = (inner.try_clone()?, server.try_clone()?, cut.clone());
    let up = thread::Builder::new()
        .name("alerts-pipe-up".into())
        .spawn(move || {
            let _ = copy(&from, &to, until, usize::MAX, &told);
            // Wakes the other direction.
            let _ = to.shutdown(Shutdown::Both);
        })?;
    let down = copy(server, inner, until, MOST, cut);
    let _ = inner.shutdown(Shutdown::Both);
    let _ = up.join();
    down
}

fn copy(
    mut from: &TcpStream,
    mut to: &TcpStream,
    until: Instant,
    most: usize,
    cut: &Cut,
) -> io::Result<()> {
    let because = |why| {
        cut.0.store(why, Relaxed);
        Ok(())
    };
    let mut octets = [0; 8_192];
    let mut room = most;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return because(TOO_LONG);
        }
        from.set_read_timeout(Some(left))?;
        to.set_write_timeout(Some(left))?;
        let read = match from.read(&mut octets) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                return because(TOO_LONG);
            }
            Err(e) => return Err(e),
        };
        if read > room {
            return because(TOO_MUCH);
        }
        room -= read;
        to.write_all(&octets[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server on the loopback, and a pipe to it.
    fn pair(limit: Duration) -> (TcpStream, TcpStream, Cut) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let outer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let (at, cut) = open(outer, Instant::now() + limit).unwrap();
        (server, TcpStream::connect(at).unwrap(), cut)
    }

    #[test]
    fn both_sides_are_heard_and_an_end_is_an_end() {
        let (mut server, mut client, cut) = pair(Duration::from_secs(20));
        client.write_all(b"EHLO\r\n").unwrap();
        let mut heard = [0; 6];
        server.read_exact(&mut heard).unwrap();
        server.write_all(b"250 hi\r\n").unwrap();
        drop(server);
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        assert_eq!((&heard, &all[..]), (b"EHLO\r\n", &b"250 hi\r\n"[..]));
        assert_eq!(cut.why(), None);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut server, mut client, cut) = pair(Duration::from_secs(20));
        let flood = thread::spawn(move || while server.write_all(&[b'x'; 4_096]).is_ok() {});
        let mut all = Vec::new();
        let _ = client.read_to_end(&mut all);
        flood.join().unwrap();
        assert!(all.len() <= MOST, "{}", all.len());
        assert_eq!(cut.why(), Some("it sends without end"));
    }

    #[test]
    fn a_server_that_says_nothing_is_left() {
        let (_server, mut client, cut) = pair(Duration::from_millis(50));
        let mut all = Vec::new();
        let _ = client.read_to_end(&mut all);
        assert!(all.is_empty());
        assert_eq!(cut.why(), Some("it takes too long"));
    }
}

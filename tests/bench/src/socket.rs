//! Datagrams in batches: `recvmmsg` and `sendmmsg` on a connected or an open socket.

use std::{
    io,
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Datagrams moved by one system call.
pub const BATCH: usize = 32;
/// Octets kept of a datagram; more than any message of this benchmark.
pub const ROOM: usize = 2048;
/// Asked of the kernel for both directions, so that a burst of 1,024 calls is not lost here.
const KERNEL_BUFFER: usize = 4 << 20;

/// A blocking UDP socket with large kernel buffers.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(address: SocketAddr) -> Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_recv_buffer_size(KERNEL_BUFFER)?;
    socket.set_send_buffer_size(KERNEL_BUFFER)?;
    socket
        .bind(&SockAddr::from(address))
        .with_context(|| format!("cannot bind UDP {address}"))?;
    Ok(socket.into())
}

/// A port of `address` that is free for UDP and TCP now. Always four digits: the port is part of
/// the messages, whose size is to be the same in every run.
///
/// # Errors
/// When none of 500 is free.
pub fn free_port(address: IpAddr, from: u16) -> Result<u16> {
    for port in from..from + 500 {
        let here = SocketAddr::new(address, port);
        if UdpSocket::bind(here).is_ok() && std::net::TcpListener::bind(here).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port at {address} from {from} to {}", from + 499)
}

/// Datagrams that came in one call.
pub struct Inbox {
    buffers: Box<[[u8; ROOM]; BATCH]>,
    lengths: [usize; BATCH],
    from: [libc::sockaddr_storage; BATCH],
}

impl Default for Inbox {
    fn default() -> Self {
        Inbox {
            buffers: Box::new([[0; ROOM]; BATCH]),
            lengths: [0; BATCH],
            // SAFETY: all zeroes is a valid sockaddr_storage (plain integers, family unspecified).
            from: unsafe { MaybeUninit::zeroed().assume_init() },
        }
    }
}

impl Inbox {
    /// Waits for at least one datagram, as the socket's own time-out says (none: for ever; a
    /// non-blocking socket: not at all), and takes up to [`BATCH`] that are there.
    ///
    /// # Errors
    /// What the kernel says, but a time-out or an interruption, which are 0 datagrams.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        // SAFETY: all zeroes is a valid iovec and mmsghdr (null pointers, lengths 0).
        let mut vectors: [libc::iovec; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        for at in 0..BATCH {
            vectors[at] = libc::iovec {
                iov_base: self.buffers[at].as_mut_ptr().cast(),
                iov_len: ROOM,
            };
            let header = &mut headers[at].msg_hdr;
            header.msg_iov = &raw mut vectors[at];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut self.from[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        // SAFETY: every pointer in `headers` points into `self` or `vectors`, which outlive the call.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        if got < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        }
        let got = got as usize;
        for (length, header) in self.lengths.iter_mut().zip(&headers[..got]) {
            *length = header.msg_len as usize;
        }
        Ok(got)
    }

    /// A datagram of the last [`Inbox::receive`].
    pub fn datagram(&self, at: usize) -> &[u8] {
        &self.buffers[at][..self.lengths[at]]
    }
}

/// Datagrams that leave in one call.
pub struct Outbox {
    buffers: Box<[[u8; ROOM]; BATCH]>,
    lengths: [usize; BATCH],
    waiting: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            buffers: Box::new([[0; ROOM]; BATCH]),
            lengths: [0; BATCH],
            waiting: 0,
        }
    }
}

impl Outbox {
    /// Adds the datagram that `write` composes (it says its length), and sends all when full.
    ///
    /// # Errors
    /// See [`Outbox::flush`].
    pub fn add(
        &mut self,
        socket: &UdpSocket,
        write: impl FnOnce(&mut [u8; ROOM]) -> usize,
    ) -> io::Result<()> {
        self.lengths[self.waiting] = write(&mut self.buffers[self.waiting]).min(ROOM);
        self.waiting += 1;
        if self.waiting == BATCH {
            self.flush(socket)
        } else {
            Ok(())
        }
    }

    /// Sends what waits, on a connected socket.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn flush(&mut self, socket: &UdpSocket) -> io::Result<()> {
        // SAFETY: all zeroes is a valid iovec and mmsghdr (null pointers, lengths 0).
        let mut vectors: [libc::iovec; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        for at in 0..self.waiting {
            vectors[at] = libc::iovec {
                iov_base: self.buffers[at].as_mut_ptr().cast(),
                iov_len: self.lengths[at],
            };
            headers[at].msg_hdr.msg_iov = &raw mut vectors[at];
            headers[at].msg_hdr.msg_iovlen = 1;
        }
        send_all(socket, &mut headers[..self.waiting])?;
        self.waiting = 0;
        Ok(())
    }
}

/// Sends every datagram back to where it came from.
///
/// # Errors
/// What the kernel says.
pub fn echo(socket: &UdpSocket, inbox: &mut Inbox, count: usize) -> io::Result<()> {
    // SAFETY: all zeroes is a valid iovec and mmsghdr (null pointers, lengths 0).
    let mut vectors: [libc::iovec; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
    for at in 0..count {
        vectors[at] = libc::iovec {
            iov_base: inbox.buffers[at].as_mut_ptr().cast(),
            iov_len: inbox.lengths[at],
        };
        let header = &mut headers[at].msg_hdr;
        header.msg_iov = &raw mut vectors[at];
        header.msg_iovlen = 1;
        header.msg_name = (&raw mut inbox.from[at]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }
    send_all(socket, &mut headers[..count])
}

/// `headers` must point at live buffers; only this file makes them.
fn send_all(socket: &UdpSocket, headers: &mut [libc::mmsghdr]) -> io::Result<()> {
    let mut sent = 0;
    while sent < headers.len() {
        let rest = &mut headers[sent..];
        // SAFETY: the caller's headers point at buffers that outlive this call.
        let done = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                libc::MSG_NOSIGNAL,
            )
        };
        if done >= 0 {
            sent += done as usize;
            continue;
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            // The kernel's buffer is full, which on loopback ends when the other core reads.
            io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_micros(50)),
            _ => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_out_and_comes_back_in_order() {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let (near, far) = (bind(local).unwrap(), bind(local).unwrap());
        near.connect(far.local_addr().unwrap()).unwrap();
        let mut out = Outbox::default();
        for n in 0..BATCH as u8 + 3 {
            out.add(&near, |room| {
                room[..3].copy_from_slice(&[n; 3]);
                3
            })
            .unwrap();
        }
        out.flush(&near).unwrap();
        let (mut at_far, mut at_near, mut seen) = (Inbox::default(), Inbox::default(), Vec::new());
        while seen.len() < BATCH + 3 {
            let got = at_far.receive(&far).unwrap();
            echo(&far, &mut at_far, got).unwrap();
            let mut back = 0;
            while back < got {
                let now = at_near.receive(&near).unwrap();
                seen.extend((0..now).map(|at| at_near.datagram(at).to_vec()));
                back += now;
            }
        }
        assert_eq!(
            seen,
            (0..BATCH as u8 + 3).map(|n| vec![n; 3]).collect::<Vec<_>>()
        );
    }
}

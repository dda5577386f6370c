//! Datagrams in batches: many per system call, into buffers taken once (recvmmsg(2), sendmmsg(2)).

use std::{
    io::{IoSlice, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg},
};

/// Datagrams per call. More gain little and make the last one wait.
pub const BATCH: usize = 32;
/// The longest UDP datagram there is.
const DATAGRAM: usize = 65_535;
/// The longest answer.
pub const ANSWER: usize = 8 * 1024;
/// The longest answer that leaves with others in one piece: one that every path takes whole.
const SEGMENT: usize = 1_232;
const _: () = assert!(BATCH <= u32::BITS as usize && BATCH * SEGMENT <= u16::MAX as usize);
/// From one buffer to the next. Whole pages alone would put all of them onto the same few lines of the
/// nearest cache, where a batch would not fit; a usual message stays within its page.
const DATAGRAM_PLACE: usize = 64 * 1024 + 1_024;
const ANSWER_PLACE: usize = ANSWER + 512;

/// Receives.
pub struct Receiver {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[u8]>,
}

impl Default for Receiver {
    fn default() -> Self {
        Receiver {
            headers: MultiHeaders::preallocate(BATCH, None),
            // Zeroed pages are not resident before a datagram that long arrives.
            buffers: vec![0; BATCH * DATAGRAM_PLACE].into(),
        }
    }
}

impl Receiver {
    /// Waits for one datagram, as long as the socket's read time-out says, and takes what else is
    /// there. Answers with the number of datagrams.
    ///
    /// # Errors
    /// As recvmmsg(2); a time-out is no error.
    pub fn receive(
        &mut self,
        socket: &UdpSocket,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> nix::Result<usize> {
        let mut rest = &mut *self.buffers;
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            let (place, after) = std::mem::take(&mut rest).split_at_mut(DATAGRAM_PLACE);
            rest = after;
            [IoSliceMut::new(&mut place[..DATAGRAM])]
        });
        let received = match recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_WAITFORONE,
            None,
        ) {
            Ok(received) => received,
            // ECONNREFUSED is the echo of an answer to a port that has closed; it concerns no datagram here.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => return Ok(0),
            Err(problem) => return Err(problem),
        };
        let mut count = 0;
        for message in received {
            if let Some(from) = message.address.and_then(to_std) {
                let bytes = message.iovs().next().unwrap_or_default();
                each(from, bytes);
            }
            count += 1;
        }
        Ok(count)
    }
}

/// Answers that leave together.
pub struct Sender {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[u8]>,
    lengths: [usize; BATCH],
    addresses: [Option<SockaddrStorage>; BATCH],
    count: usize,
    /// For several answers in one piece.
    together: MultiHeaders<SockaddrStorage>,
    /// Kernel and path take such a piece, as far as is known.
    segments: bool,
}

// SAFETY: the pointers in the headers are set anew, to memory that this struct owns, before every
// system call that reads them; between calls nobody follows them.
unsafe impl Send for Sender {}

impl Default for Sender {
    fn default() -> Self {
        Sender {
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![0; BATCH * ANSWER_PLACE].into(),
            lengths: [0; BATCH],
            addresses: [None; BATCH],
            count: 0,
            together: MultiHeaders::preallocate(1, Some(nix::cmsg_space!(u16))),
            segments: true,
        }
    }
}

impl Sender {
    /// Where the next answer is written. `None` when the batch is full: send first.
    pub fn next(&mut self) -> Option<&mut [u8]> {
        let mut places = self.buffers.chunks_exact_mut(ANSWER_PLACE);
        places.nth(self.count).map(|place| &mut place[..ANSWER])
    }

    /// Keeps the answer of `len` octets that was written into [`Sender::next`].
    pub fn keep(&mut self, len: usize, to: SocketAddr) {
        if self.count < BATCH {
            self.lengths[self.count] = len.min(ANSWER);
            self.addresses[self.count] = Some(to.into());
            self.count += 1;
        }
    }

    /// Copies an answer in, sending what is there when the batch is full.
    pub fn push(&mut self, socket: &UdpSocket, bytes: &[u8], to: SocketAddr) {
        if self.count == BATCH {
            self.send(socket);
        }
        if let Some(buffer) = self.next() {
            let len = bytes.len().min(buffer.len());
            buffer[..len].copy_from_slice(&bytes[..len]);
            self.keep(len, to);
        }
    }

    /// Sends all that was kept. What cannot be sent is lost, as UDP may lose it: the client asks
    /// again.
    pub fn send(&mut self, socket: &UdpSocket) {
        let sent = self.send_alike(socket);
        let mut slices = [[IoSlice::new(&[])]; BATCH];
        let mut addresses = [None; BATCH];
        let mut count = 0;
        for at in (0..self.count).filter(|at| sent & 1 << at == 0) {
            (slices[count], addresses[count]) = (
                [slice(&self.buffers, at, self.lengths[at])],
                self.addresses[at],
            );
            count += 1;
        }
        let mut from = 0;
        while from < count {
            let results = sendmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                &slices[from..count],
                &addresses[from..count],
                [],
                MsgFlags::MSG_DONTWAIT,
            );
            // One that is refused (no route, buffer full) is passed over; the others go on.
            from += results.map_or(1, |results| results.count().max(1));
        }
        self.count = 0;
    }

    /// Sends answers of one length to one address as one piece, which the kernel takes apart (udp(7),
    /// UDP_SEGMENT): most of what sending costs is then paid once. Answers with those that have left,
    /// one bit for each.
    fn send_alike(&mut self, socket: &UdpSocket) -> u32 {
        let mut sent = 0;
        for first in 0..self.count {
            let (len, to) = (self.lengths[first], [self.addresses[first]]);
            if sent & 1 << first != 0 || !self.segments || !(1..=SEGMENT).contains(&len) {
                continue;
            }
            let (mut slices, mut count, mut group) = ([IoSlice::new(&[]); BATCH], 0, 0u32);
            for at in first..self.count {
                if self.lengths[at] == len && self.addresses[at] == to[0] {
                    slices[count] = slice(&self.buffers, at, len);
                    count += 1;
                    group |= 1 << at;
                }
            }
            if count == 1 {
                continue;
            }
            let (piece, segment) = ([&slices[..count]], len as u16);
            let left = sendmmsg(
                socket.as_raw_fd(),
                &mut self.together,
                &piece,
                to,
                [ControlMessage::UdpGsoSegments(&segment)],
                MsgFlags::MSG_DONTWAIT,
            );
            match left.map(|_| ()) {
                Ok(()) => sent |= group,
                // A device or a path that cannot: they leave one by one, now and from here on.
                Err(Errno::EIO | Errno::EINVAL | Errno::EOPNOTSUPP) => self.segments = false,
                // One by one, for what is wrong with one of them not to concern the others.
                Err(_) => break,
            }
        }
        sent
    }
}

/// The answer of `len` octets in the place `at`.
fn slice(buffers: &[u8], at: usize, len: usize) -> IoSlice<'_> {
    IoSlice::new(&buffers[at * ANSWER_PLACE..][..len])
}

fn to_std(address: SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6((*v6).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_carry_datagrams_both_ways_in_order() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let at = server.local_addr().expect("an address");
        for i in 0..70u8 {
            client
                .send_to(&vec![i; 1 + i as usize * 10], at)
                .expect("sent");
        }
        let (mut receiver, mut sender, mut seen) =
            (Receiver::default(), Sender::default(), Vec::new());
        while seen.len() < 70 {
            receiver
                .receive(&server, |from, bytes| {
                    assert_eq!(from, client.local_addr().expect("an address"));
                    seen.push(bytes.to_vec());
                    sender.push(&server, bytes, from);
                })
                .expect("received");
        }
        sender.send(&server);
        assert!(
            seen.iter()
                .enumerate()
                .all(|(i, b)| b.len() == 1 + i * 10 && b.iter().all(|&x| x as usize == i))
        );
        client
            .set_read_timeout(Some(std::time::Duration::from_secs(5)))
            .expect("set");
        let mut buffer = [0; 2_000];
        for expected in &seen {
            let len = client.recv(&mut buffer).expect("an answer");
            assert_eq!(&buffer[..len], &expected[..]);
        }
    }

    #[test]
    fn answers_of_one_length_arrive_each_as_it_was() {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let (server, clients) = (bind(), [bind(), bind()]);
        let mut sender = Sender::default();
        let lengths = [400, 300, SEGMENT, SEGMENT + 1, 400, 400, 1, 1];
        let answers = (0..3 * BATCH).map(|i| vec![i as u8; lengths[i / 2 % lengths.len()]]);
        for (i, answer) in answers.clone().enumerate() {
            let to = clients[i % 2].local_addr().expect("an address");
            sender.push(&server, &answer, to);
        }
        sender.send(&server);
        let mut buffer = [0; 2_000];
        for (which, client) in clients.iter().enumerate() {
            let patience = Some(std::time::Duration::from_secs(5));
            client.set_read_timeout(patience).expect("set");
            let mut expected: Vec<_> = answers.clone().skip(which).step_by(2).collect();
            let mut arrived: Vec<_> = (expected.iter())
                .map(|_| {
                    let len = client.recv(&mut buffer).expect("an answer");
                    buffer[..len].to_vec()
                })
                .collect();
            expected.sort();
            arrived.sort();
            assert_eq!(arrived, expected);
        }
    }
}

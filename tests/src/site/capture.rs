//! What really went over a port.

use std::{
    collections::HashMap,
    fmt,
    io::{ErrorKind, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    os::fd::AsRawFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Place, packet};

/// Frames that are kept whole; of more, only flows are counted.
const KEPT: usize = 20_000;
/// Octets of a payload that are kept.
const SNAP: usize = 256;

/// One frame on the PBX's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The PBX sent it.
    pub leaves: bool,
    /// What the frame says it carries (0x0800 IPv4, 0x86dd IPv6, 0x0806 ARP).
    pub ethertype: u16,
    /// Source and destination, when it is IP.
    pub between: Option<(IpAddr, IpAddr)>,
    /// Protocol, after IPv6's headers on the way.
    pub protocol: u8,
    /// Is it a piece of a packet?
    pub piece: bool,
    /// Source and destination port, where there are any.
    pub ports: Option<(u16, u16)>,
    /// The beginning of what is in it.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Where it comes from.
    pub fn source(&self) -> Option<IpAddr> {
        self.between.map(|(source, _)| source)
    }

    /// The port that it goes to.
    pub fn port(&self) -> Option<u16> {
        self.ports.map(|(_, to)| to)
    }

    fn read(bytes: &[u8], own: &[u8]) -> Option<Frame> {
        let ethertype = u16::from_be_bytes(bytes.get(12..14)?.try_into().ok()?);
        let mut frame = Frame {
            leaves: &bytes[6..12] == own,
            ethertype,
            between: None,
            protocol: 0,
            piece: false,
            ports: None,
            payload: Vec::new(),
        };
        let body = &bytes[14..];
        let rest = match ethertype {
            0x0800 => frame.read4(body),
            0x86dd => frame.read6(body),
            _ => Some(body),
        };
        let rest = rest.unwrap_or_default();
        let later = frame.piece && frame.ports.is_none();
        let inner = match frame.protocol {
            packet::protocol::UDP if !later => frame.read_ports(rest, 8),
            packet::protocol::TCP if !later => frame.read_ports(rest, 20),
            _ => rest,
        };
        frame.payload = inner[..inner.len().min(SNAP)].to_vec();
        Some(frame)
    }

    fn read4<'a>(&mut self, body: &'a [u8]) -> Option<&'a [u8]> {
        let address = |at: usize| -> Option<Ipv4Addr> {
            let octets: [u8; 4] = body.get(at..at + 4)?.try_into().ok()?;
            Some(octets.into())
        };
        self.between = Some((address(12)?.into(), address(16)?.into()));
        self.protocol = body[9];
        let fragment = u16::from_be_bytes([body[6], body[7]]);
        self.piece = fragment & 0x3fff != 0;
        body.get(usize::from(body[0] & 15) * 4..)
    }

    fn read6<'a>(&mut self, body: &'a [u8]) -> Option<&'a [u8]> {
        let address = |at: usize| -> Option<Ipv6Addr> {
            let octets: [u8; 16] = body.get(at..at + 16)?.try_into().ok()?;
            Some(octets.into())
        };
        self.between = Some((address(8)?.into(), address(24)?.into()));
        self.protocol = body[6];
        let mut rest = body.get(40..)?;
        while let packet::protocol::FRAGMENT | packet::protocol::OPTIONS = self.protocol {
            let fragment = self.protocol == packet::protocol::FRAGMENT;
            self.piece |= fragment;
            self.protocol = *rest.first()?;
            let length = if fragment {
                8
            } else {
                8 + usize::from(rest[1]) * 8
            };
            rest = rest.get(length..)?;
        }
        Some(rest)
    }

    fn read_ports<'a>(&mut self, rest: &'a [u8], header: usize) -> &'a [u8] {
        if let [a, b, c, d, ..] = rest {
            self.ports = Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])));
        }
        rest.get(header..).unwrap_or_default()
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.leaves { "out" } else { "in" };
        write!(
            f,
            "{way} {:#06x} protocol {}",
            self.ethertype, self.protocol
        )?;
        if let Some((source, to)) = self.between {
            write!(f, " {source} > {to}")?;
        }
        if let Some((source, to)) = self.ports {
            write!(f, " ports {source} > {to}")?;
        }
        if self.piece {
            f.write_str(" (piece)")?;
        }
        let start = &self.payload[..self.payload.len().min(60)];
        write!(f, " {:?}", String::from_utf8_lossy(start))
    }
}

#[derive(Default)]
struct Seen {
    frames: Vec<Frame>,
    /// How often each numbered packet of a flow came in.
    flows: HashMap<String, HashMap<u32, u32>>,
    settled: u32,
}

/// Everything that passes the port of a network, from start to end.
pub struct Capture {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    socket: Arc<Socket>,
    probe: UdpSocket,
    probes: AtomicU32,
    thread: Option<JoinHandle<()>>,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The flow by which a capture knows that it has read everything.
const PROBE: &str = "settle";

impl Capture {
    /// Begins. `nobody` is a neighbour's address that nobody has.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn start(place: &Place, nobody: Ipv4Addr) -> Result<Capture> {
        let line = place.command("ip", &["-br", "link", "show", "dev", "eth0"])?;
        let own = hardware_address(&line).with_context(|| format!("no address in {line}"))?;
        let (socket, probe) = place.within(|| {
            let everything = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(everything))?;
            socket.set_recv_buffer_size(4 << 20)?;
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            let probe = UdpSocket::bind("0.0.0.0:0")?;
            probe.connect((nobody, 9))?;
            Ok((Arc::new(socket), probe))
        })?;
        // A fixed neighbour, which keeps the kernel from asking who it is.
        place.ip(&format!(
            "neigh replace {nobody} lladdr 02:00:00:00:00:99 dev eth0\n"
        ))?;
        let (seen, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (seen, stop, socket) = (Arc::clone(&seen), Arc::clone(&stop), Arc::clone(&socket));
            thread::spawn(move || read(&socket, own, &seen, &stop))
        };
        Ok(Capture {
            seen,
            stop,
            socket,
            probe,
            probes: AtomicU32::new(0),
            thread: Some(thread),
        })
    }

    /// Waits until everything that was on its way has been read.
    ///
    /// # Errors
    /// When the capture stands still or has lost frames.
    pub fn settle(&self) -> Result<()> {
        // What was sent is in a queue of the kernel for a few microseconds at most.
        thread::sleep(Duration::from_millis(20));
        let n = self.probes.fetch_add(1, Ordering::Relaxed) + 1;
        self.probe.send(&packet::mark(PROBE, n))?;
        let started = Instant::now();
        while lock(&self.seen).settled < n {
            if started.elapsed() > Duration::from_secs(10) {
                bail!("the capture stands still");
            }
            thread::sleep(Duration::from_millis(1));
        }
        let lost = lost(&self.socket)?;
        ensure!(lost == 0, "the capture lost {lost} frames");
        Ok(())
    }

    /// The frames that satisfy a condition, in order.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn frames(&self, which: impl Fn(&Frame) -> bool) -> Result<Vec<Frame>> {
        self.settle()?;
        let seen = lock(&self.seen);
        Ok(seen.frames.iter().filter(|f| which(f)).cloned().collect())
    }

    /// Frames that came to the PBX from an address.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn from(&self, source: impl Into<IpAddr>) -> Result<Vec<Frame>> {
        let source = source.into();
        self.frames(|f| !f.leaves && f.source() == Some(source))
    }

    /// How many different packets of a flow came in.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn count(&self, flow: &str) -> Result<usize> {
        self.settle()?;
        Ok(lock(&self.seen).flows.get(flow).map_or(0, HashMap::len))
    }

    /// Has a packet of this flow come in, of those that were read until now?
    pub fn has(&self, flow: &str) -> bool {
        lock(&self.seen).flows.contains_key(flow)
    }

    /// The numbers up to `sent` of a flow that did not come in.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn missing(&self, flow: &str, sent: u32) -> Result<Vec<u32>> {
        self.settle()?;
        let seen = lock(&self.seen);
        let came = seen.flows.get(flow);
        Ok((0..sent)
            .filter(|n| came.is_none_or(|came| !came.contains_key(n)))
            .collect())
    }

    /// Forgets what came until now.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn clear(&self) -> Result<()> {
        self.settle()?;
        let mut seen = lock(&self.seen);
        seen.frames.clear();
        seen.flows.clear();
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn hardware_address(line: &str) -> Option<[u8; 6]> {
    let word = line
        .split_whitespace()
        .find(|w| w.matches(':').count() == 5)?;
    let octets = word.split(':').map(|part| u8::from_str_radix(part, 16));
    octets.collect::<Result<Vec<u8>, _>>().ok()?.try_into().ok()
}

fn read(mut socket: &Socket, own: [u8; 6], seen: &Mutex<Seen>, stop: &AtomicBool) {
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        match socket.read(&mut buffer) {
            Ok(length) => take(&buffer[..length], own, &mut lock(seen)),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return,
        }
    }
}

fn take(bytes: &[u8], own: [u8; 6], seen: &mut Seen) {
    // Loopback has no hardware addresses.
    let Some(frame) = Frame::read(bytes, &own).filter(|_| bytes[..12] != [0; 12]) else {
        return;
    };
    match packet::marked(&frame.payload) {
        Some((flow, n)) if flow == PROBE => {
            seen.settled = seen.settled.max(n);
            return;
        }
        Some((flow, n)) if !frame.leaves => {
            *seen.flows.entry(flow).or_default().entry(n).or_default() += 1;
        }
        _ => {}
    }
    if seen.frames.len() < KEPT {
        seen.frames.push(frame);
    }
}

/// Frames that did not fit into the socket's buffer.
fn lost(socket: &Socket) -> Result<u32> {
    let mut figures = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the pointers are to a value of the type that the kernel writes, and to its size.
    let code = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut figures).cast(),
            &raw mut length,
        )
    };
    ensure!(code == 0, "no figures of the capture");
    Ok(figures.tp_drops)
}

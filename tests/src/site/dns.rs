//! A DNS server that says whatever a test wants, true or not, for every name.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{Place, at, mdns};

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// These addresses.
    Addresses(Vec<Ipv4Addr>),
    /// Nothing at all.
    Nothing,
    /// An error, by its number (2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED).
    Error(u8),
    /// The name is there and has no address.
    NoAddress,
    /// An address under another id, before and after the time.
    OtherId(Ipv4Addr),
    /// An address from a port that was not asked.
    OtherPort(Ipv4Addr),
    /// An address of another name.
    OtherName(Ipv4Addr),
    /// "Too long for UDP", with an address all the same; TCP is closed.
    Truncated(Ipv4Addr),
    /// An alias of itself, and an address.
    AliasLoop(Ipv4Addr),
    /// An alias whose name is meant for whoever looks at it, and an address of that.
    HostileAlias(Ipv4Addr),
    /// The same, but the alias leads nowhere.
    HostileEnd,
    /// A record that claims more octets than there are.
    CutShort(Ipv4Addr),
    /// A name whose compression points at itself.
    PointerLoop,
    /// Octets that are no DNS.
    Garbage,
}

struct State {
    says: Says,
    asked: Vec<(String, Instant)>,
    stop: bool,
}

/// A server at the DNS server's address.
pub struct Dns {
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dns {
    /// Starts it in the internet.
    ///
    /// # Errors
    /// When its port is taken.
    pub fn start(internet: &Place, says: Says) -> Result<Dns> {
        let (socket, other) = internet.within(|| {
            let socket = UdpSocket::bind((at::DNS, 53)).context("the DNS server's port")?;
            Ok((socket, UdpSocket::bind((at::DNS, 5353))?))
        })?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let state = Arc::new(Mutex::new(State {
            says,
            asked: Vec::new(),
            stop: false,
        }));
        let shared = Arc::clone(&state);
        Ok(Dns {
            state,
            thread: Some(thread::spawn(move || serve(&socket, &other, &shared))),
        })
    }

    /// From now on it says something else.
    pub fn says(&self, says: Says) {
        let mut state = lock(&self.state);
        state.says = says;
        state.asked.clear();
    }

    /// Waits until it has been asked for the addresses of a name since it says what it says.
    ///
    /// # Errors
    /// When it is not within `limit`.
    pub fn wait_asked(&self, name: &str, limit: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            let asked: Vec<String> = lock(&self.state)
                .asked
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            if asked.iter().any(|asked| asked == name) {
                return Ok(());
            }
            ensure!(
                started.elapsed() < limit,
                "nobody asked for {name} within {limit:?}, but for {asked:?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        lock(&self.state).stop = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks a name server for the address of a name, as a computer of the office does; the one that is
/// answered, or `None` when there is none within four seconds.
///
/// # Errors
/// When the question cannot be sent.
pub fn ask(
    place: &Place,
    from: Ipv4Addr,
    server: Ipv4Addr,
    name: &str,
) -> Result<Option<Ipv4Addr>> {
    let socket = place.within(|| UdpSocket::bind((from, 0)).context("the asker's socket"))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    // With recursion.
    let mut question = vec![0x47, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let mut buffer = [0; 2_048];
    for _ in 0..2 {
        socket.send_to(&question, (server, 53))?;
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            return Ok(mdns::address(
                &buffer[question.len()..length.max(question.len())],
            ));
        }
    }
    Ok(None)
}

fn serve(socket: &UdpSocket, other: &UdpSocket, state: &Mutex<State>) {
    let mut buffer = [0; 2_048];
    loop {
        let received = socket.recv_from(&mut buffer);
        let mut state = lock(state);
        if state.stop {
            return;
        }
        let Ok((length, from)) = received else {
            continue;
        };
        let Some(question) = Question::read(&buffer[..length]) else {
            continue;
        };
        state.asked.push((question.name.clone(), Instant::now()));
        answer(socket, other, from, &question, &state.says);
    }
}

/// What was asked, with its octets as they came (the case of its letters must come back).
struct Question {
    id: [u8; 2],
    name: String,
    octets: Vec<u8>,
    v4: bool,
}

impl Question {
    fn read(bytes: &[u8]) -> Option<Question> {
        let (mut at, mut labels) = (12, Vec::new());
        while *bytes.get(at)? != 0 {
            let length = usize::from(bytes[at]);
            let label = bytes.get(at + 1..at + 1 + length)?;
            labels.push(String::from_utf8_lossy(label).to_lowercase());
            at += 1 + length;
        }
        Some(Question {
            id: bytes.get(..2)?.try_into().ok()?,
            name: labels.join("."),
            octets: bytes.get(12..at + 5)?.to_vec(),
            v4: bytes.get(at + 1..at + 3)? == [0, 1],
        })
    }

    /// An answer: flags, records of this question's name, and how many there are.
    fn answer(&self, id: [u8; 2], flags: [u8; 2], count: u16, records: &[u8]) -> Vec<u8> {
        let mut out = id.to_vec();
        out.extend(flags);
        out.extend([0, 1]);
        out.extend(count.to_be_bytes());
        out.extend([0; 4]);
        out.extend(&self.octets);
        out.extend(records);
        out
    }
}

/// A record of the name that was asked for (a pointer to it), good for 60 seconds.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xc0, 12];
    out.extend(kind.to_be_bytes());
    out.extend([0, 1, 0, 0, 0, 60]);
    out.extend((data.len() as u16).to_be_bytes());
    out.extend(data);
    out
}

const A: u16 = 1;
const CNAME: u16 = 5;
const FINE: [u8; 2] = [0x85, 0x80];
/// The answer is cut off.
const CUT: [u8; 2] = [0x87, 0x80];

/// A name of octets that no host has: markup, a terminal's order, a turned line, a NUL, a dot within a label (RFC 1035 3.1 lets
/// a label hold any).
fn hostile() -> Vec<u8> {
    let labels = [
        "<script>alert(1)</script>",
        "\u{1b}[31m\u{202e}\0",
        "\"><img src=x onerror=alert(2)>",
        "a.b",
    ];
    let mut name = Vec::new();
    for label in labels {
        name.push(label.len() as u8);
        name.extend(label.as_bytes());
    }
    name.push(0);
    name
}

fn answer(socket: &UdpSocket, other: &UdpSocket, to: SocketAddr, question: &Question, says: &Says) {
    let id = question.id;
    let wrong = [id[0] ^ 0x55, id[1] ^ 0x55];
    let a = |address: &Ipv4Addr| record(A, &address.octets());
    let fine = |records: &[u8], count| question.answer(id, FINE, count, records);
    let from = |socket: &UdpSocket, answer: Vec<u8>| drop(socket.send_to(&answer, to));
    match says {
        Says::Nothing => {}
        Says::Error(code) => from(socket, question.answer(id, [0x85, 0x80 | code], 0, &[])),
        Says::Garbage => from(socket, [&id[..], b"garbage garbage garbage"].concat()),
        // What is said of IPv4 addresses, IPv6 has none.
        _ if !question.v4 => from(socket, fine(&[], 0)),
        Says::NoAddress => from(socket, fine(&[], 0)),
        Says::Addresses(list) => {
            let records: Vec<u8> = list.iter().flat_map(a).collect();
            from(socket, fine(&records, list.len() as u16));
        }
        Says::OtherId(address) => {
            from(socket, question.answer(wrong, FINE, 1, &a(address)));
            from(socket, fine(&[], 0));
            from(socket, question.answer(wrong, FINE, 1, &a(address)));
        }
        Says::OtherPort(address) => from(other, fine(&a(address), 1)),
        Says::OtherName(address) => {
            let mut records = b"\x08attacker\x07example\0".to_vec();
            records.extend(&a(address)[2..]);
            from(socket, fine(&records, 1));
        }
        Says::Truncated(address) => from(socket, question.answer(id, CUT, 1, &a(address))),
        Says::AliasLoop(address) => {
            let records = [record(CNAME, &[0xc0, 12]), a(address)].concat();
            from(socket, fine(&records, 2));
        }
        Says::HostileAlias(address) => {
            // Its own address record bears the alias's name.
            let owned = [&hostile()[..], &a(address)[2..]].concat();
            let records = [record(CNAME, &hostile()), owned].concat();
            from(socket, fine(&records, 2));
        }
        Says::HostileEnd => from(socket, fine(&record(CNAME, &hostile()), 1)),
        Says::CutShort(address) => {
            let mut records = a(address);
            records.truncate(records.len() - 2);
            from(socket, fine(&records, 1));
        }
        Says::PointerLoop => {
            // The record's name points at the pointer itself.
            let at = 12 + question.octets.len() as u16;
            let mut records = a(&at::ATTACKER);
            records[..2].copy_from_slice(&(0xc000 | at).to_be_bytes());
            from(socket, fine(&records, 1));
        }
    }
}

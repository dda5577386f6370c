//! A DNS server that says what the test wants, in octets of its own: it shares no code with what it
//! tests. UDP and TCP at the same port of a loopback address.

// Each test binary uses a part of it.
#![allow(dead_code)]

pub mod asking;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const AAAA: u16 = 28;

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: [u8; 2],
    /// In the case in which it came.
    pub name: String,
    pub kind: u16,
    pub by_tcp: bool,
    /// Where it came from.
    pub from: SocketAddr,
    /// The question section, as octets.
    pub question: Vec<u8>,
}

/// What is sent back: messages in this order, each from the server's own socket.
pub type Says = dyn Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync;

pub struct Fake {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    ended: Arc<AtomicBool>,
}

impl Fake {
    /// Serves at a free port of 127.0.0.`host`.
    pub fn serve(host: u8, says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Fake {
        let ip = Ipv4Addr::new(127, 0, 0, host);
        let (udp, tcp) = (0..64)
            .find_map(|_| {
                let udp = UdpSocket::bind((ip, 0)).ok()?;
                let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
                Some((udp, tcp))
            })
            .unwrap();
        let fake = Fake {
            address: udp.local_addr().unwrap(),
            asked: Arc::default(),
            ended: Arc::default(),
        };
        let says: Arc<Says> = Arc::new(says);
        let (asked, ended, talk) = (fake.asked.clone(), fake.ended.clone(), says.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 2_048];
            while let Ok((len, from)) = udp.recv_from(&mut buffer) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let question = read(&buffer[..len], from, false);
                asked.lock().unwrap().push(question.clone());
                for message in talk(&question) {
                    let _ = udp.send_to(&message, from);
                }
            }
        });
        let (asked, ended) = (fake.asked.clone(), fake.ended.clone());
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let _ = answer(stream, &*says, &asked);
            }
        });
        fake
    }

    /// Questions so far, A and AAAA.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the threads, which then see that it has ended.
        let _ =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map(|s| s.send_to(&[0; 17], self.address));
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut stream: TcpStream, says: &Says, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let from = stream.peer_addr()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    let question = read(&message, from, true);
    asked.lock().unwrap().push(question.clone());
    for message in says(&question) {
        stream.write_all(&(message.len() as u16).to_be_bytes())?;
        stream.write_all(&message)?;
    }
    // Open until the other side is done with it.
    let _ = stream.read(&mut length);
    Ok(())
}

fn read(message: &[u8], from: SocketAddr, by_tcp: bool) -> Asked {
    let (mut at, mut labels) = (12, Vec::new());
    while message.get(at).is_some_and(|&len| len > 0) {
        let len = usize::from(message[at]);
        labels.push(String::from_utf8_lossy(&message[at + 1..at + 1 + len]).into_owned());
        at += 1 + len;
    }
    Asked {
        id: [message[0], message[1]],
        name: labels.join("."),
        kind: u16::from_be_bytes([message[at + 1], message[at + 2]]),
        by_tcp,
        from,
        question: message[12..at + 5].to_vec(),
    }
}

/// A record of the answer section.
pub struct Rr(pub String, pub u16, pub u32, pub Vec<u8>);

/// The octets of a name.
pub fn name(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in text.split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.push(0);
    octets
}

/// An address record for a name.
pub fn address(of: &str, ttl: u32, ip: &str) -> Rr {
    match ip.parse().unwrap() {
        std::net::IpAddr::V4(v4) => Rr(of.into(), A, ttl, v4.octets().into()),
        std::net::IpAddr::V6(v6) => Rr(of.into(), AAAA, ttl, v6.octets().into()),
    }
}

/// An alias.
pub fn alias(of: &str, ttl: u32, target: &str) -> Rr {
    Rr(of.into(), CNAME, ttl, name(target))
}

/// A response with this code (low four bits of `flags`), and `TC` where `flags` has 0x0200.
pub fn response(asked: &Asked, flags: u16, answers: &[Rr]) -> Vec<u8> {
    let mut message = asked.id.to_vec();
    message.extend((0x8180 | flags).to_be_bytes());
    message.extend(1u16.to_be_bytes());
    message.extend((answers.len() as u16).to_be_bytes());
    message.extend([0; 4]);
    message.extend(&asked.question);
    for Rr(of, kind, ttl, data) in answers {
        // The name that was asked for stands at octet 12.
        if of.eq_ignore_ascii_case(&asked.name) {
            message.extend([0xc0, 12]);
        } else {
            message.extend(name(of));
        }
        message.extend(kind.to_be_bytes());
        message.extend(1u16.to_be_bytes());
        message.extend(ttl.to_be_bytes());
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
    }
    message
}

/// Answers A with these, and AAAA with none.
pub fn v4_only(asked: &Asked, answers: &[Rr]) -> Vec<Vec<u8>> {
    let answers = if asked.kind == A { answers } else { &[] };
    vec![response(asked, 0, answers)]
}

//! A DNS server for the PBX: VoIP.ms's names lead to the provider.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};

/// The server; it ends with the value.
pub struct Names {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Names {
    /// Where it listens, port 53.
    pub const AT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

    /// Starts it: every name below voip.ms is at `address`, and no other name is known.
    ///
    /// # Errors
    /// When its socket cannot be opened.
    pub fn start(address: Ipv4Addr) -> Result<Names> {
        let socket = UdpSocket::bind((Self::AT, 53)).context("the name server's socket")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 1_500];
            while !told.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                if let Some(reply) = reply(&buffer[..length], address) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Ok(Names {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer to one question (RFC 1035 4.1): an address, "no such record", or "no such name".
fn reply(question: &[u8], address: Ipv4Addr) -> Option<Vec<u8>> {
    let (mut at, mut name) = (12, String::new());
    while *question.get(at)? != 0 {
        let end = at + 1 + usize::from(question[at]);
        name += &String::from_utf8_lossy(question.get(at + 1..end)?).to_lowercase();
        name.push('.');
        at = end;
    }
    let asked = question.get(12..at + 5)?;
    let known = name.ends_with(".voip.ms.") && !name.starts_with('_');
    let v4 = asked.get(asked.len() - 4..asked.len() - 2)? == [0, 1];
    let mut out = question.get(..2)?.to_vec();
    out.extend([
        0x85,
        if known { 0x80 } else { 0x83 },
        0,
        1,
        0,
        u8::from(known && v4),
        0,
        0,
        0,
        0,
    ]);
    out.extend(asked);
    if known && v4 {
        // The name that was asked for, A, IN, 60 s.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}

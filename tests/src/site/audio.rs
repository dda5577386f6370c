//! Audio of a call: numbered packets, and which of them come back.

use std::{
    collections::HashSet,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::packet;

/// Time between two packets of audio.
const FRAME: Duration = Duration::from_millis(20);

/// Audio that flows.
pub struct Talk {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(u32, HashSet<u32>)>>,
}

impl Talk {
    /// Begins to send audio as the flow `name`, and to count what comes back.
    pub(super) fn start(audio: Arc<UdpSocket>, to: SocketAddr, name: &str) -> Talk {
        let stop = Arc::new(AtomicBool::new(false));
        let (name, ended) = (name.to_owned(), Arc::clone(&stop));
        Talk {
            stop,
            thread: thread::spawn(move || talk(&audio, to, &name, &ended)),
        }
    }

    /// Ends it: how many packets were sent, and the numbers of those that did not come back.
    ///
    /// # Errors
    /// When the socket failed.
    pub fn stop(self) -> Result<(u32, Vec<u32>)> {
        self.stop.store(true, Ordering::Relaxed);
        let (sent, back) = match self.thread.join() {
            Ok(counted) => counted?,
            Err(_) => bail!("the PoP's audio panicked"),
        };
        Ok((sent, (0..sent).filter(|n| !back.contains(n)).collect()))
    }
}

fn talk(
    audio: &UdpSocket,
    to: SocketAddr,
    name: &str,
    stop: &AtomicBool,
) -> Result<(u32, HashSet<u32>)> {
    let (mut sent, mut back, started) = (0_u32, HashSet::new(), Instant::now());
    let mut last = None;
    while last.is_none_or(|last: Instant| last.elapsed() < Duration::from_millis(300)) {
        if stop.load(Ordering::Relaxed) {
            last = last.or(Some(Instant::now()));
        } else if started.elapsed() >= FRAME * sent {
            audio.send_to(&rtp(name, sent), to)?;
            sent += 1;
        }
        let mut buffer = [0; 2_048];
        if let Ok((length, _)) = audio.recv_from(&mut buffer)
            && let Some((flow, n)) = packet::marked(&buffer[..length])
            && flow == name
        {
            back.insert(n);
        }
    }
    Ok((sent, back))
}

/// A packet of PCMU with a mark in it.
fn rtp(name: &str, n: u32) -> Vec<u8> {
    let mut out = vec![0x80, 0];
    out.extend((n as u16).to_be_bytes());
    out.extend((n * 160).to_be_bytes());
    out.extend(0x5447_0001_u32.to_be_bytes());
    out.extend(packet::mark(name, n));
    out.resize(12 + 160, 0xff);
    out
}

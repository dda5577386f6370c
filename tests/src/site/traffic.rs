//! Numbered datagrams at a steady rate.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{Place, packet};

/// A stream of datagrams from one socket, marked with its name and numbered, so that a capture can
/// say which came. It ends by itself after [`Flow::MOST`] datagrams.
pub struct Flow {
    name: String,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u32>>,
    started: Instant,
}

/// How a stream went.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Datagrams that left.
    pub sent: u32,
    /// In this time.
    pub took: Duration,
}

impl Counted {
    /// Datagrams in a second.
    pub fn rate(&self) -> u32 {
        (f64::from(self.sent) / self.took.as_secs_f64()) as u32
    }
}

impl Flow {
    /// The most datagrams of one stream.
    pub const MOST: u32 = 8_000_000;

    /// Begins: `rate` datagrams a second from `source` in a network.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn start(
        place: &Place,
        name: &str,
        source: SocketAddr,
        to: SocketAddr,
        rate: u32,
    ) -> Result<Flow> {
        let socket = place.within(|| UdpSocket::bind(source).context("a stream's socket"))?;
        let (stop, label) = (Arc::new(AtomicBool::new(false)), name.to_owned());
        let ended = Arc::clone(&stop);
        Ok(Flow {
            name: name.to_owned(),
            stop,
            thread: thread::spawn(move || send(&socket, to, &label, rate, &ended)),
            started: Instant::now(),
        })
    }

    /// What its datagrams are marked with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it could not send.
    pub fn stop(self) -> Result<Counted> {
        self.stop.store(true, Ordering::Relaxed);
        let took = self.started.elapsed();
        match self.thread.join() {
            Ok(sent) => Ok(Counted { sent: sent?, took }),
            Err(_) => bail!("the stream {} panicked", self.name),
        }
    }
}

/// Sends a fixed number of datagrams as fast as they go, from a fresh socket.
///
/// # Errors
/// When one cannot leave.
pub fn burst(
    place: &Place,
    name: &str,
    source: SocketAddr,
    to: SocketAddr,
    count: u32,
) -> Result<()> {
    let socket = place.within(|| UdpSocket::bind(source).context("a burst's socket"))?;
    for n in 0..count {
        socket.send_to(&packet::mark(name, n), to)?;
    }
    Ok(())
}

fn send(
    socket: &UdpSocket,
    to: SocketAddr,
    name: &str,
    rate: u32,
    stop: &AtomicBool,
) -> Result<u32> {
    let (mut sent, started) = (0, Instant::now());
    while !stop.load(Ordering::Relaxed) && sent < Flow::MOST {
        let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while sent < due && !stop.load(Ordering::Relaxed) {
            socket.send_to(&packet::mark(name, sent), to)?;
            sent += 1;
        }
        thread::sleep(Duration::from_micros(500));
    }
    Ok(sent)
}

/// Sends back every datagram that comes, so that connections are established.
pub struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// Starts it at an address of a network.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(place: &Place, at: SocketAddr) -> Result<Echo> {
        let socket = place.within(|| UdpSocket::bind(at).context("the echo's port"))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2_048];
            while !ended.load(Ordering::Relaxed) {
                if let Ok((length, who)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..length], who);
                }
            }
        });
        Ok(Echo {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

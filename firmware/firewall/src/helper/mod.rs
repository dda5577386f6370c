//! The privileged process: it alone changes the kernel's rules. One thread, one loop; it reads
//! nothing but bounded frames of processes that it knows, and what the kernel says.

mod listen;
mod peer;

use std::{
    os::fd::AsFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tracing::{info, warn};

use crate::{
    apply::Problem,
    orders::Orders,
    protocol::{Event, Frame},
    samples::Samples,
};
use listen::Listener;
use peer::Peer;

pub use crate::orders::close;

/// Connections at a time: the daemon's, and a command line's beside it. The oldest makes room.
const PEERS: usize = 4;
/// Between two times of putting rules back, where somebody goes on changing them, or it fails.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two attempts to hear samples, where somebody else holds the group.
const SAMPLES_AGAIN: Duration = Duration::from_secs(30);
/// The longest wait without anything to do.
const IDLE: Duration = Duration::from_secs(10);

/// How the helper is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens, unless systemd hands a socket over.
    pub socket: PathBuf,
    /// The daemon's user. Root is always answered.
    pub user: Option<String>,
}

/// Why the helper does not start.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The kernel's rules cannot be got at.
    #[error(transparent)]
    Kernel(#[from] Problem),
    /// The socket cannot be opened.
    #[error("{path}: {what}")]
    Socket {
        /// Its path.
        path: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// There is no such user.
    #[error(
        "--user {name}: {what}; name the user that the daemon runs as (systemd/sysusers.conf makes `trunkguard`)"
    )]
    User {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Waiting failed.
    #[error("the helper cannot wait for events: {0}")]
    Wait(Errno),
}

/// Serves until it is killed; the rules stay then.
///
/// # Errors
/// What keeps it from starting, with the remedy.
pub fn run(options: &Options) -> Result<(), Fatal> {
    let orders = Orders::open()?;
    let listener = Listener::open(options)?;
    let mut helper = Helper {
        orders,
        listener,
        peers: Vec::new(),
        samples: None,
        samples_due: Instant::now(),
        mend_due: Instant::now(),
        unheard: 0,
        untold: None,
    };
    info!(socket = %options.socket.display(), "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    helper.serve()
}

struct Helper {
    orders: Orders,
    listener: Listener,
    peers: Vec<Peer>,
    samples: Option<Samples>,
    samples_due: Instant,
    mend_due: Instant,
    /// Samples that nobody could be told of.
    unheard: u32,
    /// The last change by somebody else that happened while nobody was connected.
    untold: Option<Event>,
}

/// What is ready.
#[derive(Default)]
struct Ready {
    listener: bool,
    samples: bool,
    peers: Vec<(bool, bool)>,
}

impl Helper {
    fn serve(&mut self) -> Result<(), Fatal> {
        let watchdog = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        loop {
            if self.samples.is_none() && self.samples_due <= Instant::now() {
                self.open_samples();
            }
            let ready = self.wait(watchdog)?;
            // First of all the rules.
            self.mend();
            if ready.samples {
                self.sample();
            }
            if ready.listener {
                self.accept();
            }
            self.talk(&ready.peers);
            if watchdog.is_some() {
                // Each turn of the loop has looked at the rules, so this says that they are watched.
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
    }

    fn open_samples(&mut self) {
        match Samples::open() {
            Ok(samples) => self.samples = Some(samples),
            Err(problem) => {
                warn!(%problem, "dropped packets are not sampled: the kernel has no nflog (CONFIG_NETFILTER_NETLINK_LOG), or another program holds group {}", crate::render::LOG_GROUP);
                self.samples_due = Instant::now() + SAMPLES_AGAIN;
            }
        }
    }

    fn wait(&self, watchdog: Option<Duration>) -> Result<Ready, Fatal> {
        let now = Instant::now();
        let mut limit = watchdog.unwrap_or(IDLE);
        if self.peers.iter().any(Peer::has_order) {
            limit = Duration::ZERO;
        }
        if self.orders.is_pending() || self.mend_due > now {
            limit = limit.min(self.mend_due.saturating_duration_since(now));
        }
        // Rounded up, or the last fraction of a millisecond would be waited for in a hot loop.
        let limit = limit.as_millis().min(60_000) as u16 + u16::from(!limit.is_zero());
        let mut fds = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        for peer in &self.peers {
            fds.push(PollFd::new(peer.as_fd(), peer.interest()));
        }
        let peers = 1..fds.len();
        let samples = self.samples.as_ref().map(|samples| {
            fds.push(PollFd::new(samples.as_fd(), PollFlags::POLLIN));
            fds.len() - 1
        });
        // Not while somebody's changes are left alone for a moment.
        if self.mend_due <= now {
            fds.push(PollFd::new(self.orders.watch.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::from(limit)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Ready::default()),
            Err(errno) => return Err(Fatal::Wait(errno)),
        }
        let any = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
        let out = |fd: &PollFd<'_>| {
            fd.revents()
                .is_some_and(|events| events.contains(PollFlags::POLLOUT))
        };
        Ok(Ready {
            listener: any(&fds[0]),
            samples: samples.is_some_and(|index| any(&fds[index])),
            peers: fds[peers].iter().map(|fd| (any(fd), out(fd))).collect(),
        })
    }

    fn mend(&mut self) {
        if self.mend_due > Instant::now() {
            return;
        }
        let due = self.orders.is_pending();
        let event = self.orders.mend();
        if due || event.is_some() {
            self.mend_due = Instant::now() + AGAIN;
        }
        match event {
            Some(event) if self.peers.is_empty() => self.untold = Some(event),
            Some(event) => self.tell(event),
            None => {}
        }
    }

    fn sample(&mut self) {
        let Some(samples) = &mut self.samples else {
            return;
        };
        let (all, lost) = samples.read();
        self.unheard = self.unheard.saturating_add(lost);
        if !all.is_empty() {
            self.tell(Event::Samples(all));
        }
    }

    /// Tells everybody, but who does not read.
    fn tell(&mut self, event: Event) {
        let frame = Frame::Event(event);
        for peer in &mut self.peers {
            if !peer.tell(&frame) {
                self.unheard = self.unheard.saturating_add(1);
            }
        }
    }

    fn accept(&mut self) {
        if let Some(stream) = self.listener.accept() {
            if self.peers.len() == PEERS {
                self.peers.remove(0);
                warn!("more than {PEERS} connections; the oldest is closed");
            }
            self.peers.push(Peer::new(stream));
            if let Some(event) = self.untold.take() {
                self.tell(event);
            }
        }
    }

    /// One order of each, so that none waits for another's hundred.
    fn talk(&mut self, ready: &[(bool, bool)]) {
        for (index, peer) in self.peers.iter_mut().enumerate() {
            let (readable, writable) = ready.get(index).copied().unwrap_or_default();
            if readable {
                peer.read();
            }
            match peer.order() {
                Ok(Some(order)) => {
                    let reply = self.orders.carry_out(order);
                    peer.reply(&Frame::Reply(reply));
                }
                Ok(None) => {}
                Err(problem) => {
                    warn!("a connection is closed: {problem}");
                    peer.close();
                }
            }
            if writable || peer.has_words() {
                peer.write();
            }
        }
        self.peers.retain(|peer| !peer.is_gone());
        if self.unheard > 0 && self.peers.iter().all(|peer| !peer.has_words()) {
            info!(count = self.unheard, "samples or events nobody was told of");
            self.unheard = 0;
        }
    }
}

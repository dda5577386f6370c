//! Passes the loss of a link on (B11): while the bridge's port towards the internet has no link, the one
//! towards the PBX is down. One thread, one loop: the kernel's news wake it, and what is so is asked then.

mod netlink;
mod watch;

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use tracing::{info, warn};

use netlink::{Links, News};
use watch::Watch;

/// The longest wait without anything to do.
const IDLE: Duration = Duration::from_secs(10);
/// Until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Why it does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The kernel's links cannot be got at.
    #[error("the kernel does not say its links by netlink: {0}; is AF_NETLINK forbidden?")]
    Links(io::Error),
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for: {0}")]
    Signals(Errno),
    /// Waiting failed.
    #[error("events cannot be waited for: {0}")]
    Wait(Errno),
}

/// Runs until SIGTERM or SIGINT. The port towards the PBX is then left up.
///
/// # Errors
/// What keeps it from going on, with the remedy.
pub fn run() -> Result<(), Fatal> {
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTERM);
    stop.add(Signal::SIGINT);
    stop.thread_block().map_err(Fatal::Signals)?;
    let stop = SignalFd::with_flags(&stop, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(Fatal::Signals)?;
    // First the news, then the state: nothing is missed in between.
    let mut news = News::open().map_err(Fatal::Links)?;
    let mut links = Links::open().map_err(Fatal::Links)?;
    let watchdog = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    let (start, mut watch, mut failed) = (Instant::now(), Watch::default(), false);
    let mut told = None;
    loop {
        news.drain();
        let all = links.all().map_err(Fatal::Links)?;
        let at = start.elapsed().as_millis() as u64;
        let order = watch.look(at, &all);
        if told != Some(watch.state()) {
            say(watch.state());
            if told.is_none() {
                info!("ready");
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
            }
            told = Some(watch.state());
        }
        let wrong = order.is_some_and(|order| !carry_out(&mut links, order, failed));
        failed = wrong;
        if watchdog.is_some() {
            // Each turn of the loop has asked for the links, so this says that they are watched.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
        let mut limit = watchdog.unwrap_or(IDLE);
        if let Some(due) = watch.due_ms() {
            limit = limit.min(Duration::from_millis(due.saturating_sub(at)));
        }
        if wrong {
            limit = limit.min(AGAIN);
        }
        if wait(&stop, &news, limit)? {
            break;
        }
    }
    if let Some(order) = watch.leave() {
        carry_out(&mut links, order, false);
    }
    info!("stopping; the port towards the PBX is left up");
    Ok(())
}

fn say(state: Option<bool>) {
    match state {
        None => info!("no bridge of ours: nothing is passed on"),
        Some(true) => info!("the outside port has a link: the port towards the PBX is up"),
        Some(false) => warn!("the outside port has no link: the port towards the PBX is down"),
    }
}

/// Has it been done? A failure is told once, until it has worked again.
fn carry_out(links: &mut Links, order: watch::Order, told: bool) -> bool {
    match links.switch(order.index, order.up) {
        Ok(()) => true,
        // Unplugged meanwhile; the news of it is on its way.
        Err(problem) if problem.raw_os_error() == Some(Errno::ENODEV as i32) => true,
        Err(problem) => {
            if !told {
                let word = if order.up { "on" } else { "off" };
                warn!(%problem, "the port towards the PBX cannot be switched {word}; the service needs CAP_NET_ADMIN");
            }
            false
        }
    }
}

/// Waits for news of links, or a signal to stop.
fn wait(stop: &SignalFd, news: &News, limit: Duration) -> Result<bool, Fatal> {
    let mut fds = [
        PollFd::new(stop.as_fd(), PollFlags::POLLIN),
        PollFd::new(news.as_fd(), PollFlags::POLLIN),
    ];
    // Rounded up, or the last fraction of a millisecond would be waited for in a hot loop.
    let limit = limit.as_millis().min(60_000) as u16 + 1;
    match poll(&mut fds, PollTimeout::from(limit)) {
        Ok(_) | Err(Errno::EINTR) => Ok(fds[0].any().unwrap_or(false)),
        Err(errno) => Err(Fatal::Wait(errno)),
    }
}

//! The process that has the panel (docs/box.md B10): it shows what the daemon says, and that the daemon
//! says nothing; it hands presses over; a reset it asks for itself.
//!
//! One thread, one loop, which wakes for each tick of the panel and for the socket.

use std::{
    convert::Infallible,
    fs::{self, OpenOptions},
    io::ErrorKind,
    os::{
        fd::AsFd,
        unix::{
            fs::{PermissionsExt, chown},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt},
    unistd::{Uid, User},
};
use tracing::{error, info, warn};
use trunkguard_core::panel::{Press, Service, State, Word};

use crate::{frames::Frames, panel::Front};

/// Where the panel's process listens, unless said otherwise.
pub const SOCKET: &str = "/run/trunkguard-panel/panel.sock";
/// The name of the file, beside the socket, that asks for a reset (docs/box.md B4).
pub const RESET: &str = "reset";
/// Words of the daemon taken at one go, so that one that talks without end does not hold up the LEDs.
const AT_ONCE: usize = 32;
/// The box restarts within this time when a reset was asked for, or there is none.
const RESET_WITHIN: Duration = Duration::from_secs(120);

/// How the process is started.
#[derive(Debug)]
pub struct Options {
    /// The socket that systemd hands over.
    pub listener: Option<UnixListener>,
    /// Where it listens otherwise. The reset's file is made in the same folder.
    pub socket: PathBuf,
    /// The daemon's user. Root is always believed.
    pub user: Option<String>,
    /// A daemon that has said nothing for so many milliseconds answers no calls.
    pub silent_ms: u64,
}

/// Why it does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The socket cannot be opened.
    #[error("{path}: {what}")]
    Socket {
        /// Its path.
        path: String,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// There is no such user.
    #[error(transparent)]
    User(#[from] NoUser),
    /// Waiting failed.
    #[error("the panel cannot wait for events: {0}")]
    Wait(Errno),
}

/// A user that is not there.
#[derive(Debug, thiserror::Error)]
#[error("{option} {name}: {what}; systemd/sysusers.conf makes the box's users")]
pub struct NoUser {
    option: &'static str,
    name: String,
    what: String,
}

impl NoUser {
    pub(crate) fn new(option: &'static str, name: &str, what: &str) -> NoUser {
        NoUser {
            option,
            name: name.escape_debug().to_string(),
            what: what.into(),
        }
    }
}

/// Serves until it is killed.
///
/// # Errors
/// What keeps it from starting, with the remedy.
pub fn serve(front: Box<dyn Front>, options: Options) -> Result<Infallible, Fatal> {
    let user = match &options.user {
        None => None,
        Some(name) => match User::from_name(name) {
            Ok(Some(user)) => Some(user),
            Ok(None) => return Err(NoUser::new("--user", name, "there is no such user").into()),
            Err(errno) => return Err(NoUser::new("--user", name, errno.desc()).into()),
        },
    };
    let wrong = |what: String| Fatal::Socket {
        path: options.socket.display().to_string(),
        what,
    };
    let listener = match options.listener {
        Some(listener) => listener,
        None => bind(&options.socket, user.as_ref()).map_err(wrong)?,
    };
    (listener.set_nonblocking(true)).map_err(|problem| wrong(problem.to_string()))?;
    let reset = options.socket.with_file_name(RESET);
    // One that a panel before this one has asked for is still on its way.
    let resetting = reset.exists().then(Instant::now);
    let mut service = Panel {
        front,
        listener,
        user: user.map(|user| user.uid),
        daemon: None,
        word: Word::default(),
        silent_ms: options.silent_ms,
        reset,
        resetting,
        start: Instant::now(),
        told: false,
    };
    info!(socket = %options.socket.display(), "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    service.run()
}

struct Panel {
    front: Box<dyn Front>,
    listener: UnixListener,
    user: Option<Uid>,
    /// The one daemon.
    daemon: Option<Frames>,
    word: Word,
    silent_ms: u64,
    /// The file that asks for a reset.
    reset: PathBuf,
    /// A reset was asked for, then.
    resetting: Option<Instant>,
    start: Instant,
    /// That a pin does not obey has been said.
    told: bool,
}

impl Panel {
    fn run(&mut self) -> Result<Infallible, Fatal> {
        let tick = Duration::from_millis(<dyn Front>::TICK_MS);
        let mut due = Instant::now();
        let feed = sd_notify::watchdog_enabled().map(|limit| limit / 3);
        let mut fed = Instant::now();
        loop {
            let now = Instant::now();
            if now >= due {
                self.tick();
                // A tick that was missed is not made up for.
                due = now.max(due + tick);
                if feed.is_some_and(|every| fed.elapsed() >= every) {
                    // The LEDs have just been looked after: that is the work of this process.
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                    fed = now;
                }
            }
            self.wait(due.saturating_duration_since(Instant::now()))?;
        }
    }

    fn wait(&mut self, limit: Duration) -> Result<(), Fatal> {
        // Rounded up, or the last fraction of a millisecond would be waited for in a hot loop.
        let limit = limit.as_millis().min(1_000) as u16 + u16::from(!limit.is_zero());
        let mut fds = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        if let Some(daemon) = &self.daemon {
            fds.push(PollFd::new(daemon.stream().as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::from(limit)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(()),
            Err(errno) => return Err(Fatal::Wait(errno)),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        if ready.get(1) == Some(&true) {
            self.hear();
        }
        if ready[0] {
            self.accept();
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn tick(&mut self) {
        self.hear();
        let now_ms = self.now_ms();
        let state = self.shown(now_ms);
        match self.front.tick(&state, now_ms) {
            Ok(None) => self.told = false,
            Ok(Some(presence)) => self.pressed(presence.press()),
            Err(problem) if !self.told => {
                warn!(%problem, "the panel does not obey; it is tried again and again");
                self.told = true;
            }
            Err(_) => {}
        }
    }

    fn shown(&mut self, now_ms: u64) -> State {
        let state = self.word.shown(self.silent_ms, now_ms);
        match self.resetting {
            None => state,
            Some(since) if since.elapsed() < RESET_WITHIN => State {
                service: Service::Resetting,
                ..state
            },
            Some(_) => {
                error!(
                    "the reset did not come: nothing reacted to {}; look at trunkguard-reset.path and trunkguard-reset.service, then press again",
                    self.reset.display()
                );
                self.resetting = None;
                let _ = fs::remove_file(&self.reset);
                state
            }
        }
    }

    fn pressed(&mut self, press: Press) {
        if press == Press::FactoryReset {
            return self.ask_for_reset();
        }
        let speaks = self.word.speaks(self.silent_ms, self.now_ms());
        match &mut self.daemon {
            Some(_) if !speaks => {
                warn!(?press, "button: the daemon is silent; nothing was done");
            }
            Some(daemon) => match daemon.say(&press) {
                Ok(()) => info!(?press, "button: the daemon was told"),
                Err(problem) => {
                    warn!(?press, %problem, "button: the daemon takes nothing; nothing was done");
                    self.leave();
                }
            },
            None => warn!(?press, "button: no daemon is connected; nothing was done"),
        }
    }

    /// Needs no daemon: a box whose daemon does not start is one that somebody wants to reset.
    fn ask_for_reset(&mut self) {
        match (OpenOptions::new().write(true).create(true).truncate(false)).open(&self.reset) {
            Ok(_) => {
                info!("button: reset to factory state; the box restarts");
                self.resetting = Some(Instant::now());
            }
            Err(problem) => {
                error!(%problem, "button: the reset cannot be asked for: {} cannot be made; it must be in a folder of this user", self.reset.display());
            }
        }
    }

    fn hear(&mut self) {
        let now_ms = self.now_ms();
        for _ in 0..AT_ONCE {
            let Some(daemon) = &mut self.daemon else {
                return;
            };
            match daemon.hear::<State>() {
                Ok(Some(state)) => self.word.hear(state, now_ms),
                Ok(None) => return,
                Err(problem) => {
                    match problem.kind() {
                        ErrorKind::UnexpectedEof => warn!("the daemon has gone"),
                        _ => warn!(%problem, "the daemon's connection is closed"),
                    }
                    self.leave();
                }
            }
        }
    }

    fn leave(&mut self) {
        self.daemon = None;
        self.word.leave();
    }

    fn accept(&mut self) {
        let Ok((stream, _)) = self.listener.accept() else {
            return;
        };
        // The kernel's word, of the moment when it connected.
        let Ok(peer) = getsockopt(&stream, sockopt::PeerCredentials) else {
            return;
        };
        let uid = Uid::from_raw(peer.uid());
        if !uid.is_root() && Some(uid) != self.user {
            warn!(%uid, pid = peer.pid(), "a connection is refused: only root and the daemon's user are believed (--user)");
            return;
        }
        match Frames::new(stream) {
            Ok(frames) => {
                // A daemon that was killed may not have been seen to go yet.
                if self.daemon.replace(frames).is_some() {
                    warn!(
                        pid = peer.pid(),
                        "another daemon has connected; the one before is let go"
                    );
                } else {
                    info!(pid = peer.pid(), "the daemon has connected");
                }
            }
            Err(problem) => warn!(%problem, "a connection cannot be used"),
        }
    }
}

fn bind(path: &Path, user: Option<&User>) -> Result<UnixListener, String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("its folder cannot be made: {e}"))?;
    }
    let listener = match UnixListener::bind(path) {
        Err(problem) if problem.kind() == ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err("another panel serves it; stop that one first (systemctl stop trunkguard-panel.socket trunkguard-panel.service)".into());
            }
            // Left by one that was killed.
            fs::remove_file(path).map_err(|e| format!("an old socket cannot be removed: {e}"))?;
            UnixListener::bind(path)
        }
        other => other,
    };
    let listener =
        listener.map_err(|e| format!("cannot be made: {e}; choose another with --socket"))?;
    // As a service its group is the daemon's already; who is root gives it to the daemon.
    if let Some(user) = user {
        let _ = chown(path, None, Some(user.gid.as_raw()));
    }
    let mode = fs::Permissions::from_mode(0o660);
    fs::set_permissions(path, mode).map_err(|e| format!("its mode cannot be set: {e}"))?;
    Ok(listener)
}

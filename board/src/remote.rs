//! A panel that another process has (`trunkguard panel`): the state goes there, presses come from there.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt,
    },
    unistd::{Uid, User},
};
use trunkguard_core::panel::{Press, State};

use crate::{
    frames::{EVERY_MS, Frames},
    panel::{Front, PanelError},
    presence::Presence,
    service::NoUser,
};

/// Between two attempts to reach it, in milliseconds.
const AGAIN_MS: u64 = 500;

/// The panel's process, as the daemon sees it.
#[derive(Debug)]
pub struct Remote {
    path: PathBuf,
    user: Option<Uid>,
    link: Option<Frames>,
    /// What was last said, and when.
    said: Option<(State, u64)>,
    /// Not tried again before, and why it is not there.
    due_ms: u64,
    problem: Option<PanelError>,
}

impl Remote {
    /// The panel that listens at `path`. Its socket is root's (systemd opens it for the panel) or that of
    /// `user`; whoever else listens there is not believed.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn new(path: &Path, user: &str) -> Result<Remote, NoUser> {
        let user = match User::from_name(user) {
            // Where no such user was made, root's socket is the only one that is believed.
            Ok(found) => found.map(|user| user.uid),
            Err(errno) => return Err(NoUser::new("--panel-user", user, errno.desc())),
        };
        Ok(Remote {
            path: path.into(),
            user,
            link: None,
            said: None,
            due_ms: 0,
            problem: None,
        })
    }

    fn reach(&self) -> Result<Frames, PanelError> {
        let wrong = |what: String| {
            PanelError::Remote(format!(
                "the panel's process is not reached at {}: {what}; `systemctl status trunkguard-panel` (--panel-socket)",
                self.path.display()
            ))
        };
        let stream = dial(&self.path).map_err(|errno| wrong(errno.to_string()))?;
        // The kernel's word, of the moment when it began to listen.
        let peer = getsockopt(&stream, sockopt::PeerCredentials)
            .map_err(|errno| wrong(errno.to_string()))?;
        let uid = Uid::from_raw(peer.uid());
        if !uid.is_root() && Some(uid) != self.user {
            return Err(wrong(format!(
                "user {uid} listens there, who is neither root nor the panel's (--panel-user)"
            )));
        }
        Frames::new(stream).map_err(|problem| wrong(problem.to_string()))
    }

    fn lost(&mut self, problem: PanelError, now_ms: u64) -> PanelError {
        self.due_ms = now_ms + AGAIN_MS;
        self.problem = Some(problem.clone());
        problem
    }

    fn talk(&mut self, state: &State, now_ms: u64) -> io::Result<Option<Press>> {
        let Some(link) = &mut self.link else {
            return Ok(None);
        };
        let due = (self.said).is_none_or(|(said, at)| said != *state || now_ms >= at + EVERY_MS);
        if due {
            link.say(state)?;
            self.said = Some((*state, now_ms));
        }
        link.hear()
    }
}

impl Front for Remote {
    fn tick(&mut self, state: &State, now_ms: u64) -> Result<Option<Presence>, PanelError> {
        if self.link.is_none() {
            if let Some(problem) = self.problem.as_ref().filter(|_| now_ms < self.due_ms) {
                return Err(problem.clone());
            }
            match self.reach() {
                Ok(link) => (self.link, self.said, self.problem) = (Some(link), None, None),
                Err(problem) => return Err(self.lost(problem, now_ms)),
            }
        }
        match self.talk(state, now_ms) {
            Ok(press) => Ok(press.map(Presence::of)),
            Err(problem) => {
                self.link = None;
                let problem = PanelError::Remote(format!(
                    "the panel's process at {} has gone ({problem}); it is looked for again",
                    self.path.display()
                ));
                Err(self.lost(problem, now_ms))
            }
        }
    }
}

/// Connects without ever waiting: a panel that accepts nobody must not hold up the daemon.
fn dial(path: &Path) -> nix::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(
        std::os::fd::AsRawFd::as_raw_fd(&socket),
        &UnixAddr::new(path)?,
    ) {
        Ok(()) => Ok(UnixStream::from(socket)),
        // Its queue is full.
        Err(Errno::EAGAIN) => Err(Errno::EBUSY),
        Err(errno) => Err(errno),
    }
}

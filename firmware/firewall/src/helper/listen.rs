//! The helper's socket, and who may speak to it.

use std::{
    fs,
    io::ErrorKind,
    os::{
        fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::{
            fs::{PermissionsExt, chown},
            net::{UnixListener, UnixStream},
        },
    },
    path::Path,
};

use nix::{
    sys::socket::{getsockopt, sockopt},
    unistd::{Uid, User},
};
use tracing::{debug, warn};

use super::{Fatal, Options};

/// Accepts connections of root and of one user.
pub struct Listener {
    listener: UnixListener,
    user: Option<Uid>,
}

impl Listener {
    /// Takes the socket that systemd hands over, or makes one.
    pub fn open(options: &Options) -> Result<Listener, Fatal> {
        let user = options.user.as_deref().map(user).transpose()?;
        let path = &options.socket;
        let listener = match inherited() {
            Some(listener) => listener,
            None => bind(path, user.as_ref()).map_err(|what| Fatal::Socket {
                path: path.display().to_string(),
                what,
            })?,
        };
        listener
            .set_nonblocking(true)
            .map_err(|problem| Fatal::Socket {
                path: path.display().to_string(),
                what: problem.to_string(),
            })?;
        Ok(Listener {
            listener,
            user: user.map(|user| user.uid),
        })
    }

    /// A connection of somebody who may speak.
    pub fn accept(&self) -> Option<UnixStream> {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(problem) => {
                debug!(%problem, "a connection was gone before it was accepted");
                return None;
            }
        };
        // The kernel's word, of the moment when it connected.
        let peer = getsockopt(&stream, sockopt::PeerCredentials).ok()?;
        let uid = Uid::from_raw(peer.uid());
        if !uid.is_root() && Some(uid) != self.user {
            warn!(%uid, pid = peer.pid(), "a connection is refused: only root and the daemon's user are answered (--user)");
            return None;
        }
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

fn user(name: &str) -> Result<User, Fatal> {
    let unknown = |what: String| Fatal::User {
        name: name.into(),
        what,
    };
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(unknown("there is no such user".into())),
        Err(errno) => Err(unknown(errno.to_string())),
    }
}

fn inherited() -> Option<UnixListener> {
    let (fd, _) = sd_notify::listen_fds_with_names().ok()?.next()?;
    // SAFETY: systemd hands each descriptor over once, and listen_fds_with_names takes the variables
    // away, so nobody else will own it.
    Some(UnixListener::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}

fn bind(path: &Path, user: Option<&User>) -> Result<UnixListener, String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| format!("its folder cannot be made: {e}"))?;
    }
    let listener = match UnixListener::bind(path) {
        Err(problem) if problem.kind() == ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                return Err("another helper serves it; stop that one first (systemctl stop trunkguard-firewall)".into());
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

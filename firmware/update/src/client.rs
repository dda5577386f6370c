//! Asking the process: a line of JSON there and one back, over its Unix socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use trunkguard_core::update::report::{Ask, Status};

/// Where it listens, unless said otherwise.
pub const SOCKET: &str = "/run/trunkguard-update/update.sock";
/// Octets of an answer.
const LONGEST: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(30);
/// A bundle that was handed over is on the disk, and looked over by RAUC, which may have to start for it, within so long.
const LOOKED_OVER: Duration = Duration::from_secs(180);

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How things stand, after what was asked was begun or done.
    Ok(Box<Status>),
    /// Why it was not.
    Error(String),
}

/// Asks.
///
/// # Errors
/// When nobody listens, or the answer is no: a sentence for people.
pub fn ask(socket: &Path, ask: &Ask) -> Result<Status, String> {
    exchange(socket, ask, &mut io::empty())
}

/// Hands a bundle of `size` octets over, to be kept until it is installed.
///
/// # Errors
/// As [`ask`]; or when `bundle` cannot be read.
pub fn send(socket: &Path, size: u64, bundle: &mut impl Read) -> Result<Status, String> {
    exchange(socket, &Ask::Receive { size }, bundle)
}

fn exchange(socket: &Path, ask: &Ask, body: &mut impl Read) -> Result<Status, String> {
    let mut talk = || -> io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        let patience = match ask {
            Ask::Receive { .. } => LOOKED_OVER,
            _ => PATIENCE,
        };
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        // One that refuses says so and does not read on; its answer counts, not that.
        let _ = io::copy(body, &mut stream);
        // A body that broke off is seen to have ended, and not waited for.
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        BufReader::new(stream.take(LONGEST)).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = talk().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            "nothing here installs updates: this is no box with two systems, and is renewed by whoever installed it".to_owned()
        }
        io::ErrorKind::PermissionDenied => format!("{}: {e}; ask as root or as the daemon's user", socket.display()),
        _ => format!("{}: the process that installs updates does not answer ({e}); look at its log", socket.display()),
    })?;
    match serde_json::from_str(&answer) {
        Ok(Answer::Ok(status)) => Ok(*status),
        Ok(Answer::Error(why)) => Err(why),
        Err(e) => Err(format!(
            "the answer of the process that installs updates is not understood ({e})"
        )),
    }
}

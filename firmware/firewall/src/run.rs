//! Another program, run to its end within bounds.

use std::{
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// Octets that are kept of what a program complains of.
const COMPLAINT: usize = 16 << 10;

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its process id.
    pub pid: u32,
    /// Its exit.
    pub status: ExitStatus,
    /// Standard error, its first 16 KiB.
    pub complaint: String,
}

/// Runs `program`, hands what it prints to `take` piece by piece, and ends it after `limit`.
///
/// # Errors
/// `NotFound` where it is not on the PATH, `TimedOut`, or as the system says.
pub fn run(
    program: &str,
    arguments: &[&str],
    input: Option<OwnedFd>,
    limit: Duration,
    mut take: impl FnMut(&[u8]),
) -> io::Result<Ended> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .args(arguments)
        // Its messages are read, so they must be in one language.
        .env("LC_ALL", "C")
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let ended = outputs(&mut child, deadline, &mut take);
    let status = ended.and_then(|complaint| Ok((complaint, wait(&mut child, deadline)?)));
    match status {
        Ok((complaint, status)) => Ok(Ended {
            pid: child.id(),
            status,
            complaint: String::from_utf8_lossy(&complaint).into_owned(),
        }),
        Err(problem) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(problem)
        }
    }
}

fn outputs(
    child: &mut Child,
    deadline: Instant,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<Vec<u8>> {
    let mut out: Option<ChildStdout> = child.stdout.take();
    let mut err: Option<ChildStderr> = child.stderr.take();
    let mut complaint = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while out.is_some() || err.is_some() {
        let fds = [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)];
        let mut polled: Vec<PollFd<'_>> = (fds.iter().flatten())
            .map(|fd| PollFd::new(*fd, PollFlags::POLLIN))
            .collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match poll(
            &mut polled,
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
        ) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        let mut ready = polled
            .iter()
            .map(|fd| fd.any().unwrap_or(false))
            .collect::<Vec<_>>();
        drop(polled);
        if out.is_some() && ready.remove(0) {
            match out.as_mut().map_or(Ok(0), |out| out.read(&mut buffer))? {
                0 => out = None,
                read => take(&buffer[..read]),
            }
        }
        if err.is_some() && ready.first() == Some(&true) {
            match err.as_mut().map_or(Ok(0), |err| err.read(&mut buffer))? {
                0 => err = None,
                read => {
                    let room = COMPLAINT.saturating_sub(complaint.len());
                    complaint.extend(&buffer[..read.min(room)]);
                }
            }
        }
    }
    Ok(complaint)
}

/// It has closed its outputs, so it is about to end.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

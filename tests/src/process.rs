//! A child process that cannot outlive its test.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use crate::tools;

/// A running program in a process group of its own, its output in a file. It is killed with its
/// whole group when this is dropped, and by the kernel when the thread that started it ends.
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `program` with both outputs appended to the file `output`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(program: &Path, args: &[A], output: &Path) -> Result<Process> {
        let file = File::options().create(true).append(true).open(output)?;
        let child = Command::new(tools::on_path("setpriv")?)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Process {
            name,
            child,
            output: output.to_owned(),
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed until now.
    pub fn printed(&self) -> String {
        fs::read(&self.output)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until `done` says so of what it has printed.
    ///
    /// # Errors
    /// When the process ends or `limit` passes before that.
    pub fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        done: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let started = Instant::now();
        loop {
            if done(&self.printed()) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended ({status}) before {what}:\n{}",
                    self.name,
                    self.printed()
                );
            }
            if started.elapsed() > limit {
                bail!(
                    "{}: no {what} within {limit:?}:\n{}",
                    self.name,
                    self.printed()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When `limit` passes before that.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > limit {
                bail!(
                    "{} is still running after {limit:?}:\n{}",
                    self.name,
                    self.printed()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Is it still running?
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// When it does not end within `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        if self.alive() {
            kill(self.pid(), Signal::SIGTERM)?;
        }
        self.wait(limit)
    }

    /// Ends it and its group at once, with SIGKILL.
    pub fn kill(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }

    fn pid(&self) -> Pid {
        // Process ids are positive and fit in 31 bits on Linux.
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

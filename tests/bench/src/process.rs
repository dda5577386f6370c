//! Servers under test: started on one core, measured through /proc, and ended whatever happens.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};

/// The core of the server under test, with all its threads and children.
pub const SERVER_CORE: usize = 0;
/// The core of the clients.
pub const CLIENT_CORE: usize = 1;
/// How long a server has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Moves this process to the clients' core.
///
/// # Errors
/// When the machine has no second core.
pub fn pin_self() -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(CLIENT_CORE)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .context("cannot run on the second core; this benchmark needs a machine with two")
}

/// A command on a core, that the kernel ends when this process ends.
pub fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &core.to_string(), "setpriv", "--pdeathsig", "TERM"])
        .arg(program)
        .stdin(Stdio::null());
    command
}

/// A server under test.
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
    pids: Vec<i32>,
}

impl Server {
    /// Starts `command` (see [`on_core`]); its output goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {name} ({command:?})"))?;
        Ok(Server {
            name: name.into(),
            child,
            log: log.into(),
            pids: Vec::new(),
        })
    }

    /// Waits until `ready` says yes, then notes the server's processes.
    ///
    /// # Errors
    /// When it ends meanwhile, or is not ready in 60 s; with the end of its log.
    pub fn wait(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log_end());
            }
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{} does not answer:\n{}", self.name, self.log_end());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.pids = family(self.child.id() as i32)?;
        Ok(())
    }

    /// CPU time of all its processes and threads so far, user and system.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn cpu(&self) -> Result<Duration> {
        let each = self.pids.iter().map(|pid| cpu(*pid));
        each.sum::<Result<Duration>>()
            .with_context(|| format!("{}:\n{}", self.name, self.log_end()))
    }

    /// Resident and proportional memory of all its processes, in KiB.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let mut sums = (0, 0);
        for pid in &self.pids {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
                .with_context(|| format!("cannot read the memory of {}", self.name))?;
            let figure = |key: &str| {
                let line = rollup.lines().find(|line| line.starts_with(key))?;
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            };
            sums.0 += figure("Rss:").unwrap_or(0);
            sums.1 += figure("Pss:").unwrap_or(0);
        }
        Ok(sums)
    }

    /// Most memory that the first process was ever resident with, in KiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn memory_peak(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        Ok(line
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0))
    }

    /// The last lines of its output.
    pub fn log_end(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let end = text.len().saturating_sub(2000);
        String::from_utf8_lossy(&text[end..]).into_owned()
    }

    fn stop(&mut self) {
        let pids = family(self.child.id() as i32).unwrap_or_default();
        // Children first: strace passes no signal on to what it traces.
        for pid in pids.iter().rev() {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGTERM);
        }
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} does not end by itself; killed", self.name);
        for pid in &pids {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// CPU time of a process with all its threads, user and system.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: i32) -> Result<Duration> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // proc(5): utime and stime are fields 14 and 15; the name (field 2) may hold spaces.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = rest
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>();
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second))
}

/// The process and all that descend from it, parents first.
fn family(root: i32) -> Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // A process may end while the list is read.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<i32>().ok());
        parents.push((pid, parent.unwrap_or(0)));
    }
    let mut all = vec![root];
    let mut at = 0;
    while at < all.len() {
        let parent = all[at];
        all.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_measured_and_ended() {
        let log = std::env::temp_dir().join(format!("bench-process-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo up; while :; do :; done"]);
        let mut server = Server::start("loop", command, &log).unwrap();
        server
            .wait(|| fs::read_to_string(&log).is_ok_and(|text| text == "up\n"))
            .unwrap();
        let pid = server.child.id();
        let start = Instant::now();
        while server.cpu().unwrap() < Duration::from_millis(20) {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
        assert!(server.memory().unwrap().0 > 100);
        drop(server);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        fs::remove_file(&log).unwrap();
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_log() {
        let log = std::env::temp_dir().join(format!("bench-ended-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such luck; exit 3"]);
        let mut server = Server::start("quitter", command, &log).unwrap();
        let error = server.wait(|| false).unwrap_err().to_string();
        assert!(error.contains("no such luck"), "{error}");
        fs::remove_file(&log).unwrap();
    }
}

//! What the figures were measured on.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::resource::{Usage, UsageWho, getrusage},
    sys::time::TimeValLike,
    unistd::{SysconfVar, sysconf},
};

/// Appends made to find out what waiting for the disk costs, and the most time spent on it.
const APPENDS: usize = 200;
const MOST: Duration = Duration::from_secs(2);

/// Lines that say what the machine is and what ran on it.
pub fn describe(folder: &Path) -> Vec<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split(':').nth(1))
            .unwrap_or("unknown")
            .trim()
            .to_string()
    };
    let count = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let memory = of(
        &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        "MemTotal",
    );
    vec![
        format!(
            "- {count} CPUs, {}; memory {memory}",
            of(&cpus, "model name")
        ),
        format!("- {}", said("uname", &["-srm"])),
        format!(
            "- state on {}",
            said(
                "findmnt",
                &[
                    "-nro",
                    "SOURCE,FSTYPE,TARGET",
                    "-T",
                    &folder.to_string_lossy()
                ]
            )
        ),
        format!(
            "- peers: {}; {}",
            said("kamailio", &["-v"]),
            said("sipp", &["-v"])
        ),
        format!(
            "- load average before: {}",
            fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
        ),
    ]
}

/// The first line that is not empty of what a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("unknown")
        .trim()
        .to_string()
}

/// Watches what the machine does besides.
pub struct Others {
    start: Instant,
    busy: Duration,
}

impl Others {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn watch() -> Result<Self> {
        Ok(Others {
            start: Instant::now(),
            busy: busy()?.saturating_sub(own()?),
        })
    }

    /// Cores that processes other than this one and the servers it ended have kept busy, on average.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn cores(&self) -> Result<f64> {
        let other = busy()?.saturating_sub(own()?).saturating_sub(self.busy);
        Ok(other.as_secs_f64() / self.start.elapsed().as_secs_f64())
    }
}

/// CPU time of everything, since the machine started.
fn busy() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = |at: usize| {
        stat.split_whitespace()
            .nth(at)
            .and_then(|f| f.parse::<u64>().ok())
            .unwrap_or(0)
    };
    // proc(5): user, nice, system, then idle and waiting for disks, then interrupts, and stolen.
    let all: u64 = [1, 2, 3, 6, 7, 8].into_iter().map(ticks).sum();
    let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_secs_f64(all as f64 / per_second as f64))
}

/// CPU time of this process and of the children that it has waited for.
///
/// # Errors
/// When the kernel does not say.
pub fn own() -> Result<Duration> {
    let of = |usage: Usage| {
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
    };
    let all = of(getrusage(UsageWho::RUSAGE_SELF)?) + of(getrusage(UsageWho::RUSAGE_CHILDREN)?);
    Ok(Duration::from_micros(u64::try_from(all).unwrap_or(0)))
}

/// Half of all 4 KiB appends with fdatasync in this folder take at most so long.
///
/// # Errors
/// When the folder cannot be written.
pub fn fsync_p50(folder: &Path) -> Result<Duration> {
    let path = folder.join("fsync-probe");
    let mut file =
        fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let start = Instant::now();
    let mut took = Vec::new();
    while took.len() < APPENDS && start.elapsed() < MOST {
        let one = Instant::now();
        std::io::Write::write_all(&mut file, &[0x5A; 4096])?;
        file.sync_data()?;
        took.push(one.elapsed());
    }
    fs::remove_file(&path)?;
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

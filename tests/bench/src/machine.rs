//! What the figures were measured on.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

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

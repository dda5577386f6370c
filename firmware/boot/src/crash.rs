//! What is kept of a crash (B16): a ring of a few small files. It must never be what wears a card out
//! or fills it, so it is bounded in size, number and rate.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::files;

/// Files that are kept; the oldest makes room.
pub const KEPT: usize = 8;
/// Octets of the longest file.
pub const LONGEST: usize = 64 << 10;
/// Records of one unit between two starts of the box: the first ones tell most, and one that crashes for
/// ever must not push the others out.
pub const MOST_PER_START: u32 = 4;
/// Lines of the log.
const LINES: &str = "200";
/// Characters of a unit's name.
const LONGEST_NAME: usize = 80;

/// What systemd says of the end of a unit to the one that its `OnFailure=` starts (systemd.exec(5)).
const VARIABLES: [&str; 5] = [
    "MONITOR_SERVICE_RESULT",
    "MONITOR_EXIT_CODE",
    "MONITOR_EXIT_STATUS",
    "MONITOR_INVOCATION_ID",
    "MONITOR_UNIT",
];

/// A file of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name: `NNNN-UNIT.log`.
    pub name: String,
    /// Its number.
    number: u32,
}

/// The files of the ring, the oldest first. What is none of its own is not touched.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(ring: &Path) -> io::Result<Vec<Kept>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(ring)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        let number = name
            .strip_suffix(".log")
            .and_then(|name| name.split_once('-'))
            .filter(|(number, _)| number.len() >= 4)
            .and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            all.push(Kept { name, number });
        }
    }
    all.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    Ok(all)
}

/// Keeps a text: its beginning, which says what this is, and as much of its end as there is room for.
///
/// # Errors
/// When the disk does not take it.
pub fn keep(ring: &Path, unit: &str, head: &str, log: &[u8]) -> io::Result<PathBuf> {
    let all = list(ring)?;
    // Room first: on a full disk, too, there is then some.
    for old in all.iter().take((all.len() + 1).saturating_sub(KEPT)) {
        fs::remove_file(ring.join(&old.name))?;
    }
    let number = all
        .last()
        .map_or(1, |last| last.number.wrapping_add(1).max(1));
    let path = ring.join(format!("{number:04}-{}.log", plain(unit)));
    let mut text = head.as_bytes().to_vec();
    text.truncate(LONGEST / 4);
    let from = log.len().saturating_sub(LONGEST - text.len());
    text.extend_from_slice(&log[from..]);
    files::replace(&path, &text, 0o640)?;
    Ok(path)
}

/// A unit's name without anything that means something in a path.
fn plain(unit: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':');
    let name: String = unit
        .chars()
        .take(LONGEST_NAME)
        .map(|c| if known(c) { c } else { '_' })
        .collect();
    if name.is_empty() {
        "unknown".into()
    } else {
        name
    }
}

/// May one more record of this unit be kept? Counts it. `counts` is a folder in memory, so a start begins anew.
///
/// # Errors
/// When the folder does not take the count: nothing is kept then, rather than without end.
pub fn count(counts: &Path, unit: &str) -> io::Result<bool> {
    let path = counts.join(plain(unit));
    let before: u32 = files::read(&path, 16)
        .ok()
        .and_then(|octets| String::from_utf8(octets).ok()?.trim().parse().ok())
        .unwrap_or(0);
    if before >= MOST_PER_START {
        return Ok(false);
    }
    files::replace(&path, format!("{}\n", before + 1).as_bytes(), 0o600)?;
    Ok(true)
}

/// What systemd says of how the unit ended, one line each.
pub fn result(variable: impl Fn(&str) -> Option<String>) -> String {
    let said = VARIABLES
        .iter()
        .filter_map(|name| Some(format!("{name}={}\n", variable(name)?)));
    said.collect()
}

/// The unit's last lines of the log since the start of the box. Where there are none to be had, that is
/// said in their place.
pub fn log(unit: &str) -> Vec<u8> {
    let out = Command::new("journalctl")
        .args([
            "-b",
            "-n",
            LINES,
            "-o",
            "short-iso-precise",
            "--no-pager",
            "-u",
        ])
        .arg(unit)
        .stdin(Stdio::null())
        .output();
    match out {
        Ok(out) if out.status.success() => out.stdout,
        Ok(out) => [b"the log cannot be read: ", &*out.stderr].concat(),
        Err(e) => format!("the log cannot be read: journalctl: {e}\n").into_bytes(),
    }
}

/// Did the kernel whose console this was go because it was told to (`kernel_restart`, `kernel_power_off`
/// in kernel/reboot.c)? Then these are no last words.
fn on_purpose(name: &str, text: &[u8]) -> bool {
    let said = |what: &[u8]| text.windows(what.len()).any(|part| part == what);
    name.starts_with("console-")
        && (said(b"reboot: Restarting system") || said(b"reboot: Power down"))
}

/// Moves a kernel's last words from pstore into the ring, and says how many there were. They are
/// taken away from pstore when they are on the disk, or when they are those of a usual restart.
///
/// # Errors
/// When the disk does not take one; that one stays in pstore.
pub fn keep_kernels(pstore: &Path, ring: &Path) -> io::Result<usize> {
    let mut names: Vec<_> = fs::read_dir(pstore)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let mut kept = 0;
    for name in names {
        let path = pstore.join(&name);
        let text = files::read(&path, 8 << 20)?;
        // The newest few are all that the ring has room for; more of the same are only taken away.
        if kept < KEPT / 2 && !on_purpose(&name, &text) {
            let head = format!("the kernel's last words, from pstore: {name}\n");
            keep(ring, "kernel", &head, &text)?;
            kept += 1;
        }
        fs::remove_file(&path)?;
    }
    Ok(kept)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_newest() {
        let ring = tempfile::tempdir().unwrap();
        fs::write(ring.path().join("notes.txt"), "not the ring's").unwrap();
        for n in 0..20 {
            keep(
                ring.path(),
                "trunkguard.service",
                "",
                format!("{n}").as_bytes(),
            )
            .unwrap();
        }
        let all = list(ring.path()).unwrap();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0].name, "0013-trunkguard.service.log");
        assert_eq!(all[7].name, "0020-trunkguard.service.log");
        assert!(ring.path().join("notes.txt").exists());
        fs::write(ring.path().join("9999-x.log"), "").unwrap();
        keep(ring.path(), "y", "", b"").unwrap();
        assert_eq!(list(ring.path()).unwrap()[7].name, "10000-y.log");
    }

    #[test]
    fn a_record_is_bounded_and_has_head_and_end() {
        let ring = tempfile::tempdir().unwrap();
        let log = [&[b'a'; LONGEST * 2][..], b"the end"].concat();
        let path = keep(ring.path(), "../../etc/x", "the head\n", &log).unwrap();
        assert_eq!(path.file_name().unwrap(), "0001-.._.._etc_x.log");
        let text = fs::read(&path).unwrap();
        assert_eq!(text.len(), LONGEST);
        assert!(text.starts_with(b"the head\naaa") && text.ends_with(b"the end"));
        let head = "h".repeat(LONGEST * 2);
        assert_eq!(
            fs::read(keep(ring.path(), "", &head, &log).unwrap())
                .unwrap()
                .len(),
            LONGEST
        );
    }

    #[test]
    fn a_unit_that_crashes_for_ever_is_kept_a_few_times() {
        let counts = tempfile::tempdir().unwrap();
        let all: Vec<bool> = (0..6).map(|_| count(counts.path(), "a").unwrap()).collect();
        assert_eq!(all, [true, true, true, true, false, false]);
        assert!(count(counts.path(), "b").unwrap());
        assert!(count(Path::new("/nonexistent"), "a").is_err());
    }

    #[test]
    fn the_kernels_words_are_moved() {
        let (pstore, ring) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for n in 0..10 {
            fs::write(pstore.path().join(format!("dmesg-ramoops-{n}")), "Oops").unwrap();
        }
        fs::write(
            pstore.path().join("console-ramoops-0"),
            "[ 9.1] reboot: Restarting system\n",
        )
        .unwrap();
        assert_eq!(keep_kernels(pstore.path(), ring.path()).unwrap(), KEPT / 2);
        assert_eq!(fs::read_dir(pstore.path()).unwrap().count(), 0);
        let text = fs::read_to_string(ring.path().join("0001-kernel.log")).unwrap();
        assert!(text.contains("dmesg-ramoops-0\nOops"));
    }

    #[test]
    fn the_result_is_what_systemd_says() {
        let said = result(|name| (name == "MONITOR_EXIT_CODE").then(|| "killed".into()));
        assert_eq!(said, "MONITOR_EXIT_CODE=killed\n");
    }
}

//! `trunkguard.toml` on the firmware partition (B13): brought to where the daemon's user reads it, and
//! what came of it written back, without a cluster of the FAT being taken or given back.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    libc,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, unshare},
};
use sha2::{Digest, Sha256};

use crate::files;

/// The file that an installer puts on the card.
pub const FILE: &str = "trunkguard.toml";
/// The file that the installer reads afterwards.
pub const RESULT: &str = "trunkguard-result.txt";
/// Octets of that file, always.
pub const RESULT_OCTETS: usize = 4_096;
/// Octets of the longest policy file; `trunkguard apply` takes no longer one either.
pub const LONGEST: u64 = 16 << 20;
/// In the runtime folder: why the file could not be brought, instead of it.
const PROBLEM: &str = "problem";
/// In the runtime folder: the outcome, for [`report`].
const OUTCOME: &str = "outcome";
/// Where the partition is mounted, for this process alone.
const MOUNT: &str = "/run/trunkguard-firmware";

/// Runs `work` on the firmware partition's files. A folder is taken as it is; a device is mounted in a
/// mount namespace of this process's own, so that nobody else sees it and that it is gone with the
/// process, whatever happens.
///
/// # Errors
/// When it cannot be mounted, or taken off again, and those of `work`.
pub fn with_firmware<T>(
    from: &Path,
    write: bool,
    work: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<T> {
    if from.is_dir() {
        return work(from);
    }
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    fs::create_dir_all(MOUNT)?;
    let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if !write {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(Some(from), MOUNT, Some("vfat"), flags, none).map_err(|e| {
        let what = format!("cannot mount {} as FAT: {e}", from.display());
        io::Error::new(io::Error::from(e).kind(), what)
    })?;
    let done = work(Path::new(MOUNT));
    let off = umount(MOUNT);
    let done = done?;
    off?;
    Ok(done)
}

/// What was found on the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// No file.
    Nothing,
    /// It lies in the runtime folder now.
    File,
    /// It is none that can be read; why lies there instead.
    Problem,
}

/// Copies the file from the partition (`firmware`) into the runtime folder (`to`). What an earlier
/// start of the unit left there goes first.
///
/// # Errors
/// When the runtime folder does not take it.
pub fn fetch(firmware: &Path, to: &Path) -> io::Result<Fetched> {
    for name in [FILE, PROBLEM, OUTCOME] {
        match fs::remove_file(to.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let problem = match files::read(&firmware.join(FILE), LONGEST) {
        Ok(octets) => {
            // Notepad's mark that this is UTF-8.
            let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&octets);
            files::replace(&to.join(FILE), text, 0o644)?;
            return Ok(Fetched::File);
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            // Windows hides the end of a name, and Notepad appends its own.
            let hidden = format!("{FILE}.txt");
            if !firmware.join(&hidden).is_file() {
                return Ok(Fetched::Nothing);
            }
            format!("the file is called {hidden}; rename it to {FILE}")
        }
        Err(e) => format!("{FILE} cannot be read: {e}"),
    };
    files::replace(&to.join(PROBLEM), problem.as_bytes(), 0o644)?;
    Ok(Fetched::Problem)
}

/// Why [`fetch`] brought no file, if it could not.
pub fn problem(runtime: &Path) -> Option<String> {
    let octets = files::read(&runtime.join(PROBLEM), 1 << 10).ok()?;
    Some(String::from_utf8_lossy(&octets).into_owned())
}

/// The hash that says whether a file is the one that was applied last.
pub fn hash(octets: &[u8]) -> String {
    let digest = Sha256::digest(octets);
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What was applied last: the file's hash, and what was said of it then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// SHA-256 of the file, in hexadecimal digits.
    pub hash: String,
    /// The outcome, to be said again at each start with the same file.
    pub outcome: String,
}

impl Applied {
    /// Reads what was kept. Nothing where that is damaged: the file is then applied once more.
    pub fn read(kept: &Path) -> Option<Applied> {
        let octets = files::read(kept, 2 * RESULT_OCTETS as u64).ok()?;
        let text = String::from_utf8(octets).ok()?;
        let (hash, outcome) = text.split_once('\n')?;
        Some(Applied {
            hash: hash.to_owned(),
            outcome: outcome.to_owned(),
        })
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When the disk does not take it; the file is then applied once more at the next start.
    pub fn keep(&self, kept: &Path) -> io::Result<()> {
        let text = format!("{}\n{}", self.hash, self.outcome);
        files::replace(kept, text.as_bytes(), 0o600)
    }
}

/// Puts the outcome where [`report`] finds it.
///
/// # Errors
/// When the runtime folder does not take it.
pub fn say(runtime: &Path, outcome: &str) -> io::Result<()> {
    files::replace(&runtime.join(OUTCOME), outcome.as_bytes(), 0o644)
}

/// The outcome that was said, if any was.
pub fn said(runtime: &Path) -> Option<String> {
    let octets = files::read(&runtime.join(OUTCOME), 1 << 16).ok()?;
    Some(String::from_utf8_lossy(&octets).into_owned())
}

/// The result file's octets: line ends that every editor of a PC knows, and spaces to the end.
fn page(text: &str) -> Vec<u8> {
    let mut octets = text.trim_end().replace('\n', "\r\n").into_bytes();
    let mut end = octets.len().min(RESULT_OCTETS - 2);
    // Not through a character, and not between a CR and its LF.
    while end < octets.len() && end > 0 && (octets[end] & 0xc0 == 0x80 || octets[end - 1] == b'\r')
    {
        end -= 1;
    }
    octets.truncate(end);
    octets.resize(RESULT_OCTETS - 2, b' ');
    octets.extend_from_slice(b"\r\n");
    octets
}

/// Writes the text into the result file of the partition, in place, and says whether it had to. A file that says so
/// already is only read.
///
/// # Errors
/// When the file is not there or not of its length: it is never made here, because that would change
/// the FAT.
pub fn report(firmware: &Path, text: &str) -> io::Result<bool> {
    let path = firmware.join(RESULT);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_DSYNC | libc::O_NOFOLLOW)
        .open(&path)
        .map_err(|e| io::Error::new(e.kind(), format!("{RESULT}: {e}")))?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() != RESULT_OCTETS as u64 {
        return Err(io::Error::other(format!(
            "{RESULT} is not the file of {RESULT_OCTETS} octets that came with the image; write the image anew to have it back"
        )));
    }
    let (page, mut there) = (page(text), vec![0; RESULT_OCTETS]);
    file.read_exact_at(&mut there, 0)?;
    if page == there {
        return Ok(false);
    }
    file.write_all_at(&page, 0)?;
    Ok(true)
}

/// Does the result file say this already? So that the partition is mounted for writing only if not.
pub fn reported(firmware: &Path, text: &str) -> bool {
    files::read(&firmware.join(RESULT), RESULT_OCTETS as u64).is_ok_and(|there| there == page(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, tempfile::TempDir) {
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    #[test]
    fn a_file_is_brought_and_an_old_one_goes() {
        let (firmware, runtime) = folders();
        let bring = || fetch(firmware.path(), runtime.path()).unwrap();
        assert_eq!(bring(), Fetched::Nothing);
        fs::write(firmware.path().join(FILE), b"\xef\xbb\xbfa = 1\r\n").unwrap();
        assert_eq!(bring(), Fetched::File);
        let brought = fs::read(runtime.path().join(FILE)).unwrap();
        assert_eq!(brought, b"a = 1\r\n");
        fs::rename(
            firmware.path().join(FILE),
            firmware.path().join("trunkguard.toml.txt"),
        )
        .unwrap();
        assert_eq!(bring(), Fetched::Problem);
        assert!(problem(runtime.path()).unwrap().contains("rename"));
        assert!(!runtime.path().join(FILE).exists());
        fs::remove_file(firmware.path().join("trunkguard.toml.txt")).unwrap();
        assert_eq!(bring(), Fetched::Nothing);
        assert_eq!(problem(runtime.path()), None);
    }

    #[test]
    fn what_is_no_file_or_too_long_is_said() {
        let (firmware, runtime) = folders();
        fs::create_dir(firmware.path().join(FILE)).unwrap();
        assert_eq!(
            fetch(firmware.path(), runtime.path()).unwrap(),
            Fetched::Problem
        );
        fs::remove_dir(firmware.path().join(FILE)).unwrap();
        let file = fs::File::create(firmware.path().join(FILE)).unwrap();
        file.set_len(LONGEST + 1).unwrap();
        assert_eq!(
            fetch(firmware.path(), runtime.path()).unwrap(),
            Fetched::Problem
        );
        assert!(problem(runtime.path()).unwrap().contains("16777216"));
    }

    #[test]
    fn the_result_is_written_in_place_and_once() {
        let (firmware, _) = folders();
        assert!(report(firmware.path(), "text").is_err());
        let path = firmware.path().join(RESULT);
        assert!(!path.exists());
        fs::write(&path, " ".repeat(RESULT_OCTETS)).unwrap();
        assert!(report(firmware.path(), "done\nwell\n").unwrap());
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("done\r\nwell  "));
        assert_eq!(text.len(), RESULT_OCTETS);
        assert!(reported(firmware.path(), "done\nwell\n"));
        assert!(!report(firmware.path(), "done\nwell\n").unwrap());
        assert!(report(firmware.path(), "worse").unwrap());
        assert!(fs::read_to_string(&path).unwrap().starts_with("worse   "));
        fs::write(&path, "short").unwrap();
        assert!(report(firmware.path(), "text").is_err());
    }

    #[test]
    fn a_text_that_is_too_long_ends_at_a_character() {
        for front in 0..4 {
            let long = "x".repeat(front) + &"é\n".repeat(RESULT_OCTETS);
            let octets = page(&long);
            assert_eq!(octets.len(), RESULT_OCTETS);
            assert!(String::from_utf8(octets).is_ok());
        }
    }

    #[test]
    fn what_was_applied_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("applied");
        assert_eq!(Applied::read(&path), None);
        let applied = Applied {
            hash: hash(b""),
            outcome: "done\nwell\n".into(),
        };
        assert!(applied.hash.starts_with("e3b0c442"));
        applied.keep(&path).unwrap();
        assert_eq!(Applied::read(&path), Some(applied));
        fs::write(&path, [0xff, 0xff]).unwrap();
        assert_eq!(Applied::read(&path), None);
    }
}

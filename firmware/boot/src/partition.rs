//! Finds the box's own partitions (B1) by name, on the disk that the system runs from: a stick with
//! another box's image, plugged in beside it, has partitions of the same names.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::sys::stat::{major, minor};

/// The partition with this name.
///
/// # Errors
/// When the system does not run from a partition, or its disk has no such one.
pub fn named(name: &str) -> io::Result<PathBuf> {
    let root = fs::metadata("/")?.dev();
    let entry = format!("/sys/dev/block/{}:{}", major(root), minor(root));
    beside(Path::new(&entry), name).map_err(|e| {
        io::Error::new(
            e.kind(),
            format!("no partition `{name}` on the disk that the system runs from ({e}); name it with its option"),
        )
    })
}

/// Among the partitions of the disk that the partition `entry` (of /sys) belongs to.
fn beside(entry: &Path, name: &str) -> io::Result<PathBuf> {
    let entry = fs::canonicalize(entry)?;
    let disk = entry
        .parent()
        .filter(|_| entry.join("partition").exists())
        .ok_or_else(|| io::Error::other(format!("{} is no partition", entry.display())))?;
    for sibling in fs::read_dir(disk)? {
        let Ok(uevent) = fs::read_to_string(sibling?.path().join("uevent")) else {
            continue;
        };
        let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key));
        if let (true, Some(device)) = (value("PARTNAME=") == Some(name), value("DEVNAME=")) {
            return Ok(Path::new("/dev").join(device));
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_found_by_name() {
        let sys = tempfile::tempdir().unwrap();
        let disk = sys.path().join("mmcblk0");
        for (part, name) in [("mmcblk0p2", "bootstate"), ("mmcblk0p4", "root-a")] {
            let folder = disk.join(part);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("partition"), "4\n").unwrap();
            let uevent = format!("MAJOR=179\nDEVNAME={part}\nDEVTYPE=partition\nPARTNAME={name}\n");
            fs::write(folder.join("uevent"), uevent).unwrap();
        }
        fs::create_dir(disk.join("queue")).unwrap();
        let root = disk.join("mmcblk0p4");
        let found = beside(&root, "bootstate").unwrap();
        assert_eq!(found, Path::new("/dev/mmcblk0p2"));
        assert!(beside(&root, "data").is_err());
        assert!(beside(&disk, "bootstate").is_err());
    }
}

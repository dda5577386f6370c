//! Files that survive a power cut and that only their owner reads.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Damaged files that are kept for a person to look at; older ones make room.
const KEPT_ASIDE: usize = 3;

/// Milliseconds since 1970; 0 for a clock that stands before it.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Makes the state directory, for its owner only, unless it is there.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes an empty file that only its owner reads, unless it is there. SQLite gives its own files
/// beside it the same mode.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// Waits until no other process holds this lock, and holds it until the answer is dropped.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.lock()?;
    Ok(file)
}

/// Replaces a file whole: afterwards, and after a power cut at any moment, there is the old text or
/// the new one.
pub(crate) fn replace_file(path: &Path, octets: &[u8]) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| {
            file.write_all(octets)?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
    if let Err(e) = written {
        // Half a file must not take the room of a full disk.
        let _ = fs::remove_file(&new);
        return Err(e);
    }
    sync_parent(path)
}

/// Makes a rename in the directory of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let dir = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

/// Renames a damaged database to `NAME.corrupt-UNIXTIME` with its write-ahead log beside it, and
/// forgets all but the newest few of those. Answers the new name.
pub(crate) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = aside_name(path);
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    sync_parent(path)?;
    forget_old(path);
    Ok(aside)
}

/// The name under which a database is kept aside: one that is free.
pub(crate) fn aside_name(path: &Path) -> PathBuf {
    let mut aside = with_suffix(path, &format!(".corrupt-{}", unix_ms() / 1_000));
    let mut n = 1;
    while aside.exists() && n < 1_000 {
        n += 1;
        aside = with_suffix(path, &format!(".corrupt-{}.{n}", unix_ms() / 1_000));
    }
    aside
}

fn forget_old(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return;
    };
    let front = format!("{name}.corrupt-");
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    let mut old: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with(&front) && !n.ends_with("-wal") && !n.ends_with("-shm"))
        .collect();
    old.sort();
    for name in old.iter().rev().skip(KEPT_ASIDE) {
        for suffix in ["", "-wal", "-shm"] {
            // What cannot be removed now will be tried again next time.
            let _ = fs::remove_file(dir.join(format!("{name}{suffix}")));
        }
    }
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

//! Files that are whole after a power cut.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use nix::libc;

/// Replaces a file whole: there is the old one or the new one, whenever power fails.
///
/// # Errors
/// What the kernel says; the old one is left.
pub fn replace(path: &Path, octets: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    // Never through a link or into a file that somebody else put there.
    match fs::remove_file(new) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .custom_flags(libc::O_NOFOLLOW)
        .mode(mode)
        .open(new)
        .and_then(|mut file| {
            // As said, whatever the umask.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(octets)?;
            file.sync_all()?;
            fs::rename(new, path)
        });
    if let Err(e) = written {
        // Half a file must not take the room of a full disk.
        let _ = fs::remove_file(new);
        return Err(e);
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes what happened to the names in a folder durable.
///
/// # Errors
/// What the kernel says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

/// Reads a regular file of at most `most` octets, not through a link.
///
/// # Errors
/// What the kernel says; or that it is none, or longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut octets = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {most} octets"),
        ));
    }
    Ok(octets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old", 0o600).unwrap();
        fs::write(folder.path().join("file.new"), "left behind").unwrap();
        replace(&path, b"new", 0o640).unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let problem = read(&path, 2).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn links_and_folders_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(read(&link, 1 << 20).is_err());
        assert!(read(folder.path(), 1 << 20).is_err());
    }
}

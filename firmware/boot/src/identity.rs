//! Who the box is (B12), and the folders of its data partition (B5).

use std::{
    fmt, fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::files;

/// Digits of the identifier.
const DIGITS: usize = 16;

/// An identifier: 16 hexadecimal digits. It says which box this is, and is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(String);

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Identity {
    /// From a file's text.
    pub fn read(text: &str) -> Option<Identity> {
        let text = text.trim_end();
        let digit = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == DIGITS && text.bytes().all(digit)).then(|| Identity(text.to_owned()))
    }

    /// The host name: `trunkguard-` and the first four digits.
    pub fn host_name(&self) -> String {
        format!("trunkguard-{}", self.0.get(..4).unwrap_or_default())
    }
}

/// Where an identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Kept,
    /// The first start, or the first after a reset.
    Made,
    /// There was a file that is none; the box has another name from now on.
    Remade {
        /// Why.
        reason: String,
    },
}

/// Reads the identity from `box/id` of the data partition, or makes it.
///
/// # Errors
/// When the disk does not take it, or there are no random numbers.
pub fn keep(data: &Path) -> io::Result<(Identity, Origin)> {
    let path = data.join("box/id");
    let reason = match files::read(&path, 64) {
        Ok(octets) => match std::str::from_utf8(&octets).ok().and_then(Identity::read) {
            Some(identity) => return Ok((identity, Origin::Kept)),
            None => Some(format!("{} has no 16 hexadecimal digits", path.display())),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => Some(format!("{}: {e}", path.display())),
    };
    let identity = Identity(random()?);
    files::replace(&path, format!("{identity}\n").as_bytes(), 0o644)?;
    let origin = reason.map_or(Origin::Made, |reason| Origin::Remade { reason });
    Ok((identity, origin))
}

fn random() -> io::Result<String> {
    use std::io::Read;
    let mut octets = [0; DIGITS / 2];
    fs::File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// Gives the kernel the name. systemd, mDNS and DHCP take it from there.
///
/// # Errors
/// Without the right to (CAP_SYS_ADMIN).
pub fn set_host_name(identity: &Identity) -> io::Result<()> {
    let name = identity.host_name();
    if nix::unistd::gethostname()?.to_str() == Some(&*name) {
        return Ok(());
    }
    Ok(nix::unistd::sethostname(name)?)
}

/// The daemon's user (`systemd/sysusers.conf`).
pub const TRUNKGUARD: u32 = 961;
/// The user that writes crashes down.
pub const TRUNKGUARD_CRASH: u32 = 966;

/// The user that renders the network (its group is of the same number).
pub const TRUNKGUARD_NETWORK: u32 = 964;

/// The user that looks for updates and brings them.
pub const TRUNKGUARD_UPDATE: u32 = 967;

/// A folder of the data partition.
#[derive(Debug, Clone, Copy)]
pub struct Folder {
    /// Below the partition's root.
    pub path: &'static str,
    /// Its owner.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// Who may do what.
    pub mode: u32,
}

/// B5. The numbers are the same in every version of the system, because the folders outlive it.
pub const FOLDERS: [Folder; 9] = [
    folder("trunkguard", TRUNKGUARD, TRUNKGUARD, 0o700),
    // What systemd keeps from start to start: the time, a seed of random numbers.
    folder("systemd", 0, 0, 0o755),
    folder("box", 0, 0, 0o755),
    folder("box/provision", TRUNKGUARD, TRUNKGUARD, 0o700),
    // The network wish (B9): the daemon writes; its group reads, and takes the word of it away.
    folder("box/network", TRUNKGUARD, TRUNKGUARD_NETWORK, 0o770),
    // root puts a kernel's last words there without being allowed to go round permissions.
    folder("box/crash", 0, TRUNKGUARD_CRASH, 0o770),
    // What RAUC has installed, and when.
    folder("rauc", 0, 0, 0o700),
    // Bundles that were brought. They are no secret, and RAUC reads them without a right of its own.
    folder(
        "trunkguard-update",
        TRUNKGUARD_UPDATE,
        TRUNKGUARD_UPDATE,
        0o755,
    ),
    // Why a system on trial did not do, in the words of the process that looked. Not within a folder of another user: root makes it
    // without the right to pass over permissions.
    folder("box/trial", TRUNKGUARD, TRUNKGUARD, 0o755),
];

const fn folder(path: &'static str, user: u32, group: u32, mode: u32) -> Folder {
    Folder {
        path,
        user,
        group,
        mode,
    }
}

/// Makes the folders, and gives them to their owners. What is right already is not touched. What is in the way and no
/// folder, is renamed to `NAME.not-a-folder`.
///
/// # Errors
/// What the kernel says of which one.
pub fn make_folders(data: &Path, folders: &[Folder]) -> io::Result<()> {
    for folder in folders {
        let path = data.join(folder.path);
        make_folder(&path, folder)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    }
    Ok(())
}

fn make_folder(path: &Path, wanted: &Folder) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Some(found),
        Ok(_) => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".not-a-folder");
            fs::rename(path, PathBuf::from(aside))?;
            None
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let found = match found {
        Some(found) => found,
        None => {
            fs::create_dir(path)?;
            fs::symlink_metadata(path)?
        }
    };
    let owned = (found.uid(), found.gid()) == (wanted.user, wanted.group);
    let open_as_said = found.permissions().mode() & 0o7777 == wanted.mode;
    if !open_as_said {
        // Taken back first: who may give files away (CAP_CHOWN) may not therefore open those of others.
        let me = (nix::unistd::geteuid(), nix::unistd::getegid());
        std::os::unix::fs::lchown(path, Some(me.0.as_raw()), Some(me.1.as_raw()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(wanted.mode))?;
    }
    if !(owned && open_as_said) {
        std::os::unix::fs::lchown(path, Some(wanted.user), Some(wanted.group))?;
    }
    files::sync_folder(path.parent().unwrap_or(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mine() -> [Folder; 9] {
        let user = nix::unistd::geteuid().as_raw();
        let group = nix::unistd::getegid().as_raw();
        FOLDERS.map(|f| Folder { user, group, ..f })
    }

    #[test]
    fn an_identity_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        make_folders(data.path(), &mine()).unwrap();
        let (made, origin) = keep(data.path()).unwrap();
        assert_eq!(origin, Origin::Made);
        assert_eq!(made.to_string().len(), 16);
        assert_eq!(
            made.host_name(),
            format!("trunkguard-{}", &made.to_string()[..4])
        );
        assert_eq!(keep(data.path()).unwrap(), (made, Origin::Kept));
    }

    #[test]
    fn a_damaged_identity_is_made_anew() {
        let data = tempfile::tempdir().unwrap();
        make_folders(data.path(), &mine()).unwrap();
        for damaged in [
            "",
            "0123",
            "0123456789abcdeg\n",
            "0123456789ABCDEF",
            "0123456789abcdef0",
        ] {
            fs::write(data.path().join("box/id"), damaged).unwrap();
            let (made, origin) = keep(data.path()).unwrap();
            assert!(matches!(origin, Origin::Remade { .. }), "{damaged}");
            assert_eq!(keep(data.path()).unwrap(), (made, Origin::Kept));
        }
    }

    #[test]
    fn folders_are_made_and_put_right() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("box"), "in the way").unwrap();
        for _ in 0..2 {
            make_folders(data.path(), &mine()).unwrap();
            fs::set_permissions(
                data.path().join("trunkguard"),
                fs::Permissions::from_mode(0o777),
            )
            .unwrap();
        }
        make_folders(data.path(), &mine()).unwrap();
        let mode = |name| {
            fs::metadata(data.path().join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(
            (mode("trunkguard"), mode("box"), mode("box/crash")),
            (0o700, 0o755, 0o770)
        );
        assert!(data.path().join("box.not-a-folder").is_file());
    }
}

//! How the box is to be plugged in and reached: small typed values in a JSON file, which the daemon writes
//! and `trunkguard network` reads.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use trunkguard_core::policy::{Addresses, Interface, Topology};

use crate::check::{self, Wrong};

/// Octets of the largest file that is read.
pub const LARGEST: u64 = 64 << 10;
/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// How the box is plugged in, and how it is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// [`VERSION`].
    pub version: u32,
    /// How the box is plugged in.
    pub topology: Topology,
    /// The port towards the internet; in `side`, the only one.
    pub outside: Interface,
    /// The port towards the PBX; `None` in `side`.
    pub inside: Option<Interface>,
    /// How the box is reached.
    pub addresses: Addresses,
}

/// Why there is no wish to follow.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No file.
    #[error("{0}: there is none yet; the daemon writes it (`run --network-wish`)")]
    None(PathBuf),
    /// A file that cannot be read, or is too large.
    #[error("{path}: {what}; the daemon writes it anew when a policy is applied")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A wish that is not followed.
    #[error("{path}: {wrong}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        wrong: Wrong,
    },
}

impl Wish {
    /// That of a box which has been told nothing: `side`, an address by DHCP on this port (B9).
    pub fn of_a_new_box(outside: Interface) -> Wish {
        Wish {
            version: VERSION,
            topology: Topology::Side,
            outside,
            inside: None,
            addresses: Addresses::default(),
        }
    }

    /// Reads one from a file and looks it over.
    ///
    /// # Errors
    /// Why it is not followed.
    pub fn read(path: &Path) -> Result<Wish, Problem> {
        let unreadable = |what: String| Problem::Unreadable {
            path: path.into(),
            what,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {
                return Err(Problem::None(path.into()));
            }
            Err(problem) => return Err(unreadable(problem.to_string())),
        };
        let mut octets = Vec::new();
        (file.take(LARGEST + 1).read_to_end(&mut octets))
            .map_err(|problem| unreadable(problem.to_string()))?;
        if octets.len() as u64 > LARGEST {
            return Err(unreadable(format!("more than {LARGEST} octets")));
        }
        let wish: Wish =
            serde_json::from_slice(&octets).map_err(|problem| unreadable(problem.to_string()))?;
        check::wish(&wish).map_err(|wrong| Problem::Wrong {
            path: path.into(),
            wrong,
        })?;
        Ok(wish)
    }

    /// Writes it to a file, whole or not at all, for its group to read, and leaves word beside it
    /// ([`take_word`]); says whether it was another one before. A file that says the same is not touched.
    ///
    /// # Errors
    /// The system's, with the path that it is about.
    pub fn write(&self, path: &Path) -> io::Result<bool> {
        let named = |problem: io::Error| {
            io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
        };
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        if fs::read(path).is_ok_and(|before| before == text) {
            return Ok(false);
        }
        replace(path, &text).map_err(named)?;
        File::create(word(path)).map_err(named)?;
        Ok(true)
    }
}

/// Beside the wish, while one has been written that nobody has read. systemd starts who reads while this is
/// there: watching the wish itself for a change, it would miss one that comes while another is carried out.
fn word(path: &Path) -> PathBuf {
    path.with_file_name("told")
}

/// Takes the word away, before the wish is read: what is written after that is told anew.
///
/// # Errors
/// The system's, with the path that it is about.
pub fn take_word(path: &Path) -> io::Result<()> {
    let word = word(path);
    match fs::remove_file(&word) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(io::Error::new(
            problem.kind(),
            format!("{}: {problem}", word.display()),
        )),
        _ => Ok(()),
    }
}

/// By another file and a rename, both on disk before this returns: a power cut leaves one or the other.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let other = path.with_extension("new");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&other)?;
    // The daemon's umask takes that right away; whoever is to read it, the folder lets in (B9).
    file.set_permissions(PermissionsExt::from_mode(0o644))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&other, path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str) -> Interface {
        Interface::parse(name).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_and_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wish.json");
        assert!(matches!(Wish::read(&path), Err(Problem::None(_))));
        let wish = Wish::of_a_new_box(port("port0"));
        assert!(wish.write(&path).unwrap());
        assert_eq!(Wish::read(&path).unwrap(), wish);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(!wish.write(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert!(Wish::of_a_new_box(port("port1")).write(&path).unwrap());
        assert!(word(&path).exists());
        take_word(&path).unwrap();
        take_word(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("none/wish.json");
        let said = wish.write(&nowhere).unwrap_err().to_string();
        assert!(said.contains("none/wish.json"), "{said}");
    }

    #[test]
    fn what_is_no_wish_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wish.json");
        let whole = serde_json::to_string(&Wish::of_a_new_box(port("port0"))).unwrap();
        for (text, says) in [
            (String::new(), "EOF"),
            (whole.clone() + "x", "trailing"),
            (whole.replace("\"version\":1", "\"version\":2"), "version 2"),
            (
                whole.replace("port0", "port0\\nDNS=1.1.1.1"),
                "is not an interface",
            ),
            (whole.replace("port0", "PORT0"), "lower case"),
            (whole.replace("port0", "br0"), "bridge itself"),
            (whole.replace("side", "star"), "unknown variant"),
            (
                whole.replace("\"inside\":null", "\"inside\":\"port1\""),
                "one port",
            ),
            (
                whole.replace("\"version\"", "\"extra\":1,\"version\""),
                "unknown field",
            ),
            (whole.replace("dhcp\"", "192.168.1.2/24\""), "gateway"),
            (" ".repeat(LARGEST as usize) + &whole, "more than 65536"),
        ] {
            assert_ne!(text, whole, "{says}");
            fs::write(&path, &text).unwrap();
            let said = Wish::read(&path).unwrap_err().to_string();
            assert!(said.contains(says), "{says}: {said}");
        }
    }
}

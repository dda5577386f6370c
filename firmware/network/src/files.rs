//! Rendered files into their folders: whole, only where they say something else, and nobody else's
//! touched.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::render::{File, is_ours};

/// Folders below systemd's that files of ours are in.
const FOLDERS: [&str; 3] = ["network", "networkd.conf.d", "resolved.conf.d"];

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file that was not there.
    New(PathBuf),
    /// A file that says something else now.
    Other(PathBuf),
    /// A file that is not wanted any more.
    Gone(PathBuf),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::New(path) => write!(f, "new: {}", path.display()),
            Change::Other(path) => write!(f, "changed: {}", path.display()),
            Change::Gone(path) => write!(f, "removed: {}", path.display()),
        }
    }
}

/// Is anything of ours there?
pub fn any(folder: &Path) -> bool {
    FOLDERS.iter().any(|name| {
        let listed = fs::read_dir(folder.join(name));
        listed.is_ok_and(|all| {
            all.flatten()
                .any(|e| is_ours(&e.file_name().to_string_lossy()))
        })
    })
}

/// Makes the files of ours below `folder` (/run/systemd) those that are wanted, and says what was
/// changed. New files come first: a cut in between leaves more than is wanted, not less.
///
/// # Errors
/// The system's, with the path that it is about.
pub fn put(folder: &Path, wanted: &[File]) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for file in wanted {
        let path = folder.join(&file.path);
        let named = |problem: io::Error| {
            io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
        };
        match fs::read(&path) {
            Ok(before) if before == file.text.as_bytes() => continue,
            Ok(_) => changes.push(Change::Other(path.clone())),
            Err(_) => changes.push(Change::New(path.clone())),
        }
        // No suffix of systemd's, so that nobody reads half of it.
        let other = path.with_extension("new");
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(named)?;
        }
        fs::write(&other, &file.text).map_err(named)?;
        // systemd-networkd reads as a user of its own.
        fs::set_permissions(&other, PermissionsExt::from_mode(0o644)).map_err(named)?;
        fs::rename(&other, &path).map_err(named)?;
    }
    for name in FOLDERS {
        let Ok(listed) = fs::read_dir(folder.join(name)) else {
            continue;
        };
        for entry in listed.flatten() {
            let file = entry.file_name();
            let path = Path::new(name).join(&file);
            let kept = wanted.iter().any(|wanted| Path::new(&wanted.path) == path);
            if is_ours(&file.to_string_lossy()) && !kept {
                let path = folder.join(path);
                fs::remove_file(&path).map_err(|problem| {
                    io::Error::new(problem.kind(), format!("{}: {problem}", path.display()))
                })?;
                changes.push(Change::Gone(path));
            }
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn only_ours_are_changed_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert!(!any(root));
        let one = file("network/10-trunkguard-port0.network", "a\n");
        let two = file("network/10-trunkguard-br0.netdev", "b\n");
        let three = file("networkd.conf.d/60-trunkguard.conf", "c\n");
        let all = [one.clone(), two.clone(), three.clone()];
        let changes = put(root, &all).unwrap();
        assert_eq!(changes.len(), 3);
        assert!(matches!(&changes[0], Change::New(p) if p.ends_with(&one.path)));
        assert!(any(root));
        let foreign = root.join("network/50-other.network");
        fs::write(&foreign, "theirs").unwrap();
        assert_eq!(put(root, &all).unwrap(), []);
        let changed = file(&one.path, "z\n");
        let expected = [
            Change::Other(root.join(&one.path)),
            Change::Gone(root.join(&two.path)),
        ];
        assert_eq!(put(root, &[changed, three]).unwrap(), expected);
        assert_eq!(fs::read_to_string(root.join(&one.path)).unwrap(), "z\n");
        assert_eq!(fs::read_to_string(foreign).unwrap(), "theirs");
        assert_eq!(fs::read_dir(root.join("network")).unwrap().count(), 2);
        let mode = fs::metadata(root.join(&one.path)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o644);
    }
}

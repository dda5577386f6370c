//! Where everything is.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use trunkguard_core::update::Version;

/// The folders that the process works with.
#[derive(Clone, Debug)]
pub struct Places {
    /// What is kept: the record, the bundle. `/data/trunkguard-update` on a box.
    pub kept: PathBuf,
    /// What came with the image: keys, address. `/usr/lib/trunkguard/update` on a box.
    pub image: PathBuf,
    /// The system's name and version, as in `os-release(5)`.
    pub release: PathBuf,
    /// Who this box is: one line (docs/box.md B12).
    pub id: PathBuf,
    /// Which slot runs, as [`crate::boot`] has it.
    pub boot: PathBuf,
    /// The version that RAUC began to write last, since the start: one line, by [`crate::manifest`]'s word.
    pub begun: PathBuf,
    /// Why a system on trial did not do: its version, and behind it a sentence. Written by whoever looks (`trunkguard box confirm`).
    pub reason: PathBuf,
    /// What asks for a restart. A folder in memory.
    pub wishes: PathBuf,
    /// Its time is that of the image: no clock is right that is before it.
    pub epoch: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            kept: "/data/trunkguard-update".into(),
            image: "/usr/lib/trunkguard/update".into(),
            release: "/usr/lib/os-release".into(),
            id: "/data/box/id".into(),
            boot: crate::boot::PATH.into(),
            begun: crate::boot::BEGUN.into(),
            reason: "/data/box/trial/reason".into(),
            wishes: "/run/trunkguard-update".into(),
            epoch: "/usr/lib/clock-epoch".into(),
        }
    }
}

impl Places {
    /// The same files in other folders, for people without the box.
    pub fn below(root: &Path) -> Self {
        let at = |path: PathBuf| root.join(path.strip_prefix("/").unwrap_or(&path));
        let box_ = Places::default();
        Places {
            kept: at(box_.kept),
            image: at(box_.image),
            release: at(box_.release),
            id: at(box_.id),
            boot: at(box_.boot),
            begun: at(box_.begun),
            reason: at(box_.reason),
            wishes: at(box_.wishes),
            epoch: at(box_.epoch),
        }
    }

    /// The bundle while it comes.
    pub fn part(&self) -> PathBuf {
        self.kept.join("bundle.part")
    }

    /// The bundle that is here, whole.
    pub fn bundle(&self) -> PathBuf {
        self.kept.join("bundle.raucb")
    }

    /// The value of a name in [`Places::release`].
    pub fn of_release(&self, name: &str) -> Option<String> {
        let text = read(&self.release, 64 * 1024)?;
        text.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix('=')?;
            Some(value.trim_matches('"').to_owned())
        })
    }

    /// What runs.
    ///
    /// # Errors
    /// When [`Places::release`] does not say.
    pub fn version(&self) -> Result<Version, String> {
        let version = self.of_release("VERSION_ID").ok_or_else(|| {
            format!(
                "{}: it does not say which version runs",
                self.release.display()
            )
        })?;
        Version::parse(&version)
    }

    /// What RAUC began to write last, since the start.
    pub fn begun(&self) -> Option<Version> {
        Version::parse(read(&self.begun, 64)?.trim()).ok()
    }

    /// The one line of [`Places::id`].
    pub fn box_id(&self) -> Option<String> {
        read(&self.id, 256).map(|text| text.trim().to_owned())
    }

    /// The address that the image's maker has named.
    pub fn url(&self) -> Option<String> {
        let text = read(&self.image.join("url"), 1_024)?;
        Some(text.trim().to_owned()).filter(|url| !url.is_empty())
    }

    /// When the image was made, seconds since 1970.
    pub fn made_s(&self) -> i64 {
        let made = std::fs::metadata(&self.epoch).and_then(|file| file.modified());
        let since = made
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_secs() as i64)
    }
}

/// A small text file; nothing where it is not there, too long, or no text.
pub(crate) fn read(path: &Path, longest: u64) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    let length = file.take(longest + 1).read_to_string(&mut text).ok()?;
    (length as u64 <= longest).then_some(text)
}

//! A system to update to: the one under test with another version, or with something amiss.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::Image;
use crate::tools;

/// What is amiss with a new system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amiss {
    /// The kernel finds no init, and panics.
    NoInit,
    /// The kernel is told to start what is not there, and panics.
    KernelPanics,
    /// There is no kernel: U-Boot takes the other slot (docs/box.md B3).
    NoKernel,
    /// The daemon ends as soon as it is started, again and again.
    DaemonDies,
    /// Nobody loads rules.
    NoRules,
    /// Nobody serves the page.
    NoPage,
}

/// A system that a bundle can be made of: the root unpacked, and its boot slot (with the test kernel).
pub struct Next {
    folder: PathBuf,
    keys: PathBuf,
    version: String,
    compatible: Option<String>,
}

/// A bundle, and the pointer to it, in a folder of their own.
#[derive(Debug)]
pub struct Bundle {
    /// The `.raucb` file; `latest.json` lies beside it.
    pub path: PathBuf,
}

impl Bundle {
    /// Its name in an update directory.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl Next {
    /// The system of an image as this version. The folder is made, and takes about 100 MB.
    ///
    /// # Errors
    /// When it cannot be unpacked.
    pub fn of(image: &Image, version: &str, folder: &Path) -> Result<Next> {
        fs::create_dir_all(folder)?;
        let next = Next {
            folder: folder.to_owned(),
            keys: image.folder().join("../keys"),
            version: version.to_owned(),
            compatible: None,
        };
        let (root, packed) = (next.root(), image.folder().join("root.squashfs"));
        tools::run(
            "unsquashfs",
            &["-q", "-n", "-d", text(&root)?, text(&packed)?],
        )?;
        fs::copy(image.test("boot.ext4")?, next.boot())?;
        let release = root.join("usr/lib/os-release");
        let lines = fs::read_to_string(&release)?;
        let lines: Vec<String> = lines
            .lines()
            .map(|line| match line.split_once('=') {
                Some(("VERSION_ID", _)) => format!("VERSION_ID={version}"),
                Some(("PRETTY_NAME", _)) => format!("PRETTY_NAME=\"Trunkguard {version}\""),
                _ => line.to_owned(),
            })
            .collect();
        fs::write(&release, lines.join("\n") + "\n")?;
        Ok(next)
    }

    /// The root, unpacked: what is changed there is in the bundle.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// The file system of its boot slot.
    pub fn boot(&self) -> PathBuf {
        self.folder.join("boot.ext4")
    }

    /// Trusts and is signed by the keys in this folder, as image/keys.sh makes them.
    pub fn keys(&mut self, folder: &Path) {
        self.keys = folder.to_owned();
    }

    /// Says of itself that it is for another kind of box.
    pub fn compatible(&mut self, kind: &str) {
        self.compatible = Some(kind.to_owned());
    }

    /// Spoils it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn spoil(&mut self, amiss: Amiss) -> Result<()> {
        match amiss {
            Amiss::NoInit => Ok(fs::remove_file(
                self.root().join("usr/lib/systemd/systemd"),
            )?),
            Amiss::KernelPanics => {
                let env = self.folder.join("slot.env");
                self.in_boot(&format!("dump /slot.env {}", text(&env)?))?;
                let lines = fs::read_to_string(&env)?;
                ensure!(lines.starts_with("cmdline="), "slot.env is {lines:?}");
                fs::write(&env, lines.trim_end().to_owned() + " init=/nonexistent\n")?;
                self.in_boot("rm /slot.env")?;
                self.in_boot(&format!("write {} /slot.env", text(&env)?))
            }
            Amiss::NoKernel => self.in_boot("rm /Image.gz"),
            Amiss::DaemonDies => self.unit(
                "trunkguard.service.d/amiss.conf",
                Some("[Service]\nExecStart=\nExecStart=/usr/bin/trunkguard no-such-command\n"),
            ),
            Amiss::NoRules => self.unit("trunkguard-firewall.service", None),
            Amiss::NoPage => self.unit("trunkguard-page.service", None),
        }
    }

    /// A file of systemd's, or that there is none of this name.
    fn unit(&self, name: &str, lines: Option<&str>) -> Result<()> {
        let path = self.root().join("etc/systemd/system").join(name);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        match lines {
            Some(lines) => fs::write(path, lines)?,
            None => symlink("/dev/null", path)?,
        }
        Ok(())
    }

    fn in_boot(&self, request: &str) -> Result<()> {
        let said = Command::new("/sbin/debugfs")
            .args(["-w", "-R", request, text(&self.boot())?])
            .output()
            .context("debugfs")?;
        // Its exit code says nothing; after its name and version it says what went wrong.
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let wrong: Vec<&str> = said
            .lines()
            .filter(|l| !l.starts_with("debugfs "))
            .collect();
        ensure!(wrong.is_empty(), "debugfs: {request}: {wrong:?}");
        Ok(())
    }

    /// Puts hawkBit's client into it, with this configuration, by `image/hawkbit/install.sh`.
    ///
    /// # Errors
    /// What the script says.
    pub fn add_hawkbit(&self, configuration: &Path) -> Result<()> {
        let out = Command::new(scripts()?.join("hawkbit/install.sh"))
            .args([&self.root(), configuration])
            .output()
            .context("image/hawkbit/install.sh")?;
        ensure!(
            out.status.success(),
            "image/hawkbit/install.sh: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        Ok(())
    }

    /// Packs the root; where it is then.
    ///
    /// # Errors
    /// When it cannot be packed.
    pub fn pack(&self) -> Result<PathBuf> {
        let packed = self.folder.join("root.squashfs");
        let _ = fs::remove_file(&packed);
        tools::run(
            "mksquashfs",
            &[
                text(&self.root())?,
                text(&packed)?,
                "-comp",
                "zstd",
                "-Xcompression-level",
                "1",
                "-noappend",
                "-no-exports",
                "-all-root",
                "-no-progress",
                "-quiet",
            ],
        )?;
        Ok(packed)
    }

    /// Makes the bundle by `image/bundle.sh`, signed by `signer` of the keys' folder. Options are those of
    /// image/pointer.py.
    ///
    /// # Errors
    /// What the scripts say.
    pub fn bundle(&self, signer: &str, options: &[&str]) -> Result<Bundle> {
        let packed = self.pack()?;
        let out = Command::new(scripts()?.join("bundle.sh"))
            .args([self.folder.join("update")])
            .arg(&self.version)
            .args([self.boot(), packed])
            .args(options)
            .env("TRUNKGUARD_KEYS", &self.keys)
            .env("TRUNKGUARD_SIGNER", signer)
            .envs(
                self.compatible
                    .as_ref()
                    .map(|kind| ("TRUNKGUARD_COMPATIBLE", kind)),
            )
            .output()
            .context("image/bundle.sh")?;
        ensure!(
            out.status.success(),
            "image/bundle.sh: {}\n{}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
        let path = String::from_utf8(out.stdout)?.trim().into();
        Ok(Bundle { path })
    }
}

/// The folder of the image's scripts.
fn scripts() -> Result<PathBuf> {
    let project = tools::here().parent().context("no folder above tests/")?;
    Ok(project.join("image"))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is no text", path.display()))
}

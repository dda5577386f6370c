//! The card that a machine starts from, and what is on it.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::tools;

const MIB: u64 = 1 << 20;

/// A built image: the folder that `image/build.sh` printed.
pub struct Image(PathBuf);

impl Image {
    /// The one that `TRUNKGUARD_IMAGE` names.
    ///
    /// # Errors
    /// When it is unset or has no image in it.
    pub fn under_test() -> Result<Image> {
        let folder = env::var_os("TRUNKGUARD_IMAGE").context(
            "TRUNKGUARD_IMAGE is not set; `make test-image` builds the image and sets it",
        )?;
        let image = Image(folder.into());
        image.disk()?;
        Ok(image)
    }

    /// A file of its folder `test`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn test(&self, name: &str) -> Result<String> {
        let path = self.0.join("test").join(name);
        ensure!(
            path.is_file(),
            "{} is missing; `make test-image` makes it",
            path.display()
        );
        Ok(path.to_string_lossy().into_owned())
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    fn disk(&self) -> Result<PathBuf> {
        let found = fs::read_dir(&self.0).with_context(|| self.0.display().to_string())?;
        let mut disks: Vec<PathBuf> = found
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "img"))
            .collect();
        disks.sort();
        disks
            .pop()
            .with_context(|| format!("no trunkguard-VERSION.img in {}", self.0.display()))
    }
}

/// A card of its own for a test: a copy of the image, written to a larger card as an installer does.
pub struct Card(PathBuf);

/// Partitions by where they begin, in MiB (docs/box.md B1; image/disk/disk.sh).
pub mod at {
    /// `firmware`
    pub const FIRMWARE: u64 = 1;
    /// `bootstate`
    pub const BOOTSTATE: u64 = 65;
    /// `boot-a`
    pub const BOOT_A: u64 = 66;
    /// `root-a`
    pub const ROOT_A: u64 = 98;
    /// `boot-b`
    pub const BOOT_B: u64 = 226;
    /// `root-b`
    pub const ROOT_B: u64 = 258;
    /// `data`
    pub const DATA: u64 = 386;
}

impl Card {
    /// The released image on a card of 1 GiB.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn released(image: &Image, path: &Path) -> Result<Card> {
        tools::run(
            "cp",
            &[
                "--sparse=always",
                &image.disk()?.to_string_lossy(),
                &path.to_string_lossy(),
            ],
        )?;
        OpenOptions::new()
            .write(true)
            .open(path)?
            .set_len(1024 * MIB)?;
        Ok(Card(path.to_owned()))
    }

    /// The same with the test kernel in both slots.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn with_test_kernel(image: &Image, path: &Path) -> Result<Card> {
        Card::with_slots(image, path, "boot.ext4")
    }

    fn with_slots(image: &Image, path: &Path, slot: &str) -> Result<Card> {
        let card = Card::released(image, path)?;
        let slot = fs::read(image.test(slot)?)?;
        card.write(at::BOOT_A * MIB, &slot)?;
        card.write(at::BOOT_B * MIB, &slot)?;
        Ok(card)
    }

    /// Puts another root into slot A.
    ///
    /// # Errors
    /// When it cannot be read, does not fit, or cannot be written.
    pub fn root_a(&self, root: &Path) -> Result<()> {
        let octets = fs::read(root)?;
        ensure!(octets.len() as u64 <= (at::BOOT_B - at::ROOT_A) * MIB);
        self.write(at::ROOT_A * MIB, &octets)
    }

    /// The same with the test kernel for QEMU's Raspberry Pi in both slots.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn for_pi(image: &Image, path: &Path) -> Result<Card> {
        Card::with_slots(image, path, "boot-pi.ext4")
    }

    /// A copy of this card as it is now.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy(&self, path: &Path) -> Result<Card> {
        tools::run(
            "cp",
            &[
                "--sparse=always",
                &self.0.to_string_lossy(),
                &path.to_string_lossy(),
            ],
        )?;
        Ok(Card(path.to_owned()))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Octets of the card.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self, offset: u64, count: usize) -> Result<Vec<u8>> {
        let mut octets = vec![0; count];
        let mut file = File::open(&self.0)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut octets)?;
        Ok(octets)
    }

    /// Writes octets to the card.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, offset: u64, octets: &[u8]) -> Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.0)?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(octets)?;
        Ok(())
    }

    /// Is a part of this card, in MiB, the same on another one?
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn is_same(&self, other: &Card, mib: std::ops::Range<u64>) -> Result<bool> {
        for at in mib {
            if self.read(at * MIB, MIB as usize)? != other.read(at * MIB, MIB as usize)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts a file on the firmware partition, as an installer does with a card reader.
    ///
    /// # Errors
    /// When mtools does not.
    pub fn put(&self, name: &str, text: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), text)?;
        tools::run(
            "mcopy",
            &[
                "-o",
                "-i",
                &self.firmware(),
                &file.path().to_string_lossy(),
                &format!("::{name}"),
            ],
        )
        .map(drop)
    }

    /// Reads a file of the firmware partition.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, name: &str) -> Result<String> {
        tools::run("mtype", &["-i", &self.firmware(), &format!("::{name}")])
    }

    /// Copies a file of the firmware partition.
    ///
    /// # Errors
    /// When it is not there.
    pub fn fetch(&self, name: &str, to: &Path) -> Result<()> {
        let to = to.to_string_lossy();
        let from = format!("::{name}");
        tools::run("mcopy", &["-o", "-n", "-i", &self.firmware(), &from, &to]).map(drop)
    }

    /// Copies what is in the data partition's file system, with its journal replayed, as a start of the box would
    /// find it.
    ///
    /// # Errors
    /// When there is no sound file system.
    pub fn data(&self, to: &Path) -> Result<()> {
        let partition = tempfile::NamedTempFile::new()?;
        let at = partition.path().to_string_lossy().into_owned();
        // To the end of the card: what is behind the file system is no part of it.
        tools::run(
            "dd",
            &[
                &format!("if={}", self.0.display()),
                &format!("of={at}"),
                "bs=1M",
                &format!("skip={}", at::DATA),
                "conv=sparse",
                "status=none",
            ],
        )?;
        // What a mount does as well: replays the journal, counts what is free. Exit code 1 says so. After that nothing
        // is left to be put right.
        for (how, fine) in [("-fp", [0, 1]), ("-fn", [0, 0])] {
            let check = std::process::Command::new("/sbin/e2fsck")
                .args([how, &at])
                .output()?;
            ensure!(
                check.status.code().is_some_and(|code| fine.contains(&code)),
                "e2fsck {how}: {}\n{}{}",
                check.status,
                String::from_utf8_lossy(&check.stdout),
                String::from_utf8_lossy(&check.stderr)
            );
        }
        fs::create_dir_all(to)?;
        let dump = format!("rdump / {}", to.display());
        let said = std::process::Command::new("/sbin/debugfs")
            .args(["-R", &dump, &at])
            .output()?;
        ensure!(
            to.join("lost+found").is_dir(),
            "nothing on the data partition: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        Ok(())
    }

    fn firmware(&self) -> String {
        format!("{}@@{}M", self.0.display(), at::FIRMWARE)
    }
}

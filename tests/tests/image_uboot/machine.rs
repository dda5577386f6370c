//! A disk of the box's form in QEMU, with the real U-Boot before it.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use trunkguard_boot::{
    device::Device,
    sector::{OCTETS, Sector},
    state::{Place, Slot, State},
};
use trunkguard_tests::{Process, machine::Image, tools};

/// Far more than a start takes (3 s), for a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(180);
pub const SECTOR: u64 = 512;
/// First sectors of partitions 1 (firmware), 2 (bootstate), 3 (boot-a) and 5 (boot-b), of 8, 1, 4 and 4 MiB.
const FIRMWARE: u64 = 2_048;
pub const BOOTSTATE: u64 = 18_432;
pub const BOOT: [u64; 2] = [20_480, 28_672];
const LAST: u64 = 36_864;

/// QEMU's machines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Board {
    /// Its own, which the image's other tests use.
    Virt,
    /// A Raspberry Pi 3B.
    Pi,
}

/// The device tree that U-Boot looks for on that Pi.
pub const PI: &str = "dtb/bcm2837-rpi-3-b.dtb";

/// A disk with two slots, and U-Boot before it.
pub struct Machine {
    board: Board,
    /// Its parts, and what it has said.
    pub folder: tempfile::TempDir,
    uboot: PathBuf,
    /// The disk.
    pub disk: File,
}

fn run(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{command:?}: {said}");
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn tool(name: &str) -> Result<Command> {
    Ok(Command::new(tools::on_path(name)?))
}

/// The script as the image gets it, and the kernel.
fn make_parts(at: &Path, board: Board) -> Result<()> {
    let root = tools::here().parent().context("no folder above tests/")?;
    let mut assemble = tool("aarch64-linux-gnu-as")?;
    if board == Board::Pi {
        assemble.args(["--defsym", "PI=1"]);
        fs::create_dir(at.join("dtb"))?;
        let firmware = Image::under_test()?.test("firmware.fat")?;
        run(tool("mcopy")?
            .args(["-i", &firmware, "::bcm2837-rpi-3-b.dtb"])
            .arg(at.join(PI)))?;
        run(tool("mkenvimage")?
            .args(["-s", "0x4000", "-o"])
            .arg(at.join("uboot.env"))
            .arg(root.join("image/boot/uboot.env.txt")))?;
    }
    let script = root.join("image/boot/boot.cmd");
    run(tool("mkimage")?
        .args(["-A", "arm64", "-T", "script", "-C", "none", "-d"])
        .arg(script)
        .arg(at.join("boot.scr")))?;
    run(assemble
        .arg("-o")
        .arg(at.join("kernel.o"))
        .arg(tools::here().join("uboot/kernel.S")))?;
    run(tool("aarch64-linux-gnu-objcopy")?
        .args(["-O", "binary"])
        .arg(at.join("kernel.o"))
        .arg(at.join("Image")))?;
    run(tool("gzip")?.args(["-nkf"]).arg(at.join("Image")))?;
    Ok(())
}

impl Machine {
    /// Of [`Board::Virt`].
    pub fn new() -> Result<Machine> {
        Machine::of(Board::Virt)
    }

    /// With two slots that start, and no record.
    pub fn of(board: Board) -> Result<Machine> {
        let uboot = Image::under_test()?.test(match board {
            Board::Virt => "u-boot-qemu.bin",
            Board::Pi => "u-boot-rpi.bin",
        })?;
        let folder = tempfile::tempdir()?;
        make_parts(folder.path(), board)?;
        let path = folder.path().join("disk");
        let disk = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        // A card of QEMU's has a power of two.
        disk.set_len(32 << 20)?;
        let table = format!(
            "label: gpt\n\
             start={FIRMWARE}, size=16384, name=firmware, attrs=LegacyBIOSBootable\n\
             start={BOOTSTATE}, size=2048, name=bootstate\n\
             start={}, size=8192, name=boot-a\n\
             start={}, size=2048, name=root-a\n\
             start={}, size=8192, name=boot-b\n",
            BOOT[0], LAST, BOOT[1],
        );
        let list = folder.path().join("table");
        fs::write(&list, table)?;
        run(tool("sfdisk")?
            .arg("-q")
            .arg(&path)
            .stdin(File::open(&list)?))?;
        let machine = Machine {
            board,
            folder,
            uboot: uboot.into(),
            disk,
        };
        machine.make_hybrid()?;
        machine.put_firmware()?;
        let files: &[&str] = match board {
            Board::Virt => &["slot.env", "Image.gz"],
            Board::Pi => &["slot.env", "Image.gz", PI],
        };
        machine.put_slot(Slot::A, files)?;
        machine.put_slot(Slot::B, files)?;
        Ok(machine)
    }

    /// B1: the first entry of the MBR is the FAT; the one that says that there is a GPT comes second.
    fn make_hybrid(&self) -> Result<()> {
        let mut entries = [0; 64];
        let gpt_only = [0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0];
        entries[4] = 0x0c;
        entries[8..12].copy_from_slice(&u32::try_from(FIRMWARE)?.to_le_bytes());
        entries[12..16].copy_from_slice(&16_384_u32.to_le_bytes());
        entries[16..28].copy_from_slice(&gpt_only);
        entries[28..32].copy_from_slice(&u32::try_from(FIRMWARE - 1)?.to_le_bytes());
        self.disk.write_all_at(&entries, 446)?;
        Ok(())
    }

    /// Puts a file's octets at a sector.
    pub fn put(&self, image: &Path, sector: u64) -> Result<()> {
        self.disk
            .write_all_at(&fs::read(image)?, sector * SECTOR)
            .with_context(|| image.display().to_string())
    }

    fn put_firmware(&self) -> Result<()> {
        let fat = self.folder.path().join("fat");
        File::create(&fat)?.set_len(16_384 * SECTOR)?;
        run(tool("mkfs.vfat")?.arg(&fat))?;
        run(tool("mcopy")?
            .arg("-i")
            .arg(&fat)
            .arg(self.folder.path().join("boot.scr"))
            .arg("::"))?;
        if self.board == Board::Pi {
            run(tool("mcopy")?
                .arg("-i")
                .arg(&fat)
                .arg(self.folder.path().join("uboot.env"))
                .arg("::"))?;
        }
        self.put(&fat, FIRMWARE)
    }

    /// Makes a boot slot anew, with these files only.
    pub fn put_slot(&self, slot: Slot, files: &[&str]) -> Result<()> {
        let (from, image) = (
            self.folder.path().join("slot"),
            self.folder.path().join("ext4"),
        );
        let _ = fs::remove_dir_all(&from);
        let _ = fs::remove_file(&image);
        fs::create_dir_all(from.join("dtb"))?;
        for name in files {
            if *name == "slot.env" {
                let text =
                    format!("# of the slot\ncmdline=test.slot={slot} quiet\nbootargs=evil\n");
                fs::write(from.join(name), text)?;
            } else {
                fs::copy(self.folder.path().join(name), from.join(name))?;
            }
        }
        run(tool("mke2fs")?
            .args(["-q", "-t", "ext4", "-d"])
            .arg(&from)
            .arg(&image)
            .arg("4M"))?;
        self.put(&image, BOOT[usize::from(slot == Slot::B)])
    }

    /// A record's octets.
    pub fn sector(&self, place: Place) -> Sector {
        let mut sector = [0; OCTETS];
        let at = (BOOTSTATE + place.sector()) * SECTOR;
        self.disk.read_exact_at(&mut sector, at).unwrap();
        sector
    }

    /// Overwrites a record.
    pub fn write(&self, place: Place, sector: &Sector) -> Result<()> {
        let at = (BOOTSTATE + place.sector()) * SECTOR;
        Ok(self.disk.write_all_at(sector, at)?)
    }

    /// The two records, by the code that the box reads them with.
    pub fn state(&self) -> Result<State> {
        let path = self.folder.path().join("bootstate");
        let mut octets = vec![0; 2_048 * 512];
        self.disk.read_exact_at(&mut octets, BOOTSTATE * SECTOR)?;
        fs::write(&path, octets)?;
        Ok(Device::open(&path)?.read()?.newest.state)
    }

    /// Starts it so many times over, and says which slot each start took, with the number of the record, as
    /// the kernel was told.
    pub fn starts(&self, count: usize) -> Result<Vec<(Slot, u64)>> {
        self.starts_on(count, "")
    }

    /// The same on a disk that takes no write.
    pub fn starts_read_only(&self, count: usize) -> Result<Vec<(Slot, u64)>> {
        self.starts_on(count, ",readonly=on")
    }

    fn starts_on(&self, count: usize, option: &str) -> Result<Vec<(Slot, u64)>> {
        let said = self.folder.path().join("serial");
        let _ = fs::remove_file(&said);
        let disk = self.folder.path().join("disk");
        let disk = format!("if=none,id=d0,format=raw{option},file={}", disk.display());
        let uboot = self.uboot.display().to_string();
        let arguments = match self.board {
            Board::Virt => format!(
                "-M virt -cpu cortex-a53 -m 512 -nographic -monitor none -nic none -bios {uboot} \
                 -drive {disk} -device virtio-blk-pci,drive=d0"
            ),
            // The second serial line is the one that a Pi 3 has on its pins.
            Board::Pi => format!(
                "-M raspi3b -display none -monitor none -serial null -serial stdio -kernel {uboot} \
                 -dtb {} -drive {}",
                self.folder.path().join(PI).display(),
                disk.replace("none,id=d0", "sd")
            ),
        };
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let qemu = tools::on_path("qemu-system-aarch64")?;
        let mut process = Process::start(&qemu, &arguments, &said)?;
        process.wait_for("enough starts", PATIENCE, |text| told(text).len() >= count)?;
        process.kill();
        let mut all = told(&process.printed());
        all.truncate(count);
        Ok(all)
    }
}

/// What each kernel was told. Its whole command line is looked over on the way.
fn told(text: &str) -> Vec<(Slot, u64)> {
    text.lines()
        .filter(|line| line.contains("trunkguard.slot=") && line.ends_with(char::is_alphanumeric))
        .filter_map(|line| {
            let value = |name: &str| {
                let mut words = line.split_whitespace();
                words.find_map(|word| word.strip_prefix(name))
            };
            let slot = Slot::named(value("trunkguard.slot=")?)?;
            let letter = slot.name().to_lowercase();
            let expected = format!(
                "test.slot={slot} quiet  root=PARTLABEL=root-{letter} rootfstype=squashfs ro rootwait panic=10 "
            );
            assert!(line.contains(&expected), "{line}");
            let sequence = u64::from_str_radix(value("trunkguard.seq=")?, 16).ok()?;
            Some((slot, sequence))
        })
        .collect()
}

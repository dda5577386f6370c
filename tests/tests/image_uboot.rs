//! B2 and B3 of docs/box.md with the real U-Boot in QEMU: which slot each start takes, what it writes,
//! and that U-Boot and the box read each other's records. Linux is played by a few instructions that
//! print the command line that they got and restart the machine.
//!
//! Run by `make test-image`, because it fetches U-Boot and needs QEMU.
#![allow(clippy::unwrap_used)]

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
    state::{Place, Slot, State, Trial},
};
use trunkguard_tests::{Process, tools};

/// Far more than a start takes (3 s), for a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(180);
const SECTOR: u64 = 512;
/// First sectors of partitions 1 (firmware), 2 (bootstate), 3 (boot-a) and 5 (boot-b), of 8, 1, 4 and 4 MiB.
const FIRMWARE: u64 = 2_048;
const BOOTSTATE: u64 = 18_432;
const BOOT: [u64; 2] = [20_480, 28_672];
const LAST: u64 = 36_864;

/// A disk with two slots, and U-Boot before it.
struct Machine {
    folder: tempfile::TempDir,
    uboot: PathBuf,
    disk: File,
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
fn make_parts(at: &Path) -> Result<()> {
    let root = tools::here().parent().context("no folder above tests/")?;
    let script = root.join("image/boot/boot.cmd");
    run(tool("mkimage")?
        .args(["-A", "arm64", "-T", "script", "-C", "none", "-d"])
        .arg(script)
        .arg(at.join("boot.scr")))?;
    run(tool("aarch64-linux-gnu-as")?
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
    fn new() -> Result<Machine> {
        let root = tools::here().parent().context("no folder above tests/")?;
        let uboot = run(Command::new(root.join("image/uboot.sh")).arg("qemu_arm64"))?;
        let folder = tempfile::tempdir()?;
        make_parts(folder.path())?;
        let path = folder.path().join("disk");
        let disk = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        disk.set_len((LAST + 8_192) * SECTOR)?;
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
            folder,
            uboot: uboot.into(),
            disk,
        };
        machine.make_hybrid()?;
        machine.put_firmware()?;
        machine.put_slot(Slot::A, &["slot.env", "Image.gz"])?;
        machine.put_slot(Slot::B, &["slot.env", "Image.gz"])?;
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

    fn put(&self, image: &Path, sector: u64) -> Result<()> {
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
        self.put(&fat, FIRMWARE)
    }

    /// Makes a boot slot anew, with these files only.
    fn put_slot(&self, slot: Slot, files: &[&str]) -> Result<()> {
        let (from, image) = (
            self.folder.path().join("slot"),
            self.folder.path().join("ext4"),
        );
        let _ = fs::remove_dir_all(&from);
        let _ = fs::remove_file(&image);
        fs::create_dir(&from)?;
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

    fn sector(&self, place: Place) -> Sector {
        let mut sector = [0; OCTETS];
        let at = (BOOTSTATE + place.sector()) * SECTOR;
        self.disk.read_exact_at(&mut sector, at).unwrap();
        sector
    }

    fn write(&self, place: Place, sector: &Sector) -> Result<()> {
        let at = (BOOTSTATE + place.sector()) * SECTOR;
        Ok(self.disk.write_all_at(sector, at)?)
    }

    /// The two records, by the code that the box reads them with.
    fn state(&self) -> Result<State> {
        let path = self.folder.path().join("bootstate");
        let mut octets = vec![0; 2_048 * 512];
        self.disk.read_exact_at(&mut octets, BOOTSTATE * SECTOR)?;
        fs::write(&path, octets)?;
        Ok(Device::open(&path)?.read()?.newest.state)
    }

    /// Starts it so many times over, and says which slot each start took, with the number of the record, as
    /// the kernel was told.
    fn starts(&self, count: usize) -> Result<Vec<(Slot, u64)>> {
        let said = self.folder.path().join("serial");
        let _ = fs::remove_file(&said);
        let disk = self.folder.path().join("disk");
        let arguments = [
            "-M".into(),
            "virt".into(),
            "-cpu".into(),
            "cortex-a53".into(),
            "-m".into(),
            "512".into(),
            "-nographic".into(),
            "-monitor".into(),
            "none".into(),
            "-nic".into(),
            "none".into(),
            "-bios".into(),
            self.uboot.display().to_string(),
            "-drive".into(),
            format!("if=none,id=d0,format=raw,file={}", disk.display()),
            "-device".into(),
            "virtio-blk-pci,drive=d0".into(),
        ];
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

fn record(sequence: u64, good: Slot, trial: Option<(Slot, u8)>) -> State {
    State {
        sequence,
        good,
        trial: trial.map(|(slot, tries)| Trial { slot, tries }),
    }
}

const JUNK: Sector = [0x5a; OCTETS];

#[test]
#[ignore = "needs QEMU and fetches U-Boot: make test-image"]
fn a_confirmed_start_writes_nothing() -> Result<()> {
    let machine = Machine::new()?;
    assert_eq!(machine.starts(2)?, [(Slot::A, 0), (Slot::A, 0)]);
    assert_eq!(machine.sector(Place::First), [0; OCTETS]);
    assert_eq!(machine.sector(Place::Second), [0; OCTETS]);

    let confirmed = record(0xfe, Slot::B, None).encode().unwrap();
    machine.write(Place::First, &confirmed)?;
    machine.write(Place::Second, &JUNK)?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 0xfe)]);
    assert_eq!(machine.sector(Place::First), confirmed);
    assert_eq!(machine.sector(Place::Second), JUNK);
    Ok(())
}

#[test]
#[ignore = "needs QEMU and fetches U-Boot: make test-image"]
fn a_trial_is_counted_and_ends() -> Result<()> {
    let machine = Machine::new()?;
    let trial = record(0xe, Slot::A, Some((Slot::B, 2)));
    machine.write(Place::First, &trial.encode().unwrap())?;
    let starts = machine.starts(1)?;
    assert_eq!(starts, [(Slot::B, 0xf)]);
    // Written by U-Boot as the box would have written it, to the other sector; the old one is whole.
    let after = record(0xf, Slot::A, Some((Slot::B, 1)));
    assert_eq!(machine.sector(Place::Second), after.encode().unwrap());
    assert_eq!(machine.sector(Place::First), trial.encode().unwrap());
    assert_eq!(machine.state()?, after);

    let starts = machine.starts(4)?;
    let expected = [
        (Slot::B, 0x10),
        (Slot::A, 0x11),
        (Slot::A, 0x11),
        (Slot::A, 0x11),
    ];
    assert_eq!(starts, expected);
    assert_eq!(machine.state()?, record(0x11, Slot::A, None));
    let last_try = record(0x10, Slot::A, Some((Slot::B, 0)));
    assert_eq!(machine.sector(Place::First), last_try.encode().unwrap());
    Ok(())
}

#[test]
#[ignore = "needs QEMU and fetches U-Boot: make test-image"]
fn a_torn_record_leaves_the_older_one() -> Result<()> {
    let machine = Machine::new()?;
    let older = record(7, Slot::B, None).encode().unwrap();
    let mut torn = record(8, Slot::A, None).encode().unwrap();
    torn[16..].copy_from_slice(&JUNK[16..]);
    machine.write(Place::First, &torn)?;
    machine.write(Place::Second, &older)?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 7)]);
    machine.write(Place::Second, &torn)?;
    assert_eq!(machine.starts(1)?, [(Slot::A, 0)]);
    // Records whose checksum is right and whose words make no sense count as none, here as in the box.
    for wrong in [
        &[("BS_SEQ", "9"), ("BS_GOOD", "C")][..],
        &[("BS_SEQ", "0x9"), ("BS_GOOD", "B")],
        &[("BS_SEQ", "9"), ("BS_GOOD", "B"), ("BS_TRIAL", "A")],
        &[
            ("BS_SEQ", "9"),
            ("BS_GOOD", "B"),
            ("BS_TRIAL", "C"),
            ("BS_TRIES", "1"),
        ],
        &[("BS_GOOD", "B")],
    ] {
        let sector = trunkguard_boot::sector::encode(wrong).unwrap();
        machine.write(Place::First, &sector)?;
        machine.write(Place::Second, &older)?;
        assert_eq!(machine.starts(1)?, [(Slot::B, 7)], "{wrong:?}");
        assert_eq!(machine.state()?, record(7, Slot::B, None), "{wrong:?}");
    }
    Ok(())
}

#[test]
#[ignore = "needs QEMU and fetches U-Boot: make test-image"]
fn the_box_s_records_start_what_they_say() -> Result<()> {
    let machine = Machine::new()?;
    let path = machine.folder.path().join("bootstate");
    machine.state()?;
    let device = Device::open(&path)?;
    let put = |device: &Device| -> Result<()> {
        device.read()?;
        machine
            .disk
            .write_all_at(&fs::read(&path)?, BOOTSTATE * SECTOR)?;
        Ok(())
    };
    device.change(|state| state.set_primary(Slot::B))?;
    put(&device)?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 2)]);
    machine.state()?;
    let device = Device::open(&path)?;
    device.change(|state| state.good(Slot::B))?;
    put(&device)?;
    assert_eq!(machine.starts(2)?, [(Slot::B, 3), (Slot::B, 3)]);
    Ok(())
}

#[test]
#[ignore = "needs QEMU and fetches U-Boot: make test-image"]
fn a_slot_that_does_not_load_gives_way() -> Result<()> {
    let machine = Machine::new()?;
    machine.put_slot(Slot::A, &["slot.env"])?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 0)]);
    machine.put_slot(Slot::A, &["Image.gz"])?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 0)]);
    // No file system at all, and a kernel that is none.
    machine.put(&machine.folder.path().join("kernel.o"), BOOT[0])?;
    machine.disk.write_all_at(&[0; 8_192], BOOT[0] * SECTOR)?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 0)]);

    machine.put_slot(Slot::A, &["slot.env", "Image.gz"])?;
    machine.put_slot(Slot::B, &["slot.env"])?;
    let confirmed = record(5, Slot::B, None).encode().unwrap();
    machine.write(Place::First, &confirmed)?;
    assert_eq!(machine.starts(1)?, [(Slot::A, 5)]);
    assert_eq!(machine.sector(Place::First), confirmed);

    // A kernel that is damaged is not started either.
    let kernel = machine.folder.path().join("Image.gz");
    let whole = fs::read(&kernel)?;
    fs::write(&kernel, &whole[..whole.len() / 2])?;
    machine.put_slot(Slot::A, &["slot.env", "Image.gz"])?;
    fs::write(&kernel, whole)?;
    machine.put_slot(Slot::B, &["slot.env", "Image.gz"])?;
    machine.write(Place::First, &[0; OCTETS])?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 0)]);
    Ok(())
}

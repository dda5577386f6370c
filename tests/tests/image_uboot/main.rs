//! B2 and B3 of docs/box.md with the real U-Boot in QEMU: which slot each start takes, what it writes,
//! and that U-Boot and the box read each other's records. Linux is played by a few instructions that
//! print the command line that they got and restart the machine.
//!
//! Run by `make test-image`, because it fetches U-Boot and needs QEMU.
#![allow(clippy::unwrap_used)]

mod machine;

use std::{fs, os::unix::fs::FileExt};

use anyhow::{Result, ensure};
use machine::{BOOT, BOOTSTATE, Board, Machine, SECTOR};
use trunkguard_boot::{
    device::Device,
    sector::{OCTETS, Sector},
    state::{Place, Slot, State, Trial},
};

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
    // A disk that is worn out: what cannot be counted is not tried, or it would be for ever.
    assert_eq!(machine.starts_read_only(1)?, [(Slot::A, 0xe)]);
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

/// The same script on a Raspberry Pi's U-Boot, with the variables that the image gives it: the kernel gets
/// the slot's device tree, and with that tree missing the other slot starts.
#[test]
#[ignore = "needs QEMU, fetches U-Boot, and the kernel's device trees: make test-image"]
fn a_pi_starts_a_slot_with_its_device_tree() -> Result<()> {
    let machine = Machine::of(Board::Pi)?;
    let trial = record(1, Slot::A, Some((Slot::B, 1)));
    machine.write(Place::First, &trial.encode().unwrap())?;
    let expected = [(Slot::B, 2), (Slot::A, 3), (Slot::A, 3)];
    assert_eq!(machine.starts(3)?, expected);
    assert_eq!(machine.state()?, record(3, Slot::A, None));
    let said = fs::read(machine.folder.path().join("serial"))?;
    let said = String::from_utf8_lossy(&said);
    ensure!(
        said.contains("Loading Environment from FAT... OK"),
        "{said}"
    );
    ensure!(!said.contains("stop autoboot"), "{said}");

    machine.put_slot(Slot::A, &["slot.env", "Image.gz"])?;
    assert_eq!(machine.starts(1)?, [(Slot::B, 3)]);
    Ok(())
}

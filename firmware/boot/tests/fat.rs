//! B13 of docs/box.md on a real FAT: mounted for this process alone, read, and written in place, so that
//! nothing changes but the result file's own octets and its entry in the folder.
//!
//! `TRUNKGUARD_FAT` names a block device with a FAT that has a `trunkguard.toml` and a
//! `trunkguard-result.txt` of 4,096 octets; root. It is left out elsewhere, because a kernel needs VFAT.
#![allow(clippy::unwrap_used)]

use std::{env, fs, path::PathBuf};

use trunkguard_boot::provision::{
    FILE, Fetched, RESULT_OCTETS, fetch, report, reported, with_firmware,
};

#[test]
#[ignore = "needs root, VFAT, and a FAT named by TRUNKGUARD_FAT"]
fn the_file_is_fetched_and_the_result_written_in_place() {
    let device = PathBuf::from(env::var_os("TRUNKGUARD_FAT").expect("TRUNKGUARD_FAT is not set"));
    let runtime = tempfile::tempdir_in("/run").unwrap();
    let before = fs::read(&device).unwrap();

    let found = with_firmware(&device, false, |files| fetch(files, runtime.path())).unwrap();
    assert_eq!(found, Fetched::File);
    assert!(runtime.path().join(FILE).is_file());
    let said = with_firmware(&device, false, |files| Ok(reported(files, "text\n"))).unwrap();
    assert!(!said);
    assert_eq!(fs::read(&device).unwrap(), before, "reading writes nothing");
    // Nobody else sees it, and it is not mounted any more.
    assert!(
        !fs::read_to_string("/proc/self/mounts")
            .unwrap()
            .contains("vfat")
    );

    let write = || with_firmware(&device, true, |files| report(files, "text\n")).unwrap();
    assert!(write());
    let after = fs::read(&device).unwrap();
    assert!(!write());
    assert!(with_firmware(&device, false, |files| Ok(reported(files, "text\n"))).unwrap());

    // The tables of a FAT lie between the reserved sectors and the root folder.
    let word = |at: usize| usize::from(u16::from_le_bytes([before[at], before[at + 1]]));
    let (reserved, fats) = (word(14) * 512, usize::from(before[16]));
    let long = u32::from_le_bytes(before[36..40].try_into().unwrap()) as usize;
    let of_each = if word(22) == 0 { long } else { word(22) } * 512;
    let tables = reserved..reserved + fats * of_each;
    assert_eq!(
        after[tables.clone()],
        before[tables],
        "the FAT is as it was"
    );
    let changed = (0..before.len() / 512)
        .filter(|n| before[n * 512..][..512] != after[n * 512..][..512])
        .count();
    // The result itself, and the sector of the folder with its time of change.
    assert!(
        changed <= RESULT_OCTETS / 512 + 1,
        "{changed} sectors changed"
    );
}

//! What is wrong with a bundle, the clock or the card: said, and nothing is lost by it (docs/updates.md, the table of U7). Faults of
//! servers and pointers are tried without a machine (`page_updates`).
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{
        Guest, HOST, Next, Options,
        updating::{Updating, by_hand, confirmed, slots, updating, updating_with, version},
    },
    tools,
};

const NEW: &str = "900.0.0";
const NEWEST: &str = "900.0.1";
const STATE: &str = "/var/lib/trunkguard";
const UPDATE: &str = "trunkguard update --state /var/lib/trunkguard";
/// Where a file is that a person brings: in memory.
const BROUGHT: &str = "/run/brought.raucb";

/// Calls are decided.
fn decides(guest: &mut Guest) -> Result<()> {
    let answer = guest.must(&format!(
        "trunkguard call --state {STATE} --from 1001 --number 911"
    ))?;
    ensure!(answer.starts_with("302 "), "{answer}");
    Ok(())
}

/// Calls are decided, and the box stands as it did: this slot runs and is confirmed, and no other one is tried.
fn stands(guest: &mut Guest, slot: &str) -> Result<()> {
    decides(guest)?;
    slots(guest, slot, slot, None)
}

/// Has the box install what the server offers, or this file, and waits for the start of slot B.
fn begin(stand: &mut Updating, mut guest: Guest, file: &str) -> Result<()> {
    let before = stand.starts("B");
    guest.must(&format!(
        "{UPDATE} install {file} >/run/said 2>&1 & sleep 1"
    ))?;
    drop(guest);
    stand.started("B", before)
}

/// The same, and waits until it is confirmed.
fn renewed(stand: &mut Updating, guest: Guest, file: &str) -> Result<Guest> {
    begin(stand, guest, file)?;
    confirmed(&mut stand.machine, "B")
}

/// A command is refused with these words.
fn refused(guest: &mut Guest, what: &str, command: &str, said: &str) -> Result<()> {
    let ran = guest.run(command)?;
    let last = ran.out.trim().lines().last().unwrap_or_default().to_owned();
    println!("| {what} | {last} |");
    ensure!(
        ran.code == 2 && ran.out.to_lowercase().contains(&said.to_lowercase()),
        "{what}: exit {}, without `{said}`:\n{}",
        ran.code,
        ran.out
    );
    Ok(())
}

/// A person brings this file.
fn bring(stand: &mut Updating, what: &str, file: &Path, said: &str) -> Result<()> {
    fs::copy(file, stand.server.www().join("brought"))?;
    let mut guest = stand.machine.guest()?;
    guest.must(&format!("wget -q -O {BROUGHT} http://{HOST}/brought"))?;
    refused(
        &mut guest,
        what,
        &format!("{UPDATE} install {BROUGHT}"),
        said,
    )?;
    guest.must("test -z \"$(ls /data/trunkguard-update | grep -v record.json)\"")?;
    stands(&mut guest, "A")
}

/// The octets of a file, changed, in a file beside it.
fn changed(file: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<PathBuf> {
    let mut octets = fs::read(file)?;
    change(&mut octets);
    let path = file.with_file_name(name);
    fs::write(&path, octets)?;
    Ok(path)
}

/// A bundle of a system that was changed before it was packed and signed.
fn made(
    stand: &Updating,
    version: &str,
    name: &str,
    change: impl FnOnce(&mut Next) -> Result<()>,
) -> Result<PathBuf> {
    let mut next = Next::of(&stand.image, version, &stand.folder.join(name))?;
    change(&mut next)?;
    let bundle = next.bundle("signer", &[])?;
    fs::remove_dir_all(next.root())?;
    Ok(bundle.path)
}

/// Keys of somebody else.
fn stranger(folder: &Path) -> Result<()> {
    let script = tools::here()
        .parent()
        .context("no folder above tests/")?
        .join("image/keys.sh");
    let made = Command::new(script).arg(folder).output()?;
    ensure!(made.status.success(), "image/keys.sh: {made:?}");
    Ok(())
}

/// Bundles with something wrong, brought as files, one after the other; then a whole one is taken.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_faults_of_bundles_are_said_and_change_nothing() {
    updating(|stand| {
        by_hand(&mut stand.machine.guest()?)?;
        let whole = stand.next(NEW, None)?.path;
        println!("| bundle | the box says |\n|---|---|");
        let middle = |octets: &mut Vec<u8>| octets.truncate(octets.len() / 2);
        bring(
            stand,
            "cut off",
            &changed(&whole, "cut", middle)?,
            "signature",
        )?;
        bring(
            stand,
            "no bundle",
            &changed(&whole, "text", |octets| *octets = b"hello".repeat(999))?,
            "bundle",
        )?;
        let last = |octets: &mut Vec<u8>| {
            let at = octets.len() - 200;
            octets[at] ^= 1;
        };
        bring(
            stand,
            "a bit of its signature",
            &changed(&whole, "signature", last)?,
            "signature",
        )?;
        bring(
            stand,
            "another signer",
            &made(stand, NEW, "stranger", |next| {
                let keys = stand.folder.join("strangers-keys");
                stranger(&keys)?;
                next.keys(&keys);
                Ok(())
            })?,
            "signature",
        )?;
        bring(
            stand,
            "another kind of box",
            &made(stand, NEW, "fridge", |next| {
                next.compatible("fridge");
                Ok(())
            })?,
            "another kind of box",
        )?;
        bring(
            stand,
            "older",
            &made(stand, "0.0.1", "older", |_| Ok(()))?,
            "nothing older is installed",
        )?;
        bring(
            stand,
            "other data",
            &made(stand, NEW, "data", |next| {
                let said = next.root().join("usr/lib/trunkguard/update/data");
                Ok(fs::write(said, "data=99\noldest=98\n")?)
            })?,
            "it reads data of version 98 to 99",
        )?;
        bring(
            stand,
            "larger than its slot",
            &made(stand, NEW, "large", |next| {
                let boot = fs::OpenOptions::new().write(true).open(next.boot())?;
                Ok(boot.set_len(64 << 20)?)
            })?,
            "too small for image",
        )?;
        // Its signature holds, and what it signs does not: seen while the slot is written.
        let inside = |octets: &mut Vec<u8>| {
            let at = octets.len() / 2;
            octets[at] ^= 1;
        };
        bring(
            stand,
            "a bit inside",
            &changed(&whole, "inside", inside)?,
            "RAUC did not install it",
        )?;

        fs::copy(&whole, stand.server.www().join("brought"))?;
        let mut guest = stand.machine.guest()?;
        guest.must(&format!("wget -q -O {BROUGHT} http://{HOST}/brought"))?;
        let mut guest = renewed(stand, guest, BROUGHT)?;
        ensure!(version(&mut guest)? == NEW);
        Ok(())
    });
}

/// A box whose clock is wrong, whose card is full, takes no writes, or has lost what it knew of updates.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_faults_of_clock_and_card_are_said_and_calls_go_on() {
    updating(|stand| {
        let whole = stand.next(NEW, None)?;
        stand.server.put(&whole)?;
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let (check, install) = (format!("{UPDATE} check"), format!("{UPDATE} install"));
        println!("| fault | the box says |\n|---|---|");

        for (what, seconds) in [("1970", 86_400_u64), ("2099", 4_070_908_800)] {
            guest.must(&format!(
                "date +%s >/run/right; date -s @{seconds} >/dev/null"
            ))?;
            refused(&mut guest, &format!("clock {what}"), &check, "clock")?;
            stands(&mut guest, "A")?;
            guest.must("date -s @$(cat /run/right) >/dev/null")?;
        }
        let said = guest.must(&check)?;
        ensure!(
            said.contains(&format!("offered     version {NEW}")),
            "{said}"
        );

        // 40 MB are left: too few for the bundle and what is kept free.
        guest.must("free=$(df -m /data/ | awk 'NR==2{print $4}'); dd if=/dev/zero of=/data/fill bs=1M count=$((free - 40)) 2>/dev/null; sync")?;
        refused(&mut guest, "data nearly full", &install, "MB free")?;
        stands(&mut guest, "A")?;
        guest.run("dd if=/dev/zero of=/data/fill2 bs=64k 2>/dev/null; sync")?;
        refused(&mut guest, "data full", &check, "record.json")?;
        stands(&mut guest, "A")?;
        guest.must("rm /data/fill /data/fill2 && sync")?;
        let said = guest.must(&check)?;
        ensure!(said.contains("offered"), "{said}");

        // What is known of updates cannot be read any more.
        guest.must("systemctl stop trunkguard-update.service && echo '{' >/data/trunkguard-update/record.json")?;
        let said = guest.must(&check)?;
        ensure!(said.contains("offered"), "{said}");
        guest.must("ls /data/trunkguard-update/record.damaged")?;

        // Every file system that is on the card takes no more writes.
        guest.must("echo u >/proc/sysrq-trigger")?;
        guest.until("grep -q ' /var/data ext4 ro' /proc/mounts")?;
        refused(&mut guest, "data read-only", &check, "record.json")?;
        stands(&mut guest, "A")?;
        drop(guest);
        stand.cut_short("A")?;

        let mut guest = stand.machine.guest()?;
        guest.running()?;
        stands(&mut guest, "A")?;
        renewed(stand, guest, "").map(drop)
    });
}

/// Both records of the boot state are lost: no update is written over what may be needed, the box starts what it was delivered with, and the
/// next update writes a record again.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_faults_of_both_records_start_the_first_slot() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let old = version(&mut guest)?;
        let bundle = stand.next(NEW, None)?;
        stand.server.put(&bundle)?;
        let mut guest = renewed(stand, guest, "")?;

        let newer = stand.next(NEWEST, None)?;
        stand.server.put(&newer)?;
        let state = "/dev/disk/by-partlabel/bootstate";
        guest.must(&format!(
            "dd if=/dev/zero of={state} bs=512 count=64 conv=fsync 2>/dev/null"
        ))?;
        println!("| fault | the box says |\n|---|---|");
        refused(
            &mut guest,
            "both records lost, running",
            &format!("{UPDATE} install"),
            "restart the box, then install it again",
        )?;
        decides(&mut guest)?;
        drop(guest);
        stand.cut_short("A")?;
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        stands(&mut guest, "A")?;
        ensure!(version(&mut guest)? == old);
        let said = guest.run("trunkguard box state")?;
        println!(
            "| both records lost, started | {} |",
            said.out.trim().replace('\n', "; ")
        );
        let mut guest = renewed(stand, guest, "")?;
        ensure!(version(&mut guest)? == NEWEST);
        Ok(())
    });
}

/// A box without a clock of its own that is switched on in 1970 or 2099 answers calls, waits for the time, and then takes updates.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_faults_of_the_clock_at_a_start_wait_for_the_time() {
    for base in ["1970-01-02T00:00:00", "2099-01-01T00:00:00"] {
        let options = Options {
            arguments: vec!["-rtc".into(), format!("base={base}")],
            ..Options::default()
        };
        updating_with(options, move |stand| {
            let whole = stand.next(NEW, None)?;
            stand.server.put(&whole)?;
            let mut guest = stand.machine.guest()?;
            by_hand(&mut guest)?;
            let now = guest.must("date -u +%Y-%m-%d")?;
            let what = format!("{base}, starts on {}", now.trim());
            refused(&mut guest, &what, &format!("{UPDATE} check"), "clock")?;
            stands(&mut guest, "A")?;
            let right = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)?
                .as_secs();
            guest.must(&format!("date -s @{right} >/dev/null"))?;
            let said = guest.must(&format!("{UPDATE} check"))?;
            ensure!(said.contains("offered"), "{said}");
            Ok(())
        });
    }
}

/// A new system that does not have the time does not stay.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_faults_of_the_clock_in_a_trial_end_it() {
    updating(|stand| {
        let whole = stand.next(NEW, None)?;
        stand.server.put(&whole)?;
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let old = stand.starts("A");
        begin(stand, guest, "")?;
        let mut guest = stand.machine.guest()?;
        guest.must("date -s @4070908800 >/dev/null")?;
        drop(guest);
        stand.started("A", old)?;
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        stands(&mut guest, "A")?;
        let said = guest.must(&format!("{UPDATE} status"))?;
        ensure!(
            said.contains("came back: the clock is wrong"),
            "the reason is not said: {said}"
        );
        Ok(())
    });
}

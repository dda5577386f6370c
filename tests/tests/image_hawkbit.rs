//! A box whose updates come from hawkBit: docs/updates.md, hawkBit. Debian's rauc-hawkbit-updater on the box, and a server that speaks hawkBit's
//! Direct Device Integration API.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use trunkguard_tests::{
    Office,
    machine::{
        Bundle, Card, Guest, HawkBit, Image, Next, Options,
        updating::{Updating, by_hand, confirmed, folder, json, said, slots, version},
    },
};

const OLD: &str = "1.0.0";
const NEW: &str = "900.0.0";
const TOKEN: &str = "of this box alone";
const UPDATE: &str = "trunkguard update --state /var/lib/trunkguard";
/// Asked every five seconds; fetched, checked and written, or refused, within so long.
const DONE: Duration = Duration::from_secs(300);

/// What is too old is refused on the box before anything is written, and the server hears that. What is newer is fetched and installed, starts when
/// the box says so, is looked over, and its outcome is known on the box like any other's.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_hawkbit_rolls_out_an_update() {
    Office::run(|office| {
        let image = Image::under_test()?;
        let folder = folder(office)?;
        let keys = image.folder().join("../keys");
        let card = Card::with_test_kernel(&image, &folder.join("card.img"))?;
        let make = |version: &str| system(&image, version, &keys, &folder.join(version));
        card.root_a(&make(OLD)?.pack()?)?;
        let (older, newer) = (
            make("0.9.0")?.bundle("signer", &[])?,
            make(NEW)?.bundle("signer", &[])?,
        );
        let mut stand = Updating::start(image, folder, &card, Options::default())?;
        let hawkbit = HawkBit::start(
            &stand.server,
            &keys.join("tls-ca.crt"),
            &stand.folder.join("hawkbit"),
        )?;
        let outcome = rolled_out(&mut stand, &hawkbit, &older, &newer);
        if outcome.is_err() {
            println!("{}\n{}", said(&mut stand.machine), hawkbit.printed());
        }
        outcome
    });
}

fn rolled_out(
    stand: &mut Updating,
    hawkbit: &HawkBit,
    older: &Bundle,
    newer: &Bundle,
) -> Result<()> {
    let mut guest = stand.machine.guest()?;
    by_hand(&mut guest)?;
    ensure!(version(&mut guest)? == OLD);
    let id = guest.must("cat /data/box/id")?.trim().to_owned();
    // What the box has filled in, for the client alone.
    let told = guest.must("cat /run/trunkguard-hawkbit/hawkbit.conf")?;
    ensure!(
        told.contains(&format!("target_name = {id}"))
            && told.contains(&format!("version = {OLD}"))
            && !told.contains('@'),
        "{told}"
    );
    for user in ["trunkguard", "trunkguard-bus"] {
        for file in [
            "/run/trunkguard-hawkbit/hawkbit.conf",
            "/usr/lib/trunkguard/update/hawkbit.conf",
        ] {
            let read = guest.run(&format!("su -s /run/tools/sh {user} -c 'cat {file}'"))?;
            ensure!(
                read.code != 0 && read.out.contains("Permission denied"),
                "{user} reads {file}: {read:?}"
            );
        }
    }
    let units = "trunkguard-hawkbit.service rauc.service trunkguard-bus.service";
    let figures = guest.must(&format!(
        "systemd-analyze security --no-pager trunkguard-hawkbit.service | tail -1; systemctl show -p Id,MemoryCurrent {units} | xargs"
    ))?;
    println!("figure: {}", figures.trim());

    // Nobody is let in whom the server does not know.
    guest.until(
        "journalctl -b -u trunkguard-hawkbit.service -o cat | grep -q 'Failed to authenticate'",
    )?;
    hawkbit.know(&id, TOKEN)?;
    hawkbit.roll_out(older)?;
    ended(hawkbit, &id, "Error")?;
    let told = hawkbit.told(&id)?;
    ensure!(told.contains("Pre-install handler error"), "{told}");
    let log = "journalctl -b -u rauc.service -o cat";
    guest.must(&format!(
        "{log} | grep -q 'it is version 0.9.0, and {OLD} runs: nothing older is installed'"
    ))?;
    slots(&mut guest, "A", "A", None)?;

    let starts = stand.starts("B");
    let began = Instant::now();
    hawkbit.roll_out(newer)?;
    hawkbit.again(&id)?;
    ended(hawkbit, &id, "Finished")?;
    println!(
        "figure: rolled out in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    slots(&mut guest, "A", "A", Some(("B", 3)))?;
    ensure!(hawkbit.device(&id)?["sw_version"] == NEW);

    // The client has not restarted the box: the update waits as any other does, and says so.
    let view = status(&mut guest)?;
    ensure!(
        view["status"]["pending"]["version"] == NEW
            && view["status"]["pending"]["from"] == OLD
            && view["status"]["pending"]["slot"] == "B",
        "{view:#}"
    );
    ensure!(stand.starts("B") == starts);
    guest.must(&format!("{UPDATE} install >/run/said 2>&1 &"))?;
    drop(guest);
    stand.started("B", starts)?;
    let mut guest = confirmed(&mut stand.machine, "B")?;
    ensure!(version(&mut guest)? == NEW);
    guest.until(&format!("{UPDATE} status --json | grep -q '\"confirmed\"'"))?;
    let view = status(&mut guest)?;
    let newest = &view["status"]["outcomes"][0];
    ensure!(
        newest["end"] == "confirmed" && newest["version"] == NEW && newest["from"] == OLD,
        "{view:#}"
    );
    // The new system tells the server what it is.
    guest.until(&format!(
        "grep -q 'version = {NEW}' /run/trunkguard-hawkbit/hawkbit.conf"
    ))?;
    Ok(())
}

/// The system under test as this version, with hawkBit's client in it.
fn system(image: &Image, version: &str, keys: &Path, folder: &Path) -> Result<Next> {
    let next = Next::of(image, version, folder)?;
    let conf = folder.join("hawkbit.conf");
    fs::write(
        &conf,
        format!(
            "[client]\nhawkbit_server = {}\ntarget_name = @ID@\nauth_token = {TOKEN}\n\
             bundle_download_location = /data/trunkguard-update/hawkbit.raucb\nresume_downloads = true\nretry_wait = 5\n\
             [device]\nhw_boardname = trunkguard-arm64\nhw_revision = default\nsw_version = @VERSION@\nversion = @VERSION@\n",
            HawkBit::address()
        ),
    )?;
    next.add_hawkbit(&conf)?;
    // The server's authority is the tests' own.
    let all = next.root().join("etc/ssl/certs/ca-certificates.crt");
    let both = [fs::read(&all)?, fs::read(keys.join("tls-ca.crt"))?].concat();
    fs::write(&all, both)?;
    Ok(next)
}

fn status(guest: &mut Guest) -> Result<Value> {
    json(guest, &format!("{UPDATE} status --json"))
}

/// Waits until the server knows of this end.
fn ended(hawkbit: &HawkBit, id: &str, wanted: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let device = hawkbit.device(id)?;
        match device["last_state"].as_str() {
            Some(state) if state == wanted => return Ok(()),
            Some("Error") if device["force_update"] == false => {
                bail!("the box could not: {}", hawkbit.told(id)?)
            }
            state => ensure!(
                began.elapsed() < DONE,
                "the box is {state:?} and not {wanted}: {}",
                hawkbit.told(id)?
            ),
        }
        // The box asks when it asks.
        thread::sleep(Duration::from_millis(500));
    }
}

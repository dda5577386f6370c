//! Updates as an office has them: by HTTPS from a web server, installed, tried, confirmed or given up (docs/updates.md U1 to U7).
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::Value;
use trunkguard_tests::machine::{
    Amiss, Guest, HOST,
    updating::{Updating, by_hand, confirmed, json, slots, updating, version},
};

const FIRST: &str = "900.0.0";
const SECOND: &str = "900.0.1";
const UPDATE: &str = "trunkguard update --state /var/lib/trunkguard";

/// Puts a system on the server and has the box install it: asks for it as a person does, and waits for the start of `slot`.
fn renew(stand: &mut Updating, version: &str, amiss: Option<Amiss>, slot: &str) -> Result<()> {
    let bundle = stand.next(version, amiss)?;
    stand.server.put(&bundle)?;
    let mut guest = stand.machine.guest()?;
    let said = guest.must(&format!("{UPDATE} check"))?;
    ensure!(
        said.contains(&format!("offered     version {version}")),
        "{said}"
    );
    let before = stand.starts(slot);
    let began = Instant::now();
    guest.must(&format!("{UPDATE} install >/run/said 2>&1 &"))?;
    drop(guest);
    stand.started(slot, before)?;
    println!(
        "figure: {version} fetched, installed and started after {:.0} s",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What became of updates, the newest first.
fn outcomes(guest: &mut Guest) -> Result<Vec<Value>> {
    let view = json(guest, &format!("{UPDATE} status --json"))?;
    Ok(view["status"]["outcomes"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

/// The whole way, twice: A to B to A, by HTTPS. What is set stays; what ran before can be gone back to.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_from_a_to_b_to_a() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let old = version(&mut guest)?;
        let id = guest.must("cat /data/box/id")?;
        drop(guest);

        renew(stand, FIRST, None, "B")?;
        let mut guest = confirmed(&mut stand.machine, "B")?;
        ensure!(version(&mut guest)? == FIRST);
        let policy = guest.must("trunkguard export --state /var/lib/trunkguard")?;
        ensure!(policy.contains(&format!("https://{HOST}/")), "{policy}");
        ensure!(guest.must("cat /data/box/id")? == id, "another box");
        let known = outcomes(&mut guest)?;
        ensure!(
            known.len() == 1 && known[0]["end"] == "confirmed" && known[0]["from"] == old.as_str(),
            "{known:?}"
        );
        drop(guest);

        renew(stand, SECOND, None, "A")?;
        let mut guest = confirmed(&mut stand.machine, "A")?;
        ensure!(version(&mut guest)? == SECOND);
        // The same once more is nothing new.
        let said = guest.must(&format!("{UPDATE} check"))?;
        ensure!(!said.contains("offered"), "{said}");
        Ok(())
    });
}

/// The system before is gone back to as it was, and what was left is not taken again by itself.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_can_be_gone_back_from() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let old = version(&mut guest)?;
        drop(guest);
        renew(stand, FIRST, None, "B")?;
        let mut guest = confirmed(&mut stand.machine, "B")?;
        let before = stand.starts("A");
        guest.must(&format!("{UPDATE} rollback"))?;
        drop(guest);
        stand.started("A", before)?;
        let mut guest = confirmed(&mut stand.machine, "A")?;
        ensure!(version(&mut guest)? == old);
        let said = guest.must(&format!("{UPDATE} check"))?;
        ensure!(
            !said.contains("offered"),
            "what was left by a person is not taken again: {said}"
        );
        Ok(())
    });
}

/// A system that starts and does not do its work: given up with the reason, and not tried again.
fn given_up(amiss: Amiss, reason: &'static str) {
    updating(move |stand| {
        let mut guest = stand.machine.guest()?;
        by_hand(&mut guest)?;
        let old = version(&mut guest)?;
        drop(guest);
        renew(stand, FIRST, Some(amiss), "B")?;
        let before = stand.starts("A");
        stand.started("A", before)?;
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        slots(&mut guest, "A", "A", None)?;
        ensure!(version(&mut guest)? == old);
        let known = outcomes(&mut guest)?;
        let why = known
            .first()
            .and_then(|outcome| outcome["why"].as_str())
            .unwrap_or_default();
        ensure!(
            known.len() == 1 && known[0]["end"] == "came-back" && why.contains(reason),
            "{known:?}"
        );
        println!("outcome: {amiss:?}: {why}");
        let said = guest.must(&format!("{UPDATE} check"))?;
        ensure!(!said.contains("offered"), "{said}");
        Ok(())
    });
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_without_a_page_is_given_up() {
    given_up(Amiss::NoPage, "the page is not served");
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_without_rules_is_given_up() {
    given_up(Amiss::NoRules, "rules are not in force");
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_with_a_daemon_that_dies_is_given_up() {
    given_up(Amiss::DaemonDies, "no daemon answers");
}

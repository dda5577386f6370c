//! The released box, seen from outside only: docs/box.md B3, B5, B6, B13 and docs/security.md F9 to F11.
#![allow(clippy::unwrap_used)]

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Card, Found, Image, PATIENCE, Stand, Started, at as part, policy, scan},
    site::{Site, Topology, at},
};

const MIB: u64 = 1 << 20;
const RESULT: &str = "trunkguard-result.txt";

fn office(test: impl FnOnce(&Stand<'_>, &Card, &Image) -> Result<()> + Send + 'static) {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = Card::released(&image, &stand.path("card.img"))?;
        card.put("trunkguard.toml", &policy("A01"))?;
        test(&stand, &card, &image)
    });
}

/// One start, and what is claimed of it. The power is cut at the end; what the console said is returned.
fn run(
    stand: &Stand<'_>,
    card: &Card,
    name: &str,
    claims: impl FnOnce(&mut Started) -> Result<()>,
) -> Result<String> {
    let mut started = stand.start(card, false)?;
    let answered = stand.first_answer();
    let outcome = answered.and_then(|answered| {
        println!(
            "figure: {name} {:.1} s",
            (answered - started.at).as_secs_f64()
        );
        claims(&mut started)
    });
    let console = started.machine.console();
    started.machine.cut_power();
    outcome.with_context(|| format!("{name}; the console says:\n{console}"))?;
    Ok(console)
}

/// Waits until the card says so of the file on it: calls are answered before it is looked at.
fn until_result(card: &Card, start: &str) -> Result<String> {
    let started = Instant::now();
    loop {
        let result = card.get(RESULT)?;
        if result.starts_with(start) {
            ensure!(result.len() == 4_096, "{} octets", result.len());
            return Ok(result);
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "the card still says: {result}"
        );
        thread::sleep(Duration::from_millis(200));
    }
}

const APPLIED: &str = "TRUNKGUARD: trunkguard.toml WAS APPLIED";
const REFUSED: &str = "TRUNKGUARD: trunkguard.toml WAS NOT APPLIED";

/// All of the FAT but its files: boot sector, both tables.
fn tables(card: &Card) -> Result<Vec<u8>> {
    let boot = card.read(part::FIRMWARE * MIB, 512)?;
    let sixteen = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let (reserved, each) = (sixteen(14), sixteen(36) | sixteen(38) << 16);
    let sectors = reserved + u64::from(boot[16]) * each;
    ensure!(boot[510..] == [0x55, 0xaa] && each > 100, "no FAT-32");
    card.read(part::FIRMWARE * MIB, usize::try_from(sectors * 512)?)
}

/// Waits until the office is served the page's first form, by HTTPS: nobody has a password yet.
fn page_served(stand: &Stand<'_>) -> Result<()> {
    let (from, url) = (at::PAGE.to_string(), format!("https://{}/setup", at::BOX));
    let began = Instant::now();
    loop {
        let (done, said) = stand.site.lan.attempt(
            "curl",
            &["-sSk", "--max-time", "5", "--interface", &from, &url],
        )?;
        if done && said.contains("name=\"password\"") {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "no page: {said}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_start_provisioned_and_closed_to_everybody_else() {
    office(|stand, card, _| {
        let fat = tables(card)?;
        ensure!(
            card.get(RESULT)?
                .starts_with("Nothing was provisioned yet.")
        );
        let console = run(
            stand,
            card,
            "first start to first OPTIONS answered",
            |started| {
                page_served(stand)?;
                println!(
                    "figure: first start to the page {:.1} s",
                    started.at.elapsed().as_secs_f64()
                );
                stand.decides("A01")?;
                let site = stand.site;
                let clients = Found {
                    open: vec![5060, 5061],
                    refused: vec![],
                };
                let office = Found {
                    open: vec![80, 443],
                    refused: vec![],
                };
                for (who, place, source, wanted) in [
                    ("the PBX", &site.lan, at::PBX, clients),
                    ("the office", &site.lan, at::PAGE, office),
                    (
                        "the office's router",
                        &site.internet,
                        at::GATEWAY,
                        Found::default(),
                    ),
                    (
                        "the internet",
                        &site.internet,
                        at::ATTACKER,
                        Found::default(),
                    ),
                ] {
                    let found = scan(stand, place, source).with_context(|| who.to_owned())?;
                    ensure!(found == wanted, "F9 to F11, from {who}: {found:?}");
                }
                // The box still is what it was.
                stand.decides("A01")?;
                until_result(card, APPLIED).map(drop)
            },
        )?;
        silent_after_uboot(&console, "A")?;

        let result = card.get(RESULT)?;
        ensure!(result.starts_with(APPLIED), "{result}");
        ensure!(tables(card)? == fat, "the FAT itself was written to");
        let console = run(
            stand,
            card,
            "second start to first OPTIONS answered",
            |_| {
                // Nothing outside tells when the file has been looked at, so it is given its time.
                for _ in 0..10 {
                    stand.decides("A01")?;
                }
                Ok(())
            },
        )?;
        silent_after_uboot(&console, "A")?;
        ensure!(card.get(RESULT)? == result, "{}", card.get(RESULT)?);
        ensure!(tables(card)? == fat, "the FAT itself was written to");
        Ok(())
    });
}

/// The last words on the serial line are U-Boot's.
fn silent_after_uboot(console: &str, slot: &str) -> Result<()> {
    ensure!(
        console.contains(&format!("trunkguard: slot {slot} seq ")),
        "{console}"
    );
    let (_, after) = console
        .rsplit_once("Starting kernel ...")
        .context("U-Boot started no kernel")?;
    ensure!(after.trim().is_empty(), "the console is open:\n{after}");
    Ok(())
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_start_whatever_is_wrong_with_the_card() {
    office(|stand, card, _| {
        run(stand, card, "first start to first OPTIONS answered", |_| {
            stand.decides("A01")?;
            until_result(card, APPLIED).map(drop)
        })?;

        // B3 and B13: a slot without a file system, and a file with a mistake.
        card.write(part::BOOT_A * MIB, &vec![0; 32 * MIB as usize])?;
        let wrong = policy("A02").replace("mode = \"prevent\"", "mode = \"prevented\"");
        card.put("trunkguard.toml", &wrong)?;
        let console = run(stand, card, "start from the other slot", |_| {
            until_result(card, REFUSED)?;
            stand.decides("A01")
        })?;
        ensure!(
            console.contains("trunkguard: slot A does not start"),
            "{console}"
        );
        silent_after_uboot(&console, "B")?;
        let result = card.get(RESULT)?;
        ensure!(
            result.starts_with(REFUSED)
                && result.contains("trunkguard.toml:4:")
                && result.contains("settings.mode"),
            "{result}"
        );

        // B5: where no file system is to be seen one is made, and the file is applied to a new box.
        card.put("trunkguard.toml", &policy("A03"))?;
        let junk: Vec<u8> = (0..64 * MIB as u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        card.write(part::DATA * MIB, &junk)?;
        run(stand, card, "start with junk for data", |_| {
            stand.until_decides("A03")?;
            until_result(card, APPLIED).map(drop)
        })?;
        ensure!(
            card.read(part::DATA * MIB + 1024 + 56, 2)? == [0x53, 0xef],
            "no ext4 was made"
        );
        Ok(())
    });
}

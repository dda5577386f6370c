//! The Raspberry Pi's own chain on QEMU's `raspi3b`: Debian's U-Boot, the image's `boot.scr` on the card's FAT, slot,
//! kernel and device tree with the overlay of LEDs and button, the root, a USB network adapter; a call from the PBX and
//! the LEDs by the kernel's LED class, seen at the pins (GPLEV0). It has no shell: the console tells.
//!
//! QEMU is in the place of the Pi's boot ROM and firmware, and has no working watchdog and no button.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{
        Card, Image, Machine, Options, PATIENCE, Stand,
        leds::{self, Front, looks},
        office::{self, AT_HOME, DENIED},
    },
    site::{Site, Topology},
};

/// A Pi takes minutes here on a busy host.
const SOON: Duration = Duration::from_secs(60);

#[test]
#[ignore = "boots the image: make test-image"]
fn image_pi_starts_by_u_boot_and_answers_a_call() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = Card::for_pi(&image, &stand.path("card.img"))?;
        card.put("trunkguard.toml", &office::policy("prevent"))?;
        let options = Options {
            taps: stand.taps().to_vec(),
            ..Options::default()
        };
        let on = Instant::now();
        let folder = stand.path("machine");
        let mut machine = site
            .gate
            .within(|| Machine::pi(&image, &card, &folder, &options))?;
        let outcome = tried(&stand, &mut machine, on);
        if outcome.is_err() {
            println!("{}", machine.console());
        }
        outcome
    });
}

fn tried(stand: &Stand<'_>, machine: &mut Machine, on: Instant) -> Result<()> {
    let said = |machine: &mut Machine, what: &str, name: &str| {
        machine.wait_console(what)?;
        println!("figure: pi_{name} {:.0} s", on.elapsed().as_secs_f64());
        Ok::<(), anyhow::Error>(())
    };
    said(machine, "trunkguard: slot A seq 0", "u_boot")?;
    said(machine, "Linux version", "kernel")?;
    // The last colon is the programs' own: the daemon, the panel and the helper say it too.
    said(machine, "the daemon has connected", "daemon_ready")?;
    let console = machine.console();
    ensure!(
        console.contains("Raspberry Pi 3 Model B"),
        "the kernel names another machine"
    );
    // A start has to wait for an emulated card only here: slow, but it must be there.
    ensure!(
        !console.contains("data partition cannot be used"),
        "the data partition did not come in time"
    );
    said(machine, "port0: Gained carrier", "port0")?;
    let client = stand.pbx()?;
    ensure!(
        office::call(&client, AT_HOME, "allowed")? == 302,
        "no call through the Pi's port"
    );
    println!(
        "figure: pi_call_answered {:.0} s",
        on.elapsed().as_secs_f64()
    );
    let well = [Some(looks::WELL), Some(looks::PREVENT), Some(looks::QUIET)];
    leds::wait(machine.qmp(), Front::PI, well, PATIENCE).context("well, at the pins")?;
    println!("figure: pi_leds_well {:.0} s", on.elapsed().as_secs_f64());
    ensure!(
        office::call(&client, DENIED, "denied")? == 603,
        "what is not allowed"
    );
    let waiting = [
        Some(looks::WELL),
        Some(looks::PREVENT),
        Some(looks::WAITING),
    ];
    leds::wait(machine.qmp(), Front::PI, waiting, SOON).context("an alert, at the pins")?;
    println!("figure: pi_resident {} MiB", machine.resident_kib()? / 1024);
    Ok(())
}

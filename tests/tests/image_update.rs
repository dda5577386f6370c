//! Updates by RAUC on the running box: docs/box.md B2, B17; docs/updates.md.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::{
    Office,
    machine::{Amiss, Bundle, Card, Guest, HOST, Image, Machine, Next, Options, Server},
};

/// Newer than anything under test.
const NEWER: &str = "900.0.0";
const FOLDER: &str = "/data/trunkguard-update";
/// RAUC's own command line, on the bus of updates.
const RAUC: &str = "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/trunkguard-bus/socket timeout 200 rauc";

/// A box with a server of updates.
struct Updating {
    image: Image,
    folder: PathBuf,
    server: Server,
    machine: Machine,
}

fn updating(test: impl FnOnce(&mut Updating) -> Result<()> + Send + 'static) {
    Office::run(move |office| {
        let image = Image::under_test()?;
        // Cards are too large for the office's folder, which is shown when a test fails.
        let folder = office.folder().join("machines");
        fs::create_dir(&folder)?;
        let keys = image.folder().join("../keys");
        let server = Server::start(
            Ipv4Addr::LOCALHOST,
            &HOST.to_string(),
            &keys,
            &folder.join("server"),
        )?;
        let card = Card::with_test_kernel(&image, &folder.join("card.img"))?;
        let options = Options {
            user_network: true,
            shell: true,
            ..Options::default()
        };
        let machine = Machine::virt(&image, &card, &folder.join("machine"), &options)?;
        let mut updating = Updating {
            image,
            folder,
            server,
            machine,
        };
        let outcome = test(&mut updating);
        if outcome.is_err() {
            println!("{}", updating.machine.console());
            if let Ok(mut guest) = updating.machine.guest() {
                let log = guest.run("journalctl -b --no-pager -n 150 -o short-monotonic");
                println!("{}", log.map_or_else(|e| e.to_string(), |ran| ran.out));
            }
        }
        outcome
    });
}

impl Updating {
    /// A newer system, with something amiss.
    fn next(&self, name: &str, amiss: Option<Amiss>) -> Result<Bundle> {
        let mut next = Next::of(&self.image, NEWER, &self.folder.join(name))?;
        if let Some(amiss) = amiss {
            next.spoil(amiss)?;
        }
        let bundle = next.bundle("signer", &[])?;
        // It is large, and what is to be had of it is in the bundle.
        fs::remove_dir_all(next.root())?;
        Ok(bundle)
    }

    /// Brings a bundle to the box and has RAUC install it.
    fn install(&mut self, bundle: &Bundle) -> Result<String> {
        self.server.put(bundle)?;
        let name = bundle.name();
        let mut guest = self.machine.guest()?;
        let began = Instant::now();
        guest.until(&format!("wget -q -O {FOLDER}/{name} http://{HOST}/{name}"))?;
        println!(
            "figure: download of {} octets {:.1} s",
            fs::metadata(&bundle.path)?.len(),
            began.elapsed().as_secs_f64()
        );
        guest.must("systemctl start rauc.service")?;
        guest.until(&format!("{RAUC} status >/dev/null"))?;
        let began = Instant::now();
        let said = guest.must(&format!("{RAUC} install {FOLDER}/{name}"))?;
        println!("figure: install {:.1} s", began.elapsed().as_secs_f64());
        guest.must(&format!("rm {FOLDER}/{name}"))?;
        Ok(said)
    }

    /// Has the box restart, and waits until U-Boot starts this slot.
    fn restart(&mut self, slot: &str) -> Result<()> {
        let before = self.starts(slot);
        // Beside the shell, which is to answer before the end.
        let line = "sync; { sleep 1; systemctl reboot; } >/dev/null 2>&1 &";
        self.machine.guest()?.must(line)?;
        self.started(slot, before)
    }

    /// Pulls the plug in the middle of a start, and waits until U-Boot starts this slot.
    fn cut_short(&mut self, slot: &str) -> Result<()> {
        let before = self.starts(slot);
        let nothing = Value::Object(Default::default());
        self.machine.qmp().execute("system_reset", nothing)?;
        self.started(slot, before)
    }

    /// How often U-Boot has started this slot.
    fn starts(&self, slot: &str) -> usize {
        let line = format!("trunkguard: slot {slot} seq");
        self.machine.console().matches(&line).count()
    }

    fn started(&mut self, slot: &str, before: usize) -> Result<()> {
        let began = Instant::now();
        while self.starts(slot) == before {
            ensure!(
                began.elapsed() < Duration::from_secs(400),
                "slot {slot} was not started:\n{}",
                self.machine.console()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// What `trunkguard box state` says.
fn state(guest: &mut Guest) -> Result<Value> {
    let said = guest.run("trunkguard box state --json")?;
    serde_json::from_str(&said.out).with_context(|| said.out)
}

fn is(guest: &mut Guest, started: &str, good: &str, trial: Option<(&str, u64)>) -> Result<()> {
    let state = state(guest)?;
    let tried = state["trial"].as_object().map(|trial| {
        let slot = trial["slot"].as_str().unwrap_or_default();
        (slot, trial["tries"].as_u64().unwrap_or(99))
    });
    ensure!(
        state["started"] == started
            && state["good"] == good
            && tried == trial
            && state["canary"] == "same"
            && state["updates"] == true,
        "not {started} with {good} confirmed and {trial:?} on trial: {state:#}"
    );
    Ok(())
}

fn version(guest: &mut Guest) -> Result<String> {
    let said = guest.must("sed -n s/^VERSION_ID=//p /usr/lib/os-release")?;
    Ok(said.trim().to_owned())
}

/// B2: who is never seen to work is tried three times, and not once more.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_that_nobody_confirms_is_given_up() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        let old = version(&mut guest)?;
        is(&mut guest, "A", "A", None)?;
        // Nothing of RAUC runs until somebody asks for it.
        guest.must("test -z \"$(pidof rauc dbus-daemon)\"")?;
        drop(guest);

        let bundle = stand.next("next", None)?;
        let said = stand.install(&bundle)?;
        ensure!(said.contains("succeeded"), "{said}");
        let mut guest = stand.machine.guest()?;
        is(&mut guest, "A", "A", Some(("B", 3)))?;
        figures(&mut guest)?;
        drop(guest);

        // Three starts that get no further than the kernel's first words.
        stand.restart("B")?;
        stand.cut_short("B")?;
        stand.cut_short("B")?;
        stand.cut_short("A")?;
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        ensure!(version(&mut guest)? == old, "{}", version(&mut guest)?);
        is(&mut guest, "A", "A", None)
    });
}

fn figures(guest: &mut Guest) -> Result<()> {
    let units = "rauc.service trunkguard-bus.service trunkguard-slots.service";
    let said = guest.must(&format!(
        "systemctl show -p Id,MemoryPeak,MemoryCurrent {units} | xargs; systemd-analyze security --no-pager {units} | grep Overall"
    ))?;
    println!("figure: {}", said.trim());
    Ok(())
}

/// A kernel that panics needs no help to be given up.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_without_an_init_is_given_up() {
    updating(|stand| {
        stand.machine.guest()?.running()?;
        let bundle = stand.next("next", Some(Amiss::NoInit))?;
        stand.install(&bundle)?;
        let before = stand.starts("A");
        stand.restart("B")?;
        stand.started("A", before)?;
        ensure!(stand.starts("B") == 3, "{} starts of B", stand.starts("B"));
        let panics = stand.machine.console().matches("Kernel panic").count();
        ensure!(panics == 3, "{panics} panics");
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        is(&mut guest, "A", "A", None)
    });
}

/// Who may say what on the bus of updates.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_update_bus_lets_nobody_else_in() {
    updating(|stand| {
        let mut guest = stand.machine.guest()?;
        guest.running()?;
        guest.must("test ! -e /run/dbus/system_bus_socket")?;
        let as_user = |user: &str, what: &str| {
            format!("su -s /run/tools/sh {user} -c 'PATH=$PATH; {RAUC} {what}'")
        };
        // Its first caller starts the bus, and RAUC.
        guest.until(&as_user("trunkguard-update", "status --output-format=json"))?;
        guest.must("pidof rauc && pidof dbus-daemon")?;
        for word in ["mark-good", "mark-bad other", "mark-active other"] {
            let said = guest.run(&as_user("trunkguard-update", &format!("status {word}")))?;
            ensure!(
                said.code != 0
                    && said.out.contains("Rejected send message")
                    && said.out.contains("\"Mark\""),
                "{word}: {said:?}"
            );
        }
        for user in ["trunkguard", "trunkguard-network", "trunkguard-firewall"] {
            let said = guest.run(&as_user(user, "status"))?;
            ensure!(
                said.code != 0 && said.out.contains("Permission denied"),
                "{user}: {said:?}"
            );
        }
        // root may ask RAUC to, and is told that it is not RAUC who confirms.
        let said = guest.run(&format!("{RAUC} status mark-good other"))?;
        ensure!(said.code != 0, "{said:?}");
        is(&mut guest, "A", "A", None)
    });
}

//! A box in an emulated machine beside a server of updates.

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Amiss, Bundle, Card, Guest, HOST, Image, Machine, Next, Options, Server};
use crate::Office;

/// Newer than anything under test.
pub const NEWER: &str = "900.0.0";
/// RAUC's own command line, on the bus of updates.
pub const RAUC: &str =
    "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/trunkguard-bus/socket timeout 200 rauc";
/// A start comes to U-Boot's word within so long, after five minutes in which a system on trial may not do.
const PATIENCE: Duration = Duration::from_secs(700);
/// An update is confirmed or given up within so long after its start.
const JUDGED: Duration = Duration::from_secs(600);

/// A box with a server of updates.
pub struct Updating {
    /// What is under test.
    pub image: Image,
    /// For what the test makes.
    pub folder: PathBuf,
    /// Where updates come from.
    pub server: Server,
    /// The box. It runs.
    pub machine: Machine,
}

/// Starts both, and shows what the box says where the test fails.
pub fn updating(test: impl FnOnce(&mut Updating) -> Result<()> + Send + 'static) {
    updating_with(Options::default(), test);
}

/// The same, with a machine that is started so.
pub fn updating_with(
    options: Options,
    test: impl FnOnce(&mut Updating) -> Result<()> + Send + 'static,
) {
    Office::run(move |office| {
        let image = Image::under_test()?;
        let folder = folder(office)?;
        let card = Card::with_test_kernel(&image, &folder.join("card.img"))?;
        let mut updating = Updating::start(image, folder, &card, options)?;
        let outcome = test(&mut updating);
        if outcome.is_err() {
            println!("{}", said(&mut updating.machine));
        }
        outcome
    });
}

/// A folder for cards, which are too large for the office's own: that is shown when a test fails.
///
/// # Errors
/// When it cannot be made.
pub fn folder(office: &Office) -> Result<PathBuf> {
    let folder = office.folder().join("machines");
    fs::create_dir(&folder)?;
    Ok(folder)
}

/// What a box says of itself when something is wrong: its console and the end of its log.
pub fn said(machine: &mut Machine) -> String {
    let log = machine
        .guest()
        .and_then(|mut guest| guest.run("journalctl -b --no-pager -n 150 -o short-monotonic"));
    let log = log.map_or_else(|e| e.to_string(), |ran| ran.out);
    format!("{}\n{log}", machine.console())
}

impl Updating {
    /// Starts both: the box from this card, with a shell, beside the server.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start(image: Image, folder: PathBuf, card: &Card, options: Options) -> Result<Updating> {
        let server = Server::start(
            Ipv4Addr::LOCALHOST,
            &HOST.to_string(),
            &image.folder().join("../keys"),
            &folder.join("server"),
        )?;
        let options = Options {
            user_network: true,
            shell: true,
            ..options
        };
        let machine = Machine::virt(&image, card, &folder.join("machine"), &options)?;
        Ok(Updating {
            image,
            folder,
            server,
            machine,
        })
    }

    /// A newer system, with something amiss.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn next(&self, version: &str, amiss: Option<Amiss>) -> Result<Bundle> {
        let mut next = Next::of(&self.image, version, &self.folder.join(version))?;
        if let Some(amiss) = amiss {
            next.spoil(amiss)?;
        }
        let bundle = next.bundle("signer", &[])?;
        // It is large, and what is to be had of it is in the bundle.
        fs::remove_dir_all(next.root())?;
        Ok(bundle)
    }

    /// Brings a bundle to the box and has RAUC install it; what RAUC said.
    ///
    /// # Errors
    /// When it does not.
    pub fn install_by_rauc(&mut self, bundle: &Bundle) -> Result<String> {
        const FOLDER: &str = "/data/trunkguard-update";
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
    ///
    /// # Errors
    /// When it does not.
    pub fn restart(&mut self, slot: &str) -> Result<()> {
        let before = self.starts(slot);
        // Beside the shell, which is to answer before the end.
        let line = "sync; { sleep 1; systemctl reboot; } >/dev/null 2>&1 &";
        self.machine.guest()?.must(line)?;
        self.started(slot, before)
    }

    /// Pulls the plug in the middle of a start, and waits until U-Boot starts this slot.
    ///
    /// # Errors
    /// When it does not.
    pub fn cut_short(&mut self, slot: &str) -> Result<()> {
        let before = self.starts(slot);
        let nothing = Value::Object(Default::default());
        self.machine.qmp().execute("system_reset", nothing)?;
        self.started(slot, before)
    }

    /// How often U-Boot has started this slot.
    pub fn starts(&self, slot: &str) -> usize {
        let line = format!("trunkguard: slot {slot} seq");
        self.machine.console().matches(&line).count()
    }

    /// Waits for one more start of this slot than `before`.
    ///
    /// # Errors
    /// When there is none.
    pub fn started(&mut self, slot: &str, before: usize) -> Result<()> {
        let began = Instant::now();
        while self.starts(slot) == before {
            ensure!(
                began.elapsed() < PATIENCE,
                "slot {slot} was not started:\n{}",
                self.machine.console()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Waits until this slot is the confirmed one and nothing is on trial.
///
/// # Errors
/// When it is not within the time that a trial may take.
pub fn confirmed(machine: &mut Machine, slot: &str) -> Result<Guest> {
    let mut guest = machine.guest()?;
    let began = Instant::now();
    while slots(&mut guest, slot, slot, None).is_err() {
        ensure!(
            began.elapsed() < JUDGED,
            "slot {slot} is not confirmed:\n{}",
            machine.console()
        );
        std::thread::sleep(Duration::from_secs(1));
        guest = machine.guest()?;
    }
    println!(
        "figure: slot {slot} confirmed {:.0} s after its shell",
        began.elapsed().as_secs_f64()
    );
    Ok(guest)
}

/// Has the box look at the test's server, and install nothing by itself, so that the test says when; and takes its own shell for a PBX.
///
/// # Errors
/// When its start does not end, or the policy is refused.
pub fn by_hand(guest: &mut Guest) -> Result<()> {
    guest.running()?;
    let policy = format!(
        "format = 1\n[update]\nautomatic = \"off\"\nurl = \"https://{HOST}/\"\n\
         [[client]]\nname = \"box\"\naddresses = [\"127.0.0.1\"]\nprofile = \"redirect\"\n"
    );
    let lines = policy.replace('\n', "\\n").replace('"', "\\\"");
    guest.must(&format!(
        "printf \"{lines}\" >/run/policy.toml && trunkguard apply --state /var/lib/trunkguard /run/policy.toml"
    ))?;
    Ok(())
}

/// What a command of the box says as JSON.
///
/// # Errors
/// When it is none.
pub fn json(guest: &mut Guest, command: &str) -> Result<Value> {
    let said = guest.run(command)?;
    serde_json::from_str(&said.out).with_context(|| said.out)
}

/// The box's own word of its slots: which one was started, which one is confirmed, which one is on trial and how often
/// it may still be started.
///
/// # Errors
/// When it is otherwise.
pub fn slots(
    guest: &mut Guest,
    started: &str,
    good: &str,
    trial: Option<(&str, u64)>,
) -> Result<()> {
    let state = json(guest, "trunkguard box state --json")?;
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

/// The version that runs.
///
/// # Errors
/// When the box does not say.
pub fn version(guest: &mut Guest) -> Result<String> {
    let said = guest.must("sed -n s/^VERSION_ID=//p /usr/lib/os-release")?;
    Ok(said.trim().to_owned())
}

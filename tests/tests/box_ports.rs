//! Link loss passed on (docs/box.md B11), with real links in network namespaces: a claim about the port
//! towards the PBX rests on what the PBX's own end of the cable was told by its kernel.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{Office, Process, site::Place, tools};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is shorter is passed over, by the specification.
const SECOND: Duration = Duration::from_secs(1);

/// A box between two machines, each at the end of a cable.
struct Wire<'a> {
    office: &'a Office,
    internet: Place,
    gate: Place,
    pbx: Place,
}

impl Wire<'_> {
    fn run(test: impl FnOnce(&Wire<'_>) -> Result<()> + Send + 'static) {
        Office::run(move |office| {
            let wire = Wire {
                office,
                internet: Place::new("internet")?,
                gate: Place::new("box")?,
                pbx: Place::new("pbx")?,
            };
            wire.plug("port0", &wire.internet)?;
            wire.plug("port1", &wire.pbx)?;
            test(&wire)
        });
    }

    /// A cable from a port of the box to a machine; both ends are up.
    fn plug(&self, port: &str, other: &Place) -> Result<()> {
        self.gate.ip(&format!(
            "link add {port} type veth peer name eth0 netns {}\nlink set {port} up\n",
            other.path()
        ))?;
        other.ip("link set eth0 up\n")
    }

    /// As systemd-networkd makes a port of the bridge of what is rendered (`bridge.txt`).
    fn join(&self, port: &str, group: u32) -> Result<()> {
        let lines = format!("link set {port} group {group}\nlink set {port} master br0\n");
        self.gate.ip(&lines)
    }

    fn bridge(&self) -> Result<()> {
        self.gate
            .ip("link add br0 type bridge forward_delay 0\nlink set br0 up\n")?;
        self.join("port0", 1)?;
        self.join("port1", 2)
    }

    /// Starts `trunkguard ports` on the box.
    fn ports(&self) -> Result<Process> {
        let (binary, log) = (tools::trunkguard()?, self.office.log("ports"));
        let mut process = (self.gate).within(|| Process::start(&binary, &["ports"], &log))?;
        process.wait_for("ready", PATIENCE, |log| log.contains("ready"))?;
        Ok(process)
    }

    /// The outside link comes and goes for some time, ending as it began; `first` is what it does first.
    fn flap(&self, first: bool, time: Duration) -> Result<()> {
        let (started, mut times) = (Instant::now(), 0);
        while started.elapsed() < time {
            let one = Instant::now();
            self.internet(first)?;
            self.internet(!first)?;
            ensure!(
                one.elapsed() < SECOND,
                "this machine is too slow for this test"
            );
            times += 1;
        }
        ensure!(times > 5, "only {times} times");
        Ok(())
    }

    /// The far end of the outside port goes off or on.
    fn internet(&self, up: bool) -> Result<()> {
        let word = if up { "up" } else { "down" };
        self.internet.ip(&format!("link set eth0 {word}\n"))
    }
}

/// What a machine's kernel tells of one of its links.
struct Ear {
    process: Process,
    link: &'static str,
}

impl Ear {
    fn open(wire: &Wire<'_>, place: &Place, link: &'static str) -> Result<Ear> {
        let (ip, log) = (tools::on_path("ip")?, wire.office.log("monitor"));
        let mut process = place.within(|| Process::start(&ip, &["-o", "monitor", "link"], &log))?;
        // It says nothing when it begins to listen: something is changed until it hears of it.
        let mtu = std::cell::Cell::new(1_400);
        process.wait_for("an ear", PATIENCE, |log| {
            mtu.set(mtu.get() + 1);
            let told = place.ip(&format!("link set lo mtu {}\n", mtu.get()));
            told.is_ok() && !log.is_empty()
        })?;
        Ok(Ear { process, link })
    }

    /// Whether the link had a carrier, each time that it changed.
    fn heard(&self) -> Vec<bool> {
        carriers(&self.process.printed(), self.link)
    }

    /// Waits until this has been heard, and nothing else.
    fn expect(&mut self, expected: &[bool]) -> Result<()> {
        let link = self.link;
        let what = format!("{expected:?} of {link}");
        (self.process)
            .wait_for(&what, PATIENCE, |log| {
                carriers(log, link).len() >= expected.len()
            })
            .with_context(|| format!("heard {:?}", self.heard()))?;
        let heard = self.heard();
        ensure!(heard == expected, "heard {heard:?}, expected {expected:?}");
        Ok(())
    }
}

fn carriers(log: &str, link: &str) -> Vec<bool> {
    let mut all: Vec<bool> = (log.lines())
        .filter(|line| line.contains(&format!(" {link}@")))
        // One that goes away for good is no link that is lost.
        .filter(|line| !line.starts_with("Deleted"))
        .map(|line| line.contains("LOWER_UP"))
        .collect();
    all.dedup();
    all
}

/// A loss is passed on after a second, not sooner; its end after two; and the end of the process leaves
/// the port up.
#[test]
fn box_b11_a_loss_is_passed_on_and_taken_back() {
    Wire::run(|wire| {
        wire.bridge()?;
        let mut process = wire.ports()?;
        let mut pbx = Ear::open(wire, &wire.pbx, "eth0")?;
        let started = Instant::now();
        wire.internet(false)?;
        pbx.expect(&[false])?;
        ensure!(started.elapsed() >= SECOND, "after {:?}", started.elapsed());
        let started = Instant::now();
        wire.internet(true)?;
        pbx.expect(&[false, true])?;
        ensure!(
            started.elapsed() >= 2 * SECOND,
            "after {:?}",
            started.elapsed()
        );

        wire.internet(false)?;
        pbx.expect(&[false, true, false])?;
        // Somebody (a networkd that was restarted) switches the port on: it does not stay so.
        let mut gate = Ear::open(wire, &wire.gate, "port1")?;
        wire.gate.ip("link set port1 up\n")?;
        gate.process.wait_for("port1 on and off", PATIENCE, |log| {
            let on = |line: &&str| line.contains(",UP");
            let told: Vec<&str> = log.lines().filter(|l| l.contains(" port1@")).collect();
            told.iter().any(on) && !told.last().is_some_and(on)
        })?;
        let status = process.terminate(PATIENCE)?;
        ensure!(status.success(), "it ended with {status}");
        pbx.process.wait_for("the link", PATIENCE, |log| {
            carriers(log, "eth0").ends_with(&[false, true])
        })
    });
}

/// A link that comes and goes quicker than that is not passed on at all.
#[test]
fn box_b11_flapping_is_damped() {
    Wire::run(|wire| {
        wire.bridge()?;
        let _process = wire.ports()?;
        let mut pbx = Ear::open(wire, &wire.pbx, "eth0")?;
        wire.flap(false, 3 * SECOND)?;
        // The first thing that the PBX hears is the loss that lasts.
        let started = Instant::now();
        wire.internet(false)?;
        pbx.expect(&[false])?;
        ensure!(started.elapsed() >= SECOND, "after {:?}", started.elapsed());
        // The same for links that come back.
        wire.flap(true, 4 * SECOND)?;
        let started = Instant::now();
        wire.internet(true)?;
        pbx.expect(&[false, true])?;
        ensure!(
            started.elapsed() >= 2 * SECOND,
            "after {:?}",
            started.elapsed()
        );
        Ok(())
    });
}

/// Either port is a USB adapter that is pulled out and plugged in again.
#[test]
fn box_b11_ports_come_and_go() {
    Wire::run(|wire| {
        wire.bridge()?;
        let _process = wire.ports()?;
        let mut pbx = Ear::open(wire, &wire.pbx, "eth0")?;
        // The outside one is pulled out: the same as no link.
        wire.gate.ip("link del port0\n")?;
        pbx.expect(&[false])?;
        // Meanwhile the other one is changed for a new one: it is kept down too.
        wire.gate.ip("link del port1\n")?;
        let mut gate = Ear::open(wire, &wire.gate, "port1")?;
        let mut pbx = Ear::open(wire, &wire.pbx, "eth0")?;
        wire.plug("port0", &wire.internet)?;
        wire.internet(false)?;
        wire.join("port0", 1)?;
        wire.plug("port1", &wire.pbx)?;
        wire.join("port1", 2)?;
        let switched = |log: &str, up: bool| {
            let last = log.lines().rfind(|line| line.contains(" port1@"));
            last.is_some_and(|line| line.contains("master br0") && line.contains(",UP") == up)
        };
        (gate.process).wait_for("port1 off", PATIENCE, |log| switched(log, false))?;
        wire.internet(true)?;
        (gate.process).wait_for("port1 on", PATIENCE, |log| switched(log, true))?;
        pbx.process.wait_for("the link", PATIENCE, |log| {
            carriers(log, "eth0").ends_with(&[true])
        })
    });
}

/// Without a bridge of ours nothing is done; and which port is which, groups say, not names.
#[test]
fn box_b11_nothing_is_done_in_side_and_router() {
    Wire::run(|wire| {
        wire.gate
            .ip("link set port0 group 1\nlink set port1 group 2\n")?;
        wire.internet(false)?;
        let mut process = wire.ports()?;
        process.wait_for("no bridge", PATIENCE, |log| {
            log.contains("no bridge of ours")
        })?;
        let mut pbx = Ear::open(wire, &wire.pbx, "eth0")?;
        let mut internet = Ear::open(wire, &wire.internet, "eth0")?;
        wire.internet(true)?;
        internet.expect(&[true])?;
        wire.internet(false)?;
        internet.expect(&[true, false])?;
        // Now they are a bridge, the other way round: the port that lost its link is the inside one,
        // and stays up; the PBX's cable is the outside one, and its loss is passed on.
        wire.gate
            .ip("link add br0 type bridge forward_delay 0\nlink set br0 up\n")?;
        wire.join("port0", 2)?;
        wire.join("port1", 1)?;
        process.wait_for("a bridge", PATIENCE, |log| log.contains("has a link"))?;
        wire.internet(true)?;
        internet.expect(&[true, false, true])?;
        ensure!(pbx.heard().is_empty(), "{:?}", pbx.heard());
        wire.pbx.ip("link set eth0 down\n")?;
        pbx.expect(&[false])?;
        internet.expect(&[true, false, true, false])
    });
}

//! LEDs and power key of the image, seen and pressed from outside of the machine (docs/box.md B10).
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{
        Guest, Image, Machine, Options, PATIENCE, Stand,
        leds::{self, Front, Pattern, looks},
        office::{self, DENIED},
    },
    site::{Site, Topology},
    wire::Udp,
};

/// LEDs change within this time of what they are to show, and take as long again to be recognized.
const SOON: Duration = Duration::from_secs(30);

fn shows(
    machine: &mut Machine,
    what: &str,
    wanted: [Option<Pattern>; 3],
    limit: Duration,
) -> Result<Duration> {
    leds::wait(machine.qmp(), Front::VIRT, wanted, limit).with_context(|| what.to_owned())
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_panel_says_what_the_box_does() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = stand.card("card.img", &office::policy("detect"))?;
        let options = Options {
            shell: true,
            ..Options::default()
        };
        let mut machine = stand.start_with(&card, options)?;
        let client = stand.pbx()?;
        let outcome = tried(&mut machine, &client);
        if outcome.is_err() {
            println!("{}", machine.console());
        }
        outcome
    });
}

fn tried(machine: &mut Machine, client: &Udp) -> Result<()> {
    let on = Instant::now();
    let starting = [Some(looks::STARTING), None, Some(looks::QUIET)];
    shows(machine, "starting", starting, PATIENCE)?;
    println!(
        "figure: status_starting_seen {:.1} s",
        on.elapsed().as_secs_f64()
    );
    let well = [Some(looks::WELL), Some(looks::DETECT), Some(looks::QUIET)];
    // The clock of the machine is right from the start, so that nothing is amiss with it.
    shows(machine, "well", well, PATIENCE)?;
    println!(
        "figure: status_well_seen {:.1} s",
        on.elapsed().as_secs_f64()
    );
    let mut guest = machine.guest()?;
    office::up(&mut guest)?;

    alerts(machine, &mut guest, client)?;
    modes(machine, &mut guest)?;
    rules(machine, &mut guest)?;
    silence(machine, &mut guest)
}

/// An alert comes by a call, and goes by the power key.
fn alerts(machine: &mut Machine, guest: &mut Guest, client: &Udp) -> Result<()> {
    let open = "trunkguard alerts --state /var/lib/trunkguard --json";
    // In Detect the call passes, and what would have been denied is an alert.
    let status = office::call(client, DENIED, "alert").with_context(|| office::network(guest))?;
    ensure!(status == 302, "Detect answers {status}");
    let waiting = [Some(looks::WELL), None, Some(looks::WAITING)];
    shows(machine, "an alert", waiting, SOON)?;
    guest.until(&format!("{open} | grep -q '\"kind\"'"))?;
    machine.qmp().press_power()?;
    let quiet = [Some(looks::WELL), None, Some(looks::QUIET)];
    let took = shows(
        machine,
        "an alert that was acknowledged by the button",
        quiet,
        SOON,
    )?;
    println!("figure: alert_dark_after_press {} ms", took.as_millis());
    guest.until(&format!("! {open} | grep -q '\"kind\"'"))?;
    // Nobody shut the box down over its power key.
    guest.must("systemctl is-system-running").map(drop)
}

fn modes(machine: &mut Machine, guest: &mut Guest) -> Result<()> {
    guest.must("trunkguard mode --state /var/lib/trunkguard prevent")?;
    let prevent = [Some(looks::WELL), Some(looks::PREVENT), None];
    shows(machine, "prevent", prevent, SOON).map(drop)
}

/// Without the helper, rules that are asked for are not loaded, and STATUS says so until they are.
fn rules(machine: &mut Machine, guest: &mut Guest) -> Result<()> {
    guest.must("systemctl stop trunkguard-firewall.socket trunkguard-firewall.service")?;
    guest.must(
        "trunkguard bans add --state /var/lib/trunkguard 203.0.113.66 >/run/ban 2>&1; cat /run/ban",
    )?;
    let none = [Some(looks::NO_RULES), Some(looks::PREVENT), None];
    shows(machine, "no rules", none, PATIENCE)?;
    guest.must("systemctl start trunkguard-firewall.socket")?;
    let well = [Some(looks::WELL), Some(looks::PREVENT), None];
    shows(machine, "rules again", well, PATIENCE).map(drop)
}

/// A daemon that hangs, dies or restarts: never "well" while it does not answer.
fn silence(machine: &mut Machine, guest: &mut Guest) -> Result<()> {
    let fault = [Some(looks::FAULT), None, None];
    guest.must("systemctl kill -s STOP trunkguard.service")?;
    let took = shows(machine, "a daemon that hangs", fault, SOON)?;
    println!(
        "figure: status_fault_after_hang {:.1} s",
        took.as_secs_f64()
    );
    // 5 s of silence, of which up to 1 s had passed; and five flashes to be recognized by.
    ensure!(
        (4.0..8.0).contains(&took.as_secs_f64()),
        "a daemon that hangs is shown after {took:?}"
    );
    // systemd ends it by its watchdog and starts it again; until then and meanwhile nothing says "well".
    let well = [Some(looks::WELL), Some(looks::PREVENT), None];
    let came = shows(machine, "the daemon after it hung", well, PATIENCE)?;
    println!(
        "figure: status_well_after_hang {:.1} s",
        (took + came).as_secs_f64()
    );
    guest.until("journalctl -b --no-pager -u trunkguard.service | grep -qi 'watchdog'")?;
    guest.must("ls /data/box/crash | grep -q trunkguard.service")?;

    // Killed, and kept from coming back: a fault, at once.
    guest.must("mkdir -p /run/systemd/system/trunkguard.service.d && printf '[Service]\\nRestartSec=8\\n' >/run/systemd/system/trunkguard.service.d/slow.conf && systemctl daemon-reload")?;
    guest.must("systemctl kill -s KILL trunkguard.service")?;
    let took = shows(machine, "a daemon that was killed", fault, SOON)?;
    println!(
        "figure: status_fault_after_kill {:.1} s",
        took.as_secs_f64()
    );
    shows(machine, "the daemon after it was killed", well, PATIENCE)?;
    let status = guest.run("trunkguard status --state /var/lib/trunkguard --json")?;
    ensure!(status.out.contains("\"running\": true"), "{}", status.out);
    Ok(())
}

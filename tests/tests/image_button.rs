//! The button, held for as long as wanted: on the image's own root, with the test kernel's gpio-sim for LEDs
//! and button (docs/box.md B4, B10; board/profiles/qemu-gpio-sim.toml).
#![allow(clippy::unwrap_used)]

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{
        Guest, Image, Machine, Options, PATIENCE, Stand,
        leds::{self, Front, looks},
        office::{self, APPROVED, DENIED},
    },
    site::{Site, Topology},
};

/// Makes the chip and starts the panel on it. Before the panel opens it, udev must have given it away.
const GPIO_SIM: &str = r#"(set -e
mount -t configfs configfs /sys/kernel/config 2>/dev/null || true
d=/sys/kernel/config/gpio-sim/trunkguard; mkdir -p $d/bank0
echo 8 >$d/bank0/num_lines; echo trunkguard-bench >$d/bank0/label; echo 1 >$d/live
udevadm settle
b=/run/systemd/system/trunkguard-panel.service.d; mkdir -p $b
printf '[Service]\nEnvironmentFile=\nEnvironment=BOARD=qemu-gpio-sim\n' >$b/board.conf
systemctl daemon-reload
systemctl restart trunkguard-panel.service
s=$(echo /sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio3); ln -s ${s%/sim_gpio3} /run/front) || { systemctl status trunkguard-panel.service; ls -la /dev/gpio*; false; }"#;
const STATUS: &str = "trunkguard status --state /var/lib/trunkguard --json";
/// How the LEDs are, lit 1, dark 0.
const LEDS: &str = "cat /run/front/sim_gpio0/value /run/front/sim_gpio1/value /run/front/sim_gpio2/value | tr -d '\\n'";

#[test]
#[ignore = "boots the image: make test-image"]
fn image_button_does_what_the_manual_says() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = stand.card("card.img", &office::policy("prevent"))?;
        let options = Options {
            shell: true,
            ..Options::default()
        };
        let mut machine = stand.start_with(&card, options)?;
        let outcome = tried(&stand, &mut machine);
        if outcome.is_err() {
            println!("{}", machine.console());
        }
        outcome
    });
}

fn tried(stand: &Stand<'_>, machine: &mut Machine) -> Result<()> {
    let mut guest = machine.guest()?;
    office::up(&mut guest)?;
    guest.must(GPIO_SIM).context("gpio-sim")?;
    let log = "journalctl -b -u trunkguard-panel.service --no-pager";
    guest.until(&format!(
        "{log} | grep -q 'qemu-gpio-sim\\|the daemon has connected'"
    ))?;
    guest.until(&format!(
        "test \"$({log} | grep -c 'the daemon has connected')\" -ge 2"
    ))?;
    refused(&mut guest).context("the daemon's user")?;
    let client = stand.pbx()?;
    ensure!(office::call(&client, APPROVED, "allowed")? == 302);
    ensure!(office::call(&client, DENIED, "denied")? == 603);
    // The alert of that is acknowledged by a short press, as by the power key.
    let open = "trunkguard alerts --state /var/lib/trunkguard --json | grep -q '\"kind\"'";
    guest.until(open)?;
    hold(&mut guest, &[("0.3", "001")], "0.2")?;
    guest.until(&format!("! {open}"))?;

    // Guard bands and "too long" do nothing.
    for (what, waits, rest) in [
        (
            "7 s",
            &[("0.5", "001"), ("1.5", "000"), ("2.5", "010"), ("2", "000")][..],
            "0.5",
        ),
        ("14 s", &[("10.5", "011"), ("3", "000")][..], "0.5"),
        ("25 s", &[("14", "000"), ("9.5", "000")][..], "1.5"),
    ] {
        hold(&mut guest, waits, rest).context(what)?;
        let said = guest.run(STATUS)?.out;
        ensure!(
            said.contains("\"mode\": \"prevent\"") && !said.contains("setup_window_s"),
            "after {what}: {said}"
        );
        guest.must("test ! -e /run/trunkguard-panel/reset")?;
    }
    mode(&mut guest).context("4 s")?;
    set_up(&mut guest).context("10 s")?;
    // The network has no such key: strangers and the PBX have only the ports that the rules let in, and a call
    // still gets a verdict and nothing else.
    ensure!(office::call(&client, APPROVED, "later")? == 302);
    reset(stand, machine, guest).context("20 s")
}

/// Holds the button: after each wait the LEDs must look so, then it is held for a rest and let go.
fn hold(guest: &mut Guest, waits: &[(&str, &str)], rest: &str) -> Result<()> {
    let looks: String = waits
        .iter()
        .map(|(wait, _)| format!("sleep {wait}; {LEDS}; echo; "))
        .collect();
    let pull = "/run/front/sim_gpio3/pull";
    let said = guest.must(&format!(
        "a=$(cut -d' ' -f1 /proc/uptime); echo pull-down >{pull}; {looks}sleep {rest}; echo pull-up >{pull}; echo $a $(cut -d' ' -f1 /proc/uptime)"
    ))?;
    let mut lines: Vec<&str> = said.lines().collect();
    let held = lines.pop().context("no times")?;
    println!("button: held from/to {held}, LEDs {lines:?}");
    let wanted: Vec<&str> = waits.iter().map(|(_, leds)| *leds).collect();
    ensure!(
        lines == wanted,
        "the LEDs say {lines:?}, not {wanted:?}; held {held}"
    );
    Ok(())
}

/// Between Prevent and Detect and back: what is said, what is answered, what the LEDs show.
fn mode(guest: &mut Guest) -> Result<()> {
    for mode in ["detect", "prevent"] {
        hold(
            guest,
            &[("0.5", "001"), ("1.5", "000"), ("1.5", "010")],
            "0.5",
        )?;
        guest.until(&format!("{STATUS} | grep -q '\"mode\": \"{mode}\"'"))?;
        // A flash is a tenth of a second of two: lit far less, or far more, than half of the time.
        let lit = "n=0; for i in $(seq 40); do n=$((n + $(cat /run/front/sim_gpio1/value))); sleep 0.05; done; echo $n";
        let lit: u32 = guest.must(lit)?.trim().parse()?;
        ensure!(
            (lit > 20) == (mode == "prevent"),
            "MODE is lit {lit} of 40 in {mode}"
        );
    }
    Ok(())
}

/// The set-up window opens, is said and shown.
fn set_up(guest: &mut Guest) -> Result<()> {
    hold(guest, &[("7", "000"), ("3", "011")], "0.5")?;
    let said = guest.until(&format!("{STATUS} | grep setup_window_s"))?;
    println!("status: {}", said.trim());
    // 1 s lit, 1 s dark: half of the looks find it lit. In Prevent nearly all would.
    let lit = "n=0; for i in $(seq 80); do n=$((n + $(cat /run/front/sim_gpio1/value))); sleep 0.05; done; echo $n";
    let lit: u32 = guest.must(lit)?.trim().parse()?;
    ensure!(
        (25..=55).contains(&lit),
        "MODE is lit {lit} of 80 in the set-up window"
    );
    Ok(())
}

/// Somebody who has taken the daemon over is the user 961, and not in front of the box.
fn refused(guest: &mut Guest) -> Result<()> {
    let who = "busybox() { /run/tools/busybox \"$@\"; }; as() { busybox start-stop-daemon -S -c 961:961 -x /run/tools/env -- /run/tools/sh -c \"$1\"; }";
    let said = guest.must(&format!("{who}; as id"))?;
    ensure!(said.contains("uid=961"), "{said}");
    for line in [
        "touch /run/trunkguard-panel/reset",
        "rm /run/trunkguard-panel/panel.sock",
        "mv /run/trunkguard-panel/panel.sock /run/trunkguard-panel/other.sock",
        "mv /run/trunkguard-panel /run/other",
        "mkdir /run/systemd/system/trunkguard.service.d",
        "systemctl start trunkguard-reset.service",
        "systemctl reboot",
        "trunkguard box reset",
        "echo pull-down >/run/front/sim_gpio3/pull",
        "cat /dev/gpiochip0",
        "echo 1 >/dev/vda2",
        "nft list ruleset",
    ] {
        let ran = guest.run(&format!("{who}; as '{line}'"))?;
        ensure!(ran.code != 0, "user 961 may `{line}`: {}", ran.out);
        ensure!(
            [
                "denied",
                "Failed",
                "ermitted",
                "failed",
                "uthentication",
                "permission",
                "Read-only"
            ]
            .iter()
            .any(|why| ran.out.contains(why)),
            "`{line}` fails for another reason: {}",
            ran.out
        );
    }
    // A panel of its own, elsewhere, is none that the daemon knows: its socket's path is root's to say. And the
    // panel takes no press from the daemon's end.
    guest.must("test ! -e /run/trunkguard-panel/reset")?;
    let said = guest.run(STATUS)?.out;
    ensure!(!said.contains("setup_window_s"), "{said}");
    Ok(())
}

/// The box restarts by itself, without what was set, and without a network.
fn reset(stand: &Stand<'_>, machine: &mut Machine, mut guest: Guest) -> Result<()> {
    let id = guest.must("cat /data/box/id")?;
    guest.must("trunkguard mode --state /var/lib/trunkguard detect")?;
    // Three files, one after the other: on a busy host a look now and then falls into the middle of a change.
    let looks = "for i in $(seq 12); do n=; for l in 0 1 2; do n=$n$(cat /run/front/sim_gpio$l/value); done; echo $n; sleep 0.07; done";
    let pull = "/run/front/sim_gpio3/pull";
    let said = guest.must(&format!(
        "echo pull-down >{pull}; sleep 19; {looks}; (sleep 0.2; echo pull-up >{pull}) &"
    ))?;
    println!(
        "LEDs in the zone of the reset: {:?}",
        said.lines().collect::<Vec<_>>()
    );
    let (lit, dark) = (said.contains("111"), said.contains("000"));
    ensure!(lit && dark, "all three flash together: {said}");
    drop(guest);
    machine.wait_console("reboot: Restarting system")?;
    let starting = [Some(looks::STARTING), None, None];
    leds::wait(machine.qmp(), Front::VIRT, starting, PATIENCE).context("after the reset")?;
    let mut guest = machine.guest()?;
    office::up(&mut guest)?;
    let fresh = guest.must("cat /data/box/id")?;
    ensure!(fresh != id, "the box is still {id}");
    let said = guest.run(STATUS)?.out;
    ensure!(
        said.contains("\"mode\": \"prevent\""),
        "as provisioned: {said}"
    );
    let calls = guest.must("trunkguard calls --state /var/lib/trunkguard --json")?;
    ensure!(calls.trim() == "[]", "history of before: {calls}");
    ensure!(office::call(&stand.pbx()?, APPROVED, "after")? == 302);
    Ok(())
}

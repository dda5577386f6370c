//! The image's ports: a USB Ethernet adapter that comes and goes, link loss that is passed on (docs/box.md
//! B11), and the box's name (B14).

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    machine::{Guest, Image, Machine, in_place},
    site::{
        Probes, Site, Topology, at, attempts,
        bridged::{Wire, strangers},
        mdns,
    },
    wire::Udp,
};

const POLICY: &str = r#"format = 1

[settings]
mode = "prevent"
country = "US"

[network]
address = "192.168.77.2/24"
gateway = "192.168.77.1"
dns = ["192.0.2.53"]

[firewall]
topology = "bridge"
pbx = ["192.168.77.10", "2001:db8:77::10"]
rtp = "10000-20200"
allow = "hosts"
pops = ["atlanta1.voip.ms"]
bans = false

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10", "192.168.77.66"]
profile = "redirect"
"#;

#[test]
#[ignore = "boots the image: make test-image"]
fn image_ports_come_go_and_tell_of_each_other() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Bridge, move |site| {
        let wire = Wire::through_a_machine(site)?;
        // The control: everything passes the site's own bridge.
        wire.inwards(&strangers())?;
        wire.inwards(&[attempts::pop(at::PBX)])?;
        let usb = ["-device", "qemu-xhci,id=usb,addr=0xa"];
        in_place(site, &image, POLICY, (1, &usb), |machine| {
            let mut guest = machine.guest()?;
            guest.until_rules(&at::POP.to_string())?;
            guest.until("ip link show br0 | grep -q LOWER_UP")?;
            // With one port the box is there for who is on its side.
            answers(site, at::NEIGHBOUR, true).context("one port")?;
            wire.nothing_inwards(&[attempts::pop(at::PBX)])
                .context("no second port")?;

            plugged(machine, true)?;
            let took = bridged(&mut guest, true)?;
            println!("figure: usb-adapter-in-bridge {:.1} s", took.as_secs_f64());
            passes(&wire).context("the adapter")?;
            named(site, &wire, &mut guest).context("B14")?;
            link_loss(site, &wire, machine, &mut guest).context("B11")?;

            plugged(machine, false)?;
            bridged(&mut guest, false)?;
            answers(site, at::NEIGHBOUR, true).context("unplugged")?;
            wire.nothing_inwards(&[attempts::pop(at::PBX)])
                .context("unplugged")?;
            plugged(machine, true)?;
            bridged(&mut guest, true)?;
            passes(&wire).context("the adapter once more")
        })
    });
}

/// Plugs the USB adapter in, or pulls it out.
fn plugged(machine: &mut Machine, there: bool) -> Result<()> {
    let qmp = machine.qmp();
    if there {
        qmp.execute(
            "netdev_add",
            json!({ "type": "tap", "id": "n1", "ifname": "tap1", "script": "no", "downscript": "no" }),
        )?;
        let device = json!({ "driver": "usb-net", "id": "adapter", "bus": "usb.0", "netdev": "n1", "mac": "52:54:00:54:47:aa" });
        return qmp.execute("device_add", device).map(drop);
    }
    qmp.execute("device_del", json!({ "id": "adapter" }))?;
    let started = Instant::now();
    // The cable may go when the adapter has gone.
    while let Err(problem) = qmp.execute("netdev_del", json!({ "id": "n1" })) {
        ensure!(started.elapsed() < Duration::from_secs(20), "{problem:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Waits until port1 is in the bridge and has a link, or is not there any more.
fn bridged(guest: &mut Guest, there: bool) -> Result<Duration> {
    let started = Instant::now();
    let line = match there {
        true => "ip link show port1 | grep 'master br0' | grep -q LOWER_UP",
        false => "! test -e /sys/class/net/port1",
    };
    guest.until(line)?;
    Ok(started.elapsed())
}

fn passes(wire: &Wire) -> Result<()> {
    wire.inwards(&[attempts::pop(at::PBX)])?;
    wire.nothing_inwards(&strangers())?;
    wire.outwards(&[attempts::to_pop()])?;
    wire.nothing_outwards(&[attempts::to_carrier()])
}

/// Does the box answer a client's SIP?
fn answers(site: &Site<'_>, from: Ipv4Addr, yes: bool) -> Result<()> {
    let place = match from {
        at::NEIGHBOUR => &site.internet,
        _ => &site.lan,
    };
    let udp = place.within(|| Udp::at(from, (at::BOX, 5060).into()))?;
    let wait = Duration::from_secs(if yes { 15 } else { 2 });
    let call = format!("port-{}", udp.here.port());
    let said = udp.ask_for("12125551234", &call, wait);
    let status = said.ok().flatten().and_then(|message| message.status());
    ensure!(status.is_some() == yes, "{from} is told {status:?}");
    Ok(())
}

/// The office is told the box's address, on either side; who is no address of the office is not.
fn named(site: &Site<'_>, wire: &Wire, guest: &mut Guest) -> Result<()> {
    let name = guest.name()?;
    ensure!(name.starts_with("trunkguard-"), "the box is called {name}");
    let ask = |place, from, wait| mdns::ask(place, from, &name, Duration::from_secs(wait));
    for (place, from) in [(&site.lan, at::PAGE), (&site.internet, at::NEIGHBOUR)] {
        let said = ask(place, from, 20)?;
        ensure!(said == Some(at::BOX), "{from} hears of {name}: {said:?}");
    }
    wire.at_internet.clear()?;
    let said = ask(&site.internet, at::ATTACKER, 4)?;
    ensure!(said.is_none(), "a stranger hears of {name}: {said:?}");
    Ok(())
}

fn port1(guest: &mut Guest, up: bool) -> Result<f64> {
    let started = Instant::now();
    let not = if up { "" } else { "! " };
    // The flag of an interface that was told to be up.
    guest.until(&format!(
        "{not}ip link show port1 | head -n 1 | grep -q '[<,]UP[,>]'"
    ))?;
    Ok(started.elapsed().as_secs_f64())
}

/// While the internet's cable is out, the PBX's port is down, and comes back with it; the other way round
/// the box stays reachable.
fn link_loss(site: &Site<'_>, wire: &Wire, machine: &mut Machine, guest: &mut Guest) -> Result<()> {
    answers(site, at::PBX, true)?;
    machine.qmp().cable(0, false)?;
    let took = port1(guest, false)?;
    println!("figure: port1-down-after-link-loss {took:.1} s");
    answers(site, at::PBX, false).context("while port1 is down")?;
    wire.nothing_inwards(&[attempts::pop(at::PBX)])?;
    machine.qmp().cable(0, true)?;
    let took = port1(guest, true)?;
    println!("figure: port1-up-after-link {took:.1} s");
    ensure!(took > 1.0, "up again after {took} s, too early (2 s)");
    bridged(guest, true)?;
    answers(site, at::PBX, true)?;
    passes(wire)?;

    // Shorter than a second: not passed on.
    let before = guest.must("cat /sys/class/net/port1/carrier_changes")?;
    machine.qmp().cable(0, false)?;
    machine.qmp().cable(0, true)?;
    guest.until("test \"$(cat /sys/class/net/port0/carrier)\" = 1")?;
    std::thread::sleep(Duration::from_secs(2));
    port1(guest, true)?;
    let after = guest.must("cat /sys/class/net/port1/carrier_changes")?;
    ensure!(
        before == after,
        "a short loss is passed on: {before} {after}"
    );

    // When the service ends, it leaves the port up (and starts again).
    machine.qmp().cable(0, false)?;
    port1(guest, false)?;
    guest.must("systemctl stop trunkguard-ports.service")?;
    port1(guest, true)?;
    guest.must("systemctl start trunkguard-ports.service")?;
    port1(guest, false)?;
    machine.qmp().cable(0, true)?;
    port1(guest, true)?;
    let office = Probes::default().udp("office", at::NEIGHBOUR, at::PBX, &[161]);
    bridged(guest, true)?;
    wire.inwards(&[office])
}

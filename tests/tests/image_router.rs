//! The image as the office's router, and changed from one topology to the next while it runs (docs/box.md
//! B9; docs/security.md F1, F5, F6, F11, F23).

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Guest, Image, in_place},
    site::{
        Dns, Probes, Says, Site, Topology, at, attempts,
        bridged::Wire,
        dns,
        ethernet::{self, kind},
        mdns,
    },
    wire::Udp,
};

/// The box outside at the provider's router, as a policy of this topology has it.
fn policy(topology: &str) -> String {
    let inside = match topology {
        "router" => "inside = \"192.168.77.2/24\"",
        _ => "",
    };
    format!(
        r#"format = 1

[settings]
mode = "prevent"
country = "US"

[network]
address = "192.0.2.10/24"
gateway = "192.0.2.1"
dns = ["192.0.2.53"]
{inside}

[firewall]
topology = "{topology}"
pbx = ["192.168.77.10"]
rtp = "10000-20200"
allow = "hosts"
pops = ["atlanta1.voip.ms"]
bans = false

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
"#
    )
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_router_serves_the_office_and_changes_topology() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Router, move |site| {
        let wire = Wire::through_a_machine(site)?;
        let server = Dns::start(&site.internet, Says::Addresses(vec![at::POP]))?;
        // The control: the site's own router, without rules, lets strangers in.
        wire.inwards(&[
            attempts::strangers(at::PBX),
            attempts::beyond_pop(at::PBX),
            attempts::pop(at::PBX),
        ])?;
        in_place(site, &image, &policy("side"), (2, &[]), |machine| {
            let mut guest = machine.guest()?;
            guest.until_rules(&at::PBX.to_string())?;
            side(site, &mut guest).context("side")?;

            guest.apply(&policy("bridge"))?;
            bridge(site, &wire, &mut guest).context("bridge")?;

            let started = Instant::now();
            guest.apply(&policy("router"))?;
            router(&mut guest).context("router")?;
            println!(
                "figure: bridge-to-router {:.1} s",
                started.elapsed().as_secs_f64()
            );
            forwards(site, &wire).context("router")?;
            detect(&wire, &mut guest).context("router, F13")?;
            served(site, &server).context("F23")?;
            named(site, &mut guest).context("B14")?;

            guest.apply(&policy("side"))?;
            side(site, &mut guest).context("side again")?;
            wire.nothing_inwards(&[attempts::pop(at::BOX_OUTSIDE), attempts::pop(at::PBX)])
        })
    });
}

const NO_BRIDGE: &str = "! test -e /sys/class/net/br0";
const PORT0_ADDRESS: &str = "ip addr show port0 | grep -q 'inet 192.0.2.10/24'";

fn forwarding(guest: &mut Guest, yes: bool) -> Result<()> {
    let wanted = u8::from(yes);
    guest.until(&format!(
        "test \"$(cat /proc/sys/net/ipv4/ip_forward)\" = {wanted}"
    ))?;
    // IPv6 is handed on in no topology.
    guest.must("test \"$(cat /proc/sys/net/ipv6/conf/all/forwarding)\" = 0")?;
    Ok(())
}

/// Does the box's address outside answer a ping, and is EAPOL carried to the PBX?
fn seen(site: &Site<'_>, wire: Option<&Wire>) -> Result<()> {
    let started = Instant::now();
    loop {
        let (answered, said) = site.internet.attempt(
            "busybox",
            &["ping", "-c1", "-W2", &at::BOX_OUTSIDE.to_string()],
        )?;
        if answered {
            break;
        }
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "no ping: {said}"
        );
    }
    let Some(wire) = wire else { return Ok(()) };
    wire.at_pbx.clear()?;
    ethernet::shout(&site.internet, kind::EAPOL, &[1, 0, 0, 0])?;
    wire.all_is_in()?;
    let frames = wire
        .at_pbx
        .frames(|frame| !frame.leaves && frame.ethertype == kind::EAPOL)?;
    ensure!(frames.len() == 1, "EAPOL is not carried");
    Ok(())
}

fn side(site: &Site<'_>, guest: &mut Guest) -> Result<()> {
    guest.until(NO_BRIDGE)?;
    guest.until(PORT0_ADDRESS)?;
    guest.until("! ip link show port1 | head -n 1 | grep -q '[<,]UP[,>]'")?;
    forwarding(guest, false)?;
    seen(site, None)
}

fn bridge(site: &Site<'_>, wire: &Wire, guest: &mut Guest) -> Result<()> {
    guest.until("ip addr show br0 | grep -q 'inet 192.0.2.10/24'")?;
    for port in ["port0", "port1"] {
        guest.until(&format!(
            "ip link show {port} | grep 'master br0' | grep -q LOWER_UP"
        ))?;
        guest.until(&format!("! ip addr show {port} | grep -q 'inet '"))?;
    }
    let mac = |name| format!("cat /sys/class/net/{name}/address");
    let (outside, br0) = (guest.must(&mac("port0"))?, guest.must(&mac("br0"))?);
    ensure!(outside == br0, "br0 has {br0}, not {outside}");
    forwarding(guest, false)?;
    guest.until("nft list table bridge trunkguard | grep -q 208.100.60.17")?;
    seen(site, Some(wire))
}

fn router(guest: &mut Guest) -> Result<()> {
    guest.until(NO_BRIDGE)?;
    guest.until(PORT0_ADDRESS)?;
    guest.until("ip addr show port1 | grep -q 'inet 192.168.77.2/24'")?;
    guest.until("ip link show port1 | grep -q LOWER_UP")?;
    forwarding(guest, true)?;
    guest.until_rules("dnat")
}

/// F1, F5, F6: what the office's router lets through, and under which address.
fn forwards(site: &Site<'_>, wire: &Wire) -> Result<()> {
    seen(site, None)?;
    let strangers = || {
        [
            attempts::strangers(at::PBX),
            attempts::strangers(at::BOX_OUTSIDE),
        ]
    };
    wire.inwards(&[attempts::pop(at::BOX_OUTSIDE), attempts::pop(at::PBX)])
        .context("F1")?;
    wire.nothing_inwards(&strangers()).context("F5")?;
    wire.nothing_inwards(&[
        attempts::beyond_pop(at::PBX),
        attempts::beyond_pop(at::BOX_OUTSIDE),
    ])
    .context("F1")?;
    let web = Probes::default()
        .tcp("PBX to web", at::PBX, at::CARRIER, &[443])
        .udp("office out", at::PAGE, at::CARRIER, &[12_345]);
    wire.outwards(&[attempts::to_pop(), attempts::to_dns(), web])
        .context("F6, F7")?;
    let foreign = wire.at_internet.frames(|frame| {
        let to_carrier = frame.between.is_some_and(|(_, to)| to == at::CARRIER);
        !frame.leaves && to_carrier && frame.source() != Some(at::BOX_OUTSIDE.into())
    })?;
    ensure!(foreign.is_empty(), "not masqueraded: {foreign:?}");
    let four = attempts::to_carrier().0.into_iter();
    let four = Probes(four.filter(|probe| !probe.name.contains("IPv6")).collect());
    wire.nothing_outwards(&[four]).context("F6")
}

/// F13; the control of what is dropped in Prevent.
fn detect(wire: &Wire, guest: &mut Guest) -> Result<()> {
    guest.trunkguard("mode detect")?;
    wire.inwards(&[attempts::strangers(at::PBX)])?;
    guest.trunkguard("mode prevent")?;
    wire.nothing_inwards(&[attempts::strangers(at::PBX)])
}

/// F23: a real DHCP client in the office, and DNS by the box; from outside neither.
fn served(site: &Site<'_>, server: &Dns) -> Result<()> {
    let lease = lease(site)?;
    println!("{lease}");
    let field = |name: &str| {
        lease
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")))
            .map(|value| value.trim_matches('\'').to_owned())
    };
    let address: Ipv4Addr = field("ip").context("no address in the lease")?.parse()?;
    let host = u32::from(address) & 0xff;
    ensure!(
        address.octets()[..3] == [192, 168, 77] && (100..200).contains(&host),
        "a lease of {address}"
    );
    for name in ["dns", "router", "serverid"] {
        let value = field(name);
        ensure!(
            value.as_deref() == Some("192.168.77.2"),
            "{name} is {value:?}"
        );
    }
    // The name server that the lease names.
    let said = dns::ask(&site.lan, at::PAGE, at::BOX, "pbx.example.com")?;
    ensure!(said == Some(at::POP), "the office is told {said:?}");
    server.wait_asked("pbx.example.com", Duration::from_secs(1))?;
    for to in [at::BOX_OUTSIDE, at::BOX] {
        let said = dns::ask(&site.internet, at::UPSTREAM, to, "pbx.example.com")?;
        ensure!(said.is_none(), "outside {to} answers {said:?}");
    }
    let (_, said) = request(site, &site.internet)?;
    ensure!(!said.contains("ip="), "a lease outside: {said}");
    Ok(())
}

fn request(site: &Site<'_>, place: &trunkguard_tests::site::Place) -> Result<(bool, String)> {
    let script = site.office.folder().join("leased.sh");
    fs::write(&script, "#!/bin/sh\n[ \"$1\" != bound ] || set\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let script = script.to_string_lossy().into_owned();
    place.attempt(
        "busybox",
        &[
            "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "4", "-T", "2", "-O", "dns", "-s",
            &script,
        ],
    )
}

fn lease(site: &Site<'_>) -> Result<String> {
    let (_, said) = request(site, &site.lan)?;
    ensure!(said.contains("ip="), "no lease: {said}");
    let kept = ["ip=", "dns=", "router=", "serverid=", "subnet=", "lease="];
    let lines = said
        .lines()
        .filter(|line| kept.iter().any(|name| line.starts_with(name)));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// B14: inside only; and the box's SIP (F9) at its address inside.
fn named(site: &Site<'_>, guest: &mut Guest) -> Result<()> {
    let name = guest.name()?;
    let said = mdns::ask(&site.lan, at::PAGE, &name, Duration::from_secs(20))?;
    ensure!(
        said == Some(at::BOX),
        "the office hears of {name}: {said:?}"
    );
    for from in [at::ATTACKER, at::UPSTREAM] {
        let said = mdns::ask(&site.internet, from, &name, Duration::from_secs(3))?;
        ensure!(said.is_none(), "{from} outside hears of {name}: {said:?}");
    }
    let pbx = site
        .lan
        .within(|| Udp::at(at::PBX, (at::BOX, 5060).into()))?;
    let answer = pbx.ask("12125551234", "router")?;
    ensure!(answer.status() == Some(302), "F9: {}", answer.start);
    Ok(())
}

//! The image as a bridge between internet and PBX, in a machine of its own, with connections tracked in
//! the bridge (NF_CONNTRACK_BRIDGE): docs/security.md, Packets.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Guest, Image, Machine, PATIENCE, in_place},
    site::{
        Echo, Flow, Place, Probes, Site, Topology, at, attempts,
        bridged::{
            Wire, answers, control, dhcp, first_packets, not_answers, office, questions, strangers,
        },
        ethernet, packet,
    },
    wire::{Tcp, Udp, invite},
};

/// A usual office; further lines of `[firewall]`, and the PoP that is used.
fn policy(mode: &str, pop: &str, firewall: &str) -> String {
    format!(
        r#"format = 1

[settings]
mode = "{mode}"
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
pops = ["{pop}.voip.ms"]
bans = false
{firewall}

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
"#
    )
}

const POP: &str = "atlanta1";
const OTHER_POP: &str = "atlanta2";

/// Who knocks all the time, in every state of the box.
struct Knocking {
    pop: Flow,
    stranger: Flow,
    stranger6: Flow,
}

impl Knocking {
    fn start(site: &Site<'_>) -> Result<Knocking> {
        let net = &site.internet;
        let start = |name, from: SocketAddr, to: SocketAddr| Flow::start(net, name, from, to, 25);
        let pbx6 = SocketAddr::from((at::PBX6, 5060));
        Ok(Knocking {
            pop: start("pop", (at::POP, 7000).into(), (at::PBX, 5060).into())?,
            stranger: start(
                "stranger",
                (at::ATTACKER, 7000).into(),
                (at::PBX, 5060).into(),
            )?,
            stranger6: start("stranger6", (at::ATTACKER6, 7000).into(), pbx6)?,
        })
    }

    fn stop(self) -> Result<()> {
        for flow in [self.pop, self.stranger, self.stranger6] {
            flow.stop()?;
        }
        Ok(())
    }
}

/// Has the PBX's neighbours know its Ethernet address, whether somebody answers for it or not.
fn introduce(site: &Site<'_>, known: bool) -> Result<()> {
    let line = site
        .lan
        .command("ip", &["-br", "link", "show", "dev", "eth0"])?;
    let address = line.split_whitespace().nth(2).context("no address")?;
    for pbx in [at::PBX.to_string(), at::PBX6.to_string()] {
        let verb = if known { "replace" } else { "del" };
        site.internet.ip(&format!(
            "neigh {verb} {pbx} lladdr {address} dev eth0 nud permanent\n"
        ))?;
    }
    Ok(())
}

/// Waits until a datagram of a flow comes to the PBX; how long did that take?
fn first_of(wire: &Wire, flow: &str) -> Result<Duration> {
    let started = Instant::now();
    while wire.at_pbx.count(flow)? == 0 {
        ensure!(
            started.elapsed() < PATIENCE,
            "nothing of `{flow}` reaches the PBX"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(started.elapsed())
}

fn no_stranger(wire: &Wire) -> Result<()> {
    for flow in ["stranger", "stranger6"] {
        let came = wire.at_pbx.count(flow)?;
        ensure!(came == 0, "{came} datagrams of `{flow}` reached the PBX");
    }
    Ok(())
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_bridge_lets_pops_through_and_nobody_else() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Bridge, move |site| {
        // The control: the site's own bridge, without rules, passes everything.
        let wire = Wire::through_a_machine(site)?;
        control(site, &wire)?;
        wire.inwards(&[not_answers()])?;
        introduce(site, true)?;
        let knocking = Knocking::start(site)?;
        for flow in ["pop", "stranger", "stranger6"] {
            first_of(&wire, flow)?;
        }
        let policy = policy("prevent", POP, "");
        let outcome = in_place(site, &image, &policy, (2, &[]), |machine| {
            wire.at_pbx.clear()?;
            starts(&wire, machine)?;
            let mut guest = machine.guest()?;
            introduce(site, false)?;
            rules(site, &wire, &mut guest)?;
            the_box(site, &mut guest)?;
            revoked(site, &wire, &mut guest)?;
            modes(site, &wire, &mut guest)?;
            outlive(&wire, &mut guest)?;
            introduce(site, true)?;
            again(&wire, machine, guest)
        });
        knocking.stop()?;
        outcome
    });
}

/// F17: from power-on to the first packet of a PoP, no stranger's reaches the PBX.
fn starts(wire: &Wire, machine: &mut Machine) -> Result<()> {
    let took = first_of(wire, "pop")?;
    println!(
        "figure: bridge-first-pop-packet-after-power-on {:.1} s",
        took.as_secs_f64()
    );
    no_stranger(wire).context("F17")?;
    let mut guest = machine.guest()?;
    guest.until("systemctl is-active trunkguard.service")?;
    guest.until_rules(&at::POP.to_string())?;
    guest.until("ip link show br0 | grep -q LOWER_UP")?;
    Ok(())
}

/// F1 to F8 with connections.
fn rules(site: &Site<'_>, wire: &Wire, guest: &mut Guest) -> Result<()> {
    first_packets(site, wire)?;
    wire.inwards(&[attempts::pop(at::PBX), dhcp(at::GATEWAY, at::PBX)])
        .context("F1, F8")?;
    let echo = Probes::default().echo("PoP", at::POP, at::PBX);
    wire.inwards(&[echo]).context("F1, ping")?;
    wire.outwards(&[attempts::to_pop(), dhcp(at::PBX, at::NEIGHBOUR)])
        .context("F6, F8")?;
    let groups = Probes::default().protocols("igmp", at::PBX, [224, 0, 0, 22], &[2]);
    wire.outwards(&[groups]).context("F8, groups")?;
    discovery(site, wire)?;

    let known = guest.must("conntrack -L 2>/dev/null")?;
    ensure!(
        known.contains("208.100.60.17") && known.contains("192.168.77.10"),
        "the bridge's connections are not tracked:\n{known}"
    );
    wire.nothing_inwards(&[not_answers()]).context("F2")?;
    wire.outwards(&[questions()]).context("F6, F7")?;
    wire.inwards(&[answers()]).context("F2, F8")?;
    wire.nothing_inwards(&[not_answers()]).context("F2")?;
    conversation(site).context("F2, TCP")?;

    // Counted by rule (F5, F6).
    for counter in ["outside-sip", "outside-spoofed", "pbx-sip"] {
        guest.until(&format!(
            "trunkguard firewall report --json --state /var/lib/trunkguard | grep -q '\"{counter}\"'"
        ))?;
    }
    Ok(())
}

/// Router advertisements of IPv6 pass with a hop limit of 255, as neighbours send them, and not with
/// another (F8).
fn discovery(site: &Site<'_>, wire: &Wire) -> Result<()> {
    let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    wire.at_pbx.clear()?;
    // Link-local addresses are the office's own (F4), whatever they say.
    for (name, from, hops) in [("near", router, 255), ("far", at::ATTACKER6, 64)] {
        let body = [
            &[64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &packet::mark(name, 0),
        ]
        .concat();
        let mut packet = packet::icmp(from.into(), all.into(), 134, 0, &body);
        packet[7] = hops;
        ethernet::shout(&site.internet, 0x86dd, &packet)?;
    }
    wire.all_is_in()?;
    let came = [wire.at_pbx.count("near")?, wire.at_pbx.count("far")?];
    ensure!(came == [1, 0], "F8: advertisements, near and far: {came:?}");
    Ok(())
}

/// The PBX opens a connection to the web and hears the answer.
fn conversation(site: &Site<'_>) -> Result<()> {
    use std::io::{Read, Write};
    let server = SocketAddr::from((at::CARRIER, 443));
    let listener = (site.internet).within(|| Ok(std::net::TcpListener::bind(server)?))?;
    let mut web = site.lan.within(|| Tcp::from(at::PBX, server))?;
    let (mut other_end, _) = listener.accept()?;
    web.send(b"hello")?;
    other_end.read_exact(&mut [0; 5])?;
    other_end.write_all(b"SIP/2.0 200 OK\r\n\r\n")?;
    let said = web.receive(Duration::from_secs(5))?;
    ensure!(said.is_some(), "the answer of the web does not come back");
    Ok(())
}

fn ask(place: &Place, from: Ipv4Addr, call: &str, wait: u64) -> Result<Option<u16>> {
    let udp = place.within(|| Udp::at(from, (at::BOX, 5060).into()))?;
    let said = udp.ask_for("12125551234", call, Duration::from_secs(wait))?;
    Ok(said.and_then(|message| message.status()))
}

/// F9, F11: the box's own address through the bridge.
fn the_box(site: &Site<'_>, guest: &mut Guest) -> Result<()> {
    let answered = ask(&site.lan, at::PBX, "client", 10)?;
    ensure!(answered == Some(302), "F9: the PBX is told {answered:?}");
    site.lan
        .within(|| Tcp::from(at::PBX, (at::BOX, 5060).into()))
        .context("F9: TCP of the PBX")?;
    let calls = |guest: &mut Guest| guest.trunkguard("calls --json");
    let before = calls(guest)?;
    // As the PBX, from outside: the box is not to believe it.
    let raw = packet::Raw::open(&site.internet)?;
    let forged = invite((at::PBX, 5060).into(), "UDP", "12125551234", "forged");
    raw.send(&packet::udp(
        (at::PBX, 5060).into(),
        (at::BOX, 5060).into(),
        forged.as_bytes(),
    ))?;
    for (place, from) in [
        (&site.internet, at::ATTACKER),
        (&site.internet, at::NEIGHBOUR),
        (&site.lan, at::PAGE),
    ] {
        let answered = ask(place, from, "stranger", 2)?;
        ensure!(answered.is_none(), "F9: {from} is told {answered:?}");
        let connected = place.within(|| Tcp::from(from, (at::BOX, 5060).into()));
        ensure!(connected.is_err(), "F9: {from} connects");
    }
    ensure!(
        calls(guest)? == before,
        "F9: a stranger's call was decided:\n{}",
        calls(guest)?
    );
    let (pings, said) = site
        .lan
        .attempt("busybox", &["ping", "-c1", "-W5", "192.168.77.2"])?;
    ensure!(pings, "F11: the box does not answer a ping: {said}");
    Ok(())
}

/// F16: who is not allowed any more is cut off, in the middle of a flow.
fn revoked(site: &Site<'_>, wire: &Wire, guest: &mut Guest) -> Result<()> {
    let home = at::REMOTE.to_string();
    let _echo = Echo::start(&site.lan, (at::PBX, 5060).into())?;
    let from = SocketAddr::from((at::REMOTE, 7000));
    let flow = Flow::start(&site.internet, "home", from, (at::PBX, 5060).into(), 25)?;
    guest.apply(&policy(
        "prevent",
        POP,
        &format!("remote = [\"{home}/32\"]"),
    ))?;
    first_of(wire, "home").context("F3")?;
    guest.until(&format!("conntrack -L 2>/dev/null | grep -q {home}"))?;
    first_of(wire, "pop")?;
    // The other PoP takes the place of the first.
    guest.apply(&policy("prevent", OTHER_POP, ""))?;
    guest.until(&format!("! conntrack -L 2>/dev/null | grep -q {home}"))?;
    guest.until("! conntrack -L 2>/dev/null | grep -q 208.100.60.17.*dport=5060")?;
    let other = Probes::default().udp("other", at::OTHER_POP, at::PBX, &[5060]);
    wire.at_pbx.clear()?;
    wire.inwards(&[other]).context("F1, the other PoP")?;
    wire.at_pbx.clear()?;
    // Long enough for some of each flow.
    std::thread::sleep(Duration::from_secs(1));
    let came = [wire.at_pbx.count("home")?, wire.at_pbx.count("pop")?];
    ensure!(came == [0, 0], "F16: of home and PoP came {came:?}");
    flow.stop()?;
    guest.apply(&policy("prevent", POP, ""))?;
    first_of(wire, "pop").map(drop)
}

/// F13: in Detect strangers pass, and what passed only because of that ends with it.
fn modes(site: &Site<'_>, wire: &Wire, guest: &mut Guest) -> Result<()> {
    no_stranger(wire)?;
    guest.trunkguard("mode detect")?;
    for flow in ["stranger", "stranger6"] {
        first_of(wire, flow).context("F13")?;
    }
    // Pieces of IPv6 this small the kernel's bridge does not hand on, whoever sends them.
    let whole = strangers().map(|probes| {
        let whole = |name: &str| !(name.starts_with("stranger6") && name.contains("pieces"));
        Probes(probes.0.into_iter().filter(|p| whole(&p.name)).collect())
    });
    wire.inwards(&whole).context("F13")?;
    wire.inwards(&[attempts::beyond_pop(at::PBX), office()])
        .context("F13")?;
    let carrier = attempts::to_carrier().0.into_iter();
    let carrier = carrier.filter(|p| !p.name.contains("by IPv6 pieces"));
    wire.outwards(&[Probes(carrier.collect()), attempts::to_anything()])
        .context("F13")?;
    let answered = ask(&site.internet, at::ATTACKER, "detect", 2)?;
    ensure!(
        answered.is_none(),
        "F13: F9 holds in Detect, not {answered:?}"
    );
    guest.trunkguard("mode prevent")?;
    wire.at_pbx.clear()?;
    first_of(wire, "pop")?;
    std::thread::sleep(Duration::from_secs(1));
    no_stranger(wire).context("F13, in Prevent again")?;
    wire.nothing_inwards(&strangers())?;
    wire.nothing_outwards(&[attempts::to_carrier(), attempts::to_anything()])
}

/// F18, F19: rules outlive the daemon and the helper.
fn outlive(wire: &Wire, guest: &mut Guest) -> Result<()> {
    wire.at_pbx.clear()?;
    let before: BTreeSet<String> = pids(guest)?;
    guest.must("systemctl kill -s KILL trunkguard.service trunkguard-firewall.service")?;
    first_of(wire, "pop")?;
    guest.until("systemctl is-active trunkguard.service trunkguard-firewall.service")?;
    let after = pids(guest)?;
    ensure!(before.is_disjoint(&after), "nobody was killed: {before:?}");
    no_stranger(wire).context("F18")?;
    wire.nothing_inwards(&strangers()).context("F18")?;
    wire.inwards(&[attempts::pop(at::PBX)]).context("F18")
}

fn pids(guest: &mut Guest) -> Result<BTreeSet<String>> {
    let said = guest.must(
        "systemctl show -P MainPID trunkguard.service; systemctl show -P MainPID trunkguard-firewall.service",
    )?;
    Ok(said.split_whitespace().map(String::from).collect())
}

/// F17 for a box that knows from its card that it is a bridge: down and up again, and no stranger passes.
fn again(wire: &Wire, machine: &mut Machine, mut guest: Guest) -> Result<()> {
    guest.run("sync; systemctl --no-block reboot")?;
    drop(guest);
    let started = Instant::now();
    // Until it has come to its end: nothing of the PoP within a second.
    loop {
        let came = wire.at_pbx.count("pop")?;
        std::thread::sleep(Duration::from_secs(1));
        if wire.at_pbx.count("pop")? == came {
            break;
        }
        ensure!(started.elapsed() < PATIENCE, "the box does not restart");
    }
    no_stranger(wire).context("F17, while it stops")?;
    wire.at_pbx.clear()?;
    let took = first_of(wire, "pop")?;
    println!(
        "figure: bridge-silence-of-a-restart {:.1} s",
        took.as_secs_f64()
    );
    let mut guest = machine.guest()?;
    guest.until("systemctl is-active trunkguard.service")?;
    guest.until_rules(&at::POP.to_string())?;
    no_stranger(wire).context("F17, while it starts again")?;
    wire.nothing_inwards(&strangers()).context("F17")?;
    wire.inwards(&[attempts::pop(at::PBX)]).context("F17")
}

//! Strangers with real tools, and a flood: nothing of it reaches the PBX (docs/security.md F5), and
//! calls go on.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Process,
    site::{Capture, Flow, Frame, Helper, Intent, Pop, Site, Topology, at, packet, traffic},
    tools,
};

/// Datagrams of the flood.
const FLOOD: u32 = 200_000;

/// The port that each scanner sends from.
const SCANNERS: [u16; 3] = [5062, 5063, 5064];

/// What the three scanners say of the PBX at an address, having tried in earnest.
fn scan(site: &Site<'_>, target: &str) -> Result<String> {
    let scans = [
        ("sipvicious_svmap", format!("-P 5062 {target}/32")),
        (
            "sipvicious_svwar",
            format!("-P 5063 -e 990-1010 -m REGISTER --force {target}"),
        ),
        (
            "sipvicious_svcrack",
            format!("-P 5064 -u 1001 -r 1000-1040 {target}"),
        ),
    ];
    let mut running = Vec::new();
    for (program, args) in scans {
        let path = tools::sipvicious(program)?;
        let log = site.office.log(program);
        let args: Vec<&str> = args.split(' ').collect();
        let start = || Process::start(&path, &args, &log);
        running.push(site.internet.within(start)?);
    }
    let mut said = String::new();
    for mut process in running {
        process.wait(Duration::from_secs(60))?;
        said.push_str(&process.printed());
    }
    ensure!(
        !said.contains("Traceback"),
        "a scanner itself failed:\n{said}"
    );
    Ok(said)
}

/// Frames from outside that are not the PoP's. (The scanners send from whatever address they like.)
fn from_strangers(capture: &Capture) -> Result<Vec<Frame>> {
    let known = [IpAddr::from(at::POP), at::BOX.into()];
    capture.frames(|f| {
        let udp = f.protocol == packet::protocol::UDP;
        !f.leaves && udp && f.source().is_some_and(|source| !known.contains(&source))
    })
}

/// svmap, svwar and svcrack find a PBX without the box's rules, its extension and its password; with
/// them not one of their packets arrives, and the PoP's call goes on meanwhile.
#[test]
fn firewall_attack_f5_sipvicious_never_reaches_the_pbx() {
    Site::run(Topology::Router, |site| {
        let pbx = site.asterisk(&["site", "behind-router"])?;
        let capture = site.at_pbx()?;
        let said = scan(site, "192.168.77.10")?;
        let came = from_strangers(&capture)?;
        let arrived = |port| {
            came.iter()
                .any(|f| f.ports.is_some_and(|(from, _)| from == port))
        };
        ensure!(
            SCANNERS.into_iter().all(arrived)
                && said.contains("| 192.168.77.10")
                && said.contains("1023"),
            "the control: {} packets came, and the scanners say:\n{said}",
            came.len()
        );

        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(Topology::Router))?;
        let pop = Pop::start(&site.internet, at::POP)?;
        let call = pop.call(SocketAddr::from((at::BOX_OUTSIDE, 5060)), "4165551234")?;
        let talk = call.talk("call");
        capture.clear()?;
        for target in ["192.168.77.10", "192.0.2.10"] {
            let said = scan(site, target)?;
            ensure!(
                !said.contains(&format!("| {target}")) && !said.contains("1023"),
                "the scanners found something:\n{said}"
            );
        }
        let came = from_strangers(&capture)?;
        ensure!(
            came.is_empty(),
            "scanners' packets reached the PBX: {came:?}"
        );
        let (sent, missing) = talk.stop()?;
        ensure!(
            missing.is_empty(),
            "of {sent} packets of audio missing: {missing:?}"
        );
        call.hang_up()?;
        drop(pbx);
        Ok(())
    });
}

/// 200,000 datagrams as fast as they go, from one address and from forged ones: none reaches the
/// PBX, and the PoP's stream loses nothing.
#[test]
fn firewall_attack_f5_flood_never_reaches_the_pbx() {
    Site::run(Topology::Router, |site| {
        let capture = site.at_pbx()?;
        let from = |address, port| SocketAddr::from((address, port));
        let pbx = from(at::PBX, 5060);
        traffic::burst(
            &site.internet,
            "control",
            from(at::ATTACKER, 6000),
            pbx,
            10_000,
        )?;
        let came = capture.count("control")?;
        ensure!(came > 9_000, "the control: of 10,000 datagrams {came} came");

        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(Topology::Router))?;
        let pop = Flow::start(&site.internet, "pop", from(at::POP, 5060), pbx, 500)?;
        let attacker = from(at::ATTACKER, 6001);
        traffic::burst(&site.internet, "flood", attacker, pbx, FLOOD / 2)?;
        let outside = from(at::BOX_OUTSIDE, 5060);
        traffic::burst(&site.internet, "outside", attacker, outside, FLOOD / 4)?;
        let raw = packet::Raw::open(&site.internet)?;
        for n in 0..FLOOD / 4 {
            // Every one a source of its own, so that none is a known connection.
            let [a, b, c, _] = n.to_le_bytes();
            let source = SocketAddr::from(([203, c, b, a.max(1)], 1024 + (n % 50_000) as u16));
            raw.send(&packet::udp(source, pbx, &packet::mark("forged", n)))?;
        }
        let pop = pop.stop()?;
        for flood in ["flood", "outside", "forged"] {
            let came = capture.count(flood)?;
            ensure!(
                came == 0,
                "{came} datagrams of the flood `{flood}` reached the PBX"
            );
        }
        let lost = capture.missing("pop", pop.sent)?;
        ensure!(
            lost.is_empty(),
            "of the PoP's {} datagrams lost: {lost:?}",
            pop.sent
        );
        let counted = helper.figures()?;
        // What reaches the box's own address is dropped there.
        let dropped = counted["outside-sip"] + counted["box-sip"];
        ensure!(dropped >= u64::from(FLOOD), "counted: {counted:?}");
        Ok(())
    });
}

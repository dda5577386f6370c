//! What passes a box in `bridge` (docs/security.md, Packets). Connections are tracked in a bridge by a
//! part of the kernel (NF_CONNTRACK_BRIDGE) that not every build machine has. Where it is missing, the
//! rules are refused, nothing passes, and the rules for first packets are shown without it; the rest
//! is shown where the image is booted.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    site::{
        Helper, Intent, Probes, Site, Topology, at, attempts,
        bridged::{Wire, control, dhcp, first_packets, office, strangers},
    },
    tools,
};

const BRIDGE: Topology = Topology::Bridge;

/// The helper's rules where the kernel can load them; else F19: refused, with the feature and the
/// remedy, and nothing passes (F17).
#[test]
fn firewall_bridge_f19_loads_or_says_what_is_missing_and_stays_closed() {
    Site::run(BRIDGE, |site| {
        let wire = Wire::of(site)?;
        control(site, &wire)?;
        Helper::close(site)?;
        let mut helper = Helper::start(site)?;
        let reply = helper.order(&json!({ "load": Intent::new(BRIDGE).json() }))?;
        if reply.get("loaded").is_some() {
            first_packets(site, &wire)?;
            wire.inwards(&[attempts::pop(at::PBX), dhcp(at::GATEWAY, at::PBX)])?;
            return wire.outwards(&[attempts::to_pop(), dhcp(at::PBX, at::NEIGHBOUR)]);
        }
        let why = reply["failed"]
            .as_str()
            .context("neither loaded nor failed")?;
        ensure!(
            why.contains("bridge") && why.to_lowercase().contains("conntrack"),
            "the error does not name what is missing: {why}"
        );
        wire.nothing_inwards(&strangers())?;
        wire.nothing_inwards(&[
            attempts::pop(at::PBX),
            attempts::beyond_pop(at::PBX),
            office(),
        ])?;
        wire.nothing_outwards(&[
            attempts::to_carrier(),
            attempts::to_anything(),
            attempts::to_pop(),
        ])?;
        wire.nothing_outwards(&[
            attempts::to_dns(),
            attempts::to_web(),
            attempts::office_out(),
        ])?;
        ensure!(
            wire.frames(site)?.is_empty(),
            "frames pass the closed rules"
        );
        Ok(())
    });
}

/// The rules of the golden file for this site, without what needs connections to be tracked.
fn without_connections() -> Result<String> {
    let path = tools::here().join("../firmware/firewall/golden/bridge.nft");
    let golden = fs::read_to_string(path)?;
    let bridge = golden
        .split_once("\ntable inet ")
        .map(|(bridge, _)| bridge)
        .context("two tables")?;
    let (with, kept): (Vec<&str>, Vec<&str>) =
        bridge.lines().partition(|line| line.contains("\tct "));
    let (states, kept) = (with.len(), kept.join("\n"));
    let more = kept.matches("ct state").count();
    ensure!(
        states + more > 0,
        "no rule needs connections any more: drop this test"
    );
    let kept: Vec<&str> = kept
        .lines()
        .filter(|line| !line.contains("ct state"))
        .collect();
    Ok(kept
        .join("\n")
        .replace("192.168.7.10", "192.168.77.10")
        .replace("fd00:7::10", "2001:db8:77::10")
        .replace("enx001122334455", "in0")
        .replace("eth0", "out0"))
}

/// F1, F4 to F8 for first packets: the rendered rules, but for those that ask for a connection's
/// state, let through and stop what they should.
#[test]
fn firewall_bridge_f1_f4_f5_f6_f7_f8_first_packets() {
    Site::run(BRIDGE, |site| {
        let wire = Wire::of(site)?;
        control(site, &wire)?;
        let file = site.office.folder().join("bridge.nft");
        fs::write(&file, without_connections()?)?;
        let file = file.to_string_lossy().into_owned();
        site.gate.command("nft", &["-f", &file])?;
        first_packets(site, &wire)?;
        // Without connections pieces are not put together, so later ones have no ports.
        let whole = |probes: Probes| {
            let whole = probes.0.into_iter().filter(|p| !p.name.contains("pieces"));
            Probes(whole.collect())
        };
        wire.inwards(&[whole(attempts::pop(at::PBX)), dhcp(at::GATEWAY, at::PBX)])
            .context("F1, F8")?;
        wire.outwards(&[whole(attempts::to_pop()), dhcp(at::PBX, at::NEIGHBOUR)])
            .context("F6, F8")
    });
}

//! What passes a box in `bridge` (docs/security.md, Packets). Connections are tracked in a bridge by a
//! part of the kernel (NF_CONNTRACK_BRIDGE) that not every build machine has. Where it is missing, the
//! rules are refused, nothing passes, and the rules for first packets are shown without it; the rest
//! is shown where the image is booted.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    site::{
        Capture, Helper, Intent, Probes, Site, Topology, at, attempts, ethernet,
        ethernet::kind,
        packet::{self, Raw},
    },
    tools,
};

const BRIDGE: Topology = Topology::Bridge;

/// Both ends of the cable.
struct Wire {
    outside: Raw,
    inside: Raw,
    at_pbx: Capture,
    at_internet: Capture,
}

impl Wire {
    fn of(site: &Site<'_>) -> Result<Wire> {
        Ok(Wire {
            outside: Raw::open(&site.internet)?,
            inside: Raw::open(&site.lan)?,
            at_pbx: site.at_pbx()?,
            at_internet: site.at_internet()?,
        })
    }

    fn inwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.all_arrive(&self.outside, &self.at_pbx))
    }

    fn nothing_inwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.none_arrives(&self.outside, &self.at_pbx))
    }

    fn outwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.all_arrive(&self.inside, &self.at_internet))
    }

    fn nothing_outwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.none_arrives(&self.inside, &self.at_internet))
    }

    /// Which kinds of frames, of each one that is no IP, reach the PBX's port.
    fn frames(&self, site: &Site<'_>) -> Result<Vec<u16>> {
        self.at_pbx.clear()?;
        let kinds = [kind::EAPOL, kind::LLDP, kind::PPPOE];
        for kind in kinds {
            ethernet::shout(&site.internet, kind, &[1, 0, 0, 0])?;
        }
        // With a tag, what would pass without. The kernel takes the tag off before a capture sees it.
        let from = SocketAddr::from((at::POP, 5060));
        let inside = packet::udp(from, (at::PBX, 5060).into(), &packet::mark("tagged", 0));
        let body = [&[0, 42, 8, 0][..], &inside].concat();
        ethernet::shout(&site.internet, kind::VLAN, &body)?;
        let came = self
            .at_pbx
            .frames(|f| !f.leaves && kinds.contains(&f.ethertype))?;
        let mut came: Vec<u16> = came.into_iter().map(|f| f.ethertype).collect();
        if self.at_pbx.count("tagged")? > 0 {
            came.push(kind::VLAN);
        }
        Ok(came)
    }
}

fn strangers() -> [Probes; 3] {
    [
        attempts::strangers(at::PBX),
        attempts::strangers6(at::PBX6),
        // The PBX's own address, from outside.
        Probes::default()
            .udp("as the PBX", at::PBX, at::PBX, &[5060, 12_000])
            .udp("as the PBX by IPv6", at::PBX6, at::PBX6, &[5060]),
    ]
}

/// F4: the office's own machines, on the side of its router.
fn office() -> Probes {
    Probes::default()
        .udp("office", at::NEIGHBOUR, at::PBX, &[5060, 12_000, 161])
        .tcp("office", at::NEIGHBOUR, at::PBX, &[22, 80, 5060])
}

/// DHCP between two machines (F8).
fn dhcp(server: Ipv4Addr, client: Ipv4Addr) -> Probes {
    let everybody = Ipv4Addr::new(192, 168, 77, 255);
    Probes::default()
        .packet("dhcp answer", |mark| {
            let from = SocketAddr::from((server, 67));
            packet::udp(from, (client, 68).into(), mark)
        })
        .packet("dhcp question", |mark| {
            let from = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 68));
            packet::udp(from, (everybody, 67).into(), mark)
        })
}

/// What is shown of the rules for first packets, with or without connections.
fn first_packets(site: &Site<'_>, wire: &Wire) -> Result<()> {
    wire.nothing_inwards(&strangers()).context("F5")?;
    wire.nothing_inwards(&[attempts::beyond_pop(at::PBX)])
        .context("F1")?;
    wire.inwards(&[office()]).context("F4")?;
    wire.outwards(&[
        attempts::to_dns(),
        attempts::to_web(),
        attempts::office_out(),
    ])
    .context("F7")?;
    wire.nothing_outwards(&[attempts::to_carrier()])
        .context("F6")?;
    wire.nothing_outwards(&[attempts::to_anything()])
        .context("F7, web")?;
    let frames = wire.frames(site)?;
    ensure!(
        frames == [kind::EAPOL],
        "F8: other frames than EAPOL: {frames:x?}"
    );
    // Neighbours are found anew (F8): ARP and neighbour discovery pass.
    for place in [&site.internet, &site.lan] {
        place.command("ip", &["neigh", "flush", "all"])?;
    }
    let neighbours = Probes::default()
        .tcp("office", at::NEIGHBOUR, at::PBX, &[80])
        .udp("gateway", at::GATEWAY, at::PBX, &[161]);
    wire.inwards(&[neighbours]).context("F8, ARP")?;
    let discovery = Probes::default().tcp("PBX to web by IPv6", at::PBX6, at::CARRIER6, &[443]);
    wire.outwards(&[discovery]).context("F8, IPv6")
}

/// The control: with no rules everything passes.
fn control(site: &Site<'_>, wire: &Wire) -> Result<()> {
    wire.inwards(&strangers())?;
    wire.inwards(&[
        attempts::beyond_pop(at::PBX),
        attempts::pop(at::PBX),
        office(),
    ])?;
    wire.outwards(&[
        attempts::to_carrier(),
        attempts::to_anything(),
        attempts::to_pop(),
    ])?;
    wire.outwards(&[
        attempts::to_dns(),
        attempts::to_web(),
        attempts::office_out(),
    ])?;
    let frames = wire.frames(site)?;
    ensure!(
        frames.len() == 4,
        "the control: of 4 frames came {frames:x?}"
    );
    Ok(())
}

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

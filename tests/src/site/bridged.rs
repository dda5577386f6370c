//! What passes a box in `bridge` (docs/security.md, Packets), from both ends of its cable. Whether the
//! box is a network of this kernel or the image in a machine of its own makes no difference here.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};

use super::{
    Capture, Probes, Site, at, attempts, ethernet,
    ethernet::kind,
    packet::{self, Raw},
};

/// Both ends of the cable.
pub struct Wire {
    outside: Raw,
    inside: Raw,
    /// The PBX's port.
    pub at_pbx: Capture,
    /// The internet's port.
    pub at_internet: Capture,
}

impl Wire {
    /// From now on.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    pub fn of(site: &Site<'_>) -> Result<Wire> {
        Ok(Wire {
            outside: Raw::open(&site.internet)?,
            inside: Raw::open(&site.lan)?,
            at_pbx: site.at_pbx()?,
            at_internet: site.at_internet()?,
        })
    }

    /// All of these arrive at the PBX.
    ///
    /// # Errors
    /// Which do not.
    pub fn inwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.all_arrive(&self.outside, &self.at_pbx))
    }

    /// None of these arrives at the PBX.
    ///
    /// # Errors
    /// Which do.
    pub fn nothing_inwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.none_arrives(&self.outside, &self.at_pbx))
    }

    /// All of these of the PBX arrive outside.
    ///
    /// # Errors
    /// Which do not.
    pub fn outwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.all_arrive(&self.inside, &self.at_internet))
    }

    /// None of these of the PBX arrives outside.
    ///
    /// # Errors
    /// Which do.
    pub fn nothing_outwards(&self, all: &[Probes]) -> Result<()> {
        all.iter()
            .try_for_each(|probes| probes.none_arrives(&self.inside, &self.at_internet))
    }

    /// Which kinds of frames, of each one that is no IP, reach the PBX's port.
    ///
    /// # Errors
    /// When they cannot be sent.
    pub fn frames(&self, site: &Site<'_>) -> Result<Vec<u16>> {
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

/// Who has no business here, by IPv4 and IPv6, and as the PBX itself.
pub fn strangers() -> [Probes; 3] {
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
pub fn office() -> Probes {
    Probes::default()
        .udp("office", at::NEIGHBOUR, at::PBX, &[5060, 12_000, 161])
        .tcp("office", at::NEIGHBOUR, at::PBX, &[22, 80, 5060])
}

/// DHCP between two machines (F8).
pub fn dhcp(server: Ipv4Addr, client: Ipv4Addr) -> Probes {
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
///
/// # Errors
/// What passed that should not, or the other way round.
pub fn first_packets(site: &Site<'_>, wire: &Wire) -> Result<()> {
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
///
/// # Errors
/// What did not.
pub fn control(site: &Site<'_>, wire: &Wire) -> Result<()> {
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

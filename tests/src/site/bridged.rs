//! What passes a box in `bridge` (docs/security.md, Packets), from both ends of its cable. Whether the
//! box is a network of this kernel or the image in a machine of its own makes no difference here.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

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
    /// How long what was sent may be on its way; not at all through networks of this kernel.
    patience: Duration,
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
            patience: Duration::ZERO,
        })
    }

    /// The same where a box in an emulated machine is between both ends: that nothing of some packets has
    /// come through is said when a later one that may has, or after two seconds.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    pub fn through_a_machine(site: &Site<'_>) -> Result<Wire> {
        let patience = Duration::from_secs(2);
        Ok(Wire {
            patience,
            ..Wire::of(site)?
        })
    }

    /// Waits until all that was sent to the PBX has come, or is lost.
    ///
    /// # Errors
    /// When nothing can be sent.
    pub fn all_is_in(&self) -> Result<()> {
        self.last(&self.outside, &self.at_pbx, at::POP, at::PBX)
    }

    fn all_is_out(&self) -> Result<()> {
        self.last(&self.inside, &self.at_internet, at::PBX, at::POP)
    }

    /// Sends what may pass after all else, and waits for it.
    fn last(&self, raw: &Raw, capture: &Capture, from: Ipv4Addr, to: Ipv4Addr) -> Result<()> {
        if self.patience.is_zero() {
            return Ok(());
        }
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("last {}", LAST.fetch_add(1, Ordering::Relaxed));
        let (from, to) = (SocketAddr::from((from, 5060)), SocketAddr::from((to, 5060)));
        raw.send(&packet::udp(from, to, &packet::mark(&name, 0)))?;
        let started = Instant::now();
        while started.elapsed() < self.patience && capture.count(&name)? == 0 {}
        Ok(())
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
        all.iter().try_for_each(|probes| {
            probes.send(&self.outside, &self.at_pbx)?;
            self.all_is_in()?;
            none(probes.came(&self.at_pbx)?)
        })
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
        all.iter().try_for_each(|probes| {
            probes.send(&self.inside, &self.at_internet)?;
            self.all_is_out()?;
            none(probes.came(&self.at_internet)?)
        })
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
        self.all_is_in()?;
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

fn none(came: BTreeSet<String>) -> Result<()> {
    ensure!(came.is_empty(), "these came through: {came:#?}");
    Ok(())
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

/// What the PBX asks the PoP and a DNS server (F6, F7), so that they may answer.
pub fn questions() -> Probes {
    Probes::default()
        .packet("asks the PoP", |mark| {
            let text = [b"INVITE sip:1@pop SIP/2.0\r\n\r\nc=IN IP4 192.168.77.10\r\nm=audio 15000 RTP/AVP 0\r\n", mark].concat();
            packet::udp((at::PBX, 5060).into(), (at::POP, 5060).into(), &text)
        })
        .packet("asks for a name", |mark| {
            packet::udp((at::PBX, 33_001).into(), (at::DNS, 53).into(), mark)
        })
}

/// An ICMP error of a router of the internet about a datagram of the PBX to the PoP.
fn too_big(mark: &[u8], port: u16) -> Vec<u8> {
    let about = packet::udp((at::PBX, port).into(), (at::POP, 5060).into(), mark);
    let body = [&[0, 0, 5, 0][..], &about].concat();
    packet::icmp(at::UPSTREAM.into(), at::PBX.into(), 3, 4, &body)
}

/// Answers to [`questions`] (F2), and errors about them (F8).
pub fn answers() -> Probes {
    let udp = |from: (Ipv4Addr, u16), port, mark: &[u8]| {
        packet::udp(from.into(), (at::PBX, port).into(), mark)
    };
    Probes::default()
        .packet("DNS answers", |mark| udp((at::DNS, 53), 33_001, mark))
        .packet("PoP answers", |mark| udp((at::POP, 5060), 5060, mark))
        .packet("too big", |mark| too_big(mark, 5060))
}

/// What looks like an answer and is none (F2).
pub fn not_answers() -> Probes {
    let to = |port| SocketAddr::from((at::PBX, port));
    Probes::default()
        .packet("another answers for DNS", |mark| {
            packet::udp((at::ATTACKER, 53).into(), to(33_001), mark)
        })
        .packet("another port answers for DNS", |mark| {
            packet::udp((at::DNS, 54).into(), to(33_001), mark)
        })
        .packet("another answers for the web", |mark| {
            packet::tcp((at::ATTACKER, 443).into(), to(5060), 18, mark)
        })
        .packet("another answers for the PoP", |mark| {
            packet::udp((at::ATTACKER, 5060).into(), to(5060), mark)
        })
        .packet("too big, of nothing", |mark| too_big(mark, 5_999))
        .packet("audio to what the PBX's SIP names", |mark| {
            packet::udp((at::ATTACKER, 16_000).into(), to(15_000), mark)
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

//! Packets that are to arrive or not, sent in one go and looked for at the other end.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use anyhow::{Result, ensure};

use super::{
    Capture, at,
    packet::{self, Raw, mark, protocol},
};

/// One attempt: packets (pieces of one, or just one) whose payload bears the attempt's name.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Which attempt; the mark in its packets.
    pub name: String,
    packets: Vec<Vec<u8>>,
}

/// Attempts of one kind, each with a source port of its own.
#[derive(Clone, Debug, Default)]
pub struct Probes(pub Vec<Probe>);

const SYN: u8 = 2;
const SYN_ACK: u8 = 18;
const ACK: u8 = 16;
const RST: u8 = 4;

impl Probes {
    fn add(&mut self, name: String, packets: Vec<Vec<u8>>) {
        self.0.push(Probe { name, packets });
    }

    /// A source address with a port that nobody else here has.
    fn source(&self, address: impl Into<IpAddr>) -> SocketAddr {
        SocketAddr::new(address.into(), 40_000 + self.0.len() as u16)
    }

    /// UDP to some ports.
    #[must_use]
    pub fn udp(
        mut self,
        who: &str,
        source: impl Into<IpAddr> + Copy,
        to: impl Into<IpAddr> + Copy,
        ports: &[u16],
    ) -> Probes {
        for port in ports {
            let name = format!("{who} udp {port}");
            let to = SocketAddr::new(to.into(), *port);
            let packet = packet::udp(self.source(source), to, &mark(&name, 0));
            self.add(name, vec![packet]);
        }
        self
    }

    /// TCP segments with these flags to some ports.
    #[must_use]
    pub fn segments(
        mut self,
        who: &str,
        (flags, called): (u8, &str),
        source: impl Into<IpAddr> + Copy,
        to: impl Into<IpAddr> + Copy,
        ports: &[u16],
    ) -> Probes {
        for port in ports {
            let name = format!("{who} tcp{called} {port}");
            let to = SocketAddr::new(to.into(), *port);
            let packet = packet::tcp(self.source(source), to, flags, &mark(&name, 0));
            self.add(name, vec![packet]);
        }
        self
    }

    /// The first segment of TCP to some ports.
    #[must_use]
    pub fn tcp(
        self,
        who: &str,
        source: impl Into<IpAddr> + Copy,
        to: impl Into<IpAddr> + Copy,
        ports: &[u16],
    ) -> Probes {
        self.segments(who, (SYN, ""), source, to, ports)
    }

    /// A ping.
    #[must_use]
    pub fn echo(mut self, who: &str, source: impl Into<IpAddr>, to: impl Into<IpAddr>) -> Probes {
        let name = format!("{who} echo");
        let packet = packet::echo(source.into(), to.into(), &mark(&name, 0));
        self.add(name, vec![packet]);
        self
    }

    /// A UDP datagram in pieces, in order and the last piece first.
    #[must_use]
    pub fn pieces(
        mut self,
        who: &str,
        source: impl Into<IpAddr> + Copy,
        to: impl Into<IpAddr> + Copy,
        port: u16,
    ) -> Probes {
        for (order, backwards) in [("pieces", false), ("pieces backwards", true)] {
            let name = format!("{who} {order} {port}");
            let payload = [mark(&name, 0), vec![b'.'; 300]].concat();
            let to = SocketAddr::new(to.into(), port);
            let mut pieces = packet::pieces(self.source(source), to, &payload, 64);
            if backwards {
                pieces.reverse();
            }
            self.add(name, pieces);
        }
        self
    }

    /// Protocols by number.
    #[must_use]
    pub fn protocols(
        mut self,
        who: &str,
        source: impl Into<IpAddr> + Copy,
        to: impl Into<IpAddr> + Copy,
        numbers: &[u8],
    ) -> Probes {
        for number in numbers {
            let name = format!("{who} protocol {number}");
            let body = [vec![0; 8], mark(&name, 0)].concat();
            let packet = packet::ip(source.into(), to.into(), *number, &body);
            self.add(name, vec![packet]);
        }
        self
    }

    /// A packet made by hand.
    #[must_use]
    pub fn packet(mut self, name: &str, make: impl FnOnce(&[u8]) -> Vec<u8>) -> Probes {
        let packet = make(&mark(name, 0));
        self.add(name.to_owned(), vec![packet]);
        self
    }

    /// All their names.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.iter().map(|probe| probe.name.clone()).collect()
    }

    /// Sends all of them; the names of those that came out where the capture listens.
    ///
    /// # Errors
    /// When one cannot be sent, or two have one name.
    pub fn arrived(&self, raw: &Raw, capture: &Capture) -> Result<BTreeSet<String>> {
        ensure!(
            self.names().len() == self.0.len(),
            "two attempts of one name"
        );
        capture.clear()?;
        for packet in self.0.iter().flat_map(|probe| &probe.packets) {
            raw.send(packet)?;
        }
        capture.settle()?;
        let all = self.names().into_iter();
        Ok(all.filter(|name| capture.has(name)).collect())
    }

    /// Checks that all of them arrive.
    ///
    /// # Errors
    /// When one does not.
    pub fn all_arrive(&self, raw: &Raw, capture: &Capture) -> Result<()> {
        let came = self.arrived(raw, capture)?;
        let lost: Vec<String> = self.names().difference(&came).cloned().collect();
        ensure!(lost.is_empty(), "these did not arrive: {lost:#?}");
        Ok(())
    }

    /// Checks that none of them arrives.
    ///
    /// # Errors
    /// When one does.
    pub fn none_arrives(&self, raw: &Raw, capture: &Capture) -> Result<()> {
        let came = self.arrived(raw, capture)?;
        ensure!(came.is_empty(), "these came through: {came:#?}");
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What strangers try at a PBX by IPv4 (F5).
pub fn strangers(pbx: Ipv4Addr) -> Probes {
    let who = at::ATTACKER;
    let about = packet::udp(
        SocketAddr::from((pbx, 5060)),
        SocketAddr::from((who, 5060)),
        b"",
    );
    Probes::default()
        .udp(
            "stranger",
            who,
            pbx,
            &[5060, 5061, 5080, 4569, 12_000, 19_999, 53, 69, 161],
        )
        .tcp(
            "stranger",
            who,
            pbx,
            &[5060, 5061, 5080, 22, 80, 443, 5038, 8088, 8089],
        )
        .segments("stranger", (ACK, " ack"), who, pbx, &[5060, 5061, 443])
        .segments("stranger", (SYN_ACK, " syn-ack"), who, pbx, &[5060])
        .segments("stranger", (RST, " rst"), who, pbx, &[5060])
        .segments("stranger", (0, " no flags"), who, pbx, &[5060])
        .echo("stranger", who, pbx)
        .pieces("stranger", who, pbx, 5060)
        .pieces("stranger", who, pbx, 12_000)
        .protocols("stranger", who, pbx, &[protocol::GRE, 50, 132, 136, 253])
        // "Your packet did not arrive", about one that was never sent.
        .packet("stranger icmp error", |mark| {
            let body = [&[0; 4], &about[..], mark].concat();
            packet::icmp(who.into(), pbx.into(), 3, 1, &body)
        })
}

/// The same by IPv6.
pub fn strangers6(pbx: Ipv6Addr) -> Probes {
    let who = at::ATTACKER6;
    let (from, to) = (
        SocketAddr::from((who, 40_999)),
        SocketAddr::from((pbx, 5060)),
    );
    Probes::default()
        .udp(
            "stranger6",
            who,
            pbx,
            &[5060, 5061, 5080, 4569, 12_000, 161],
        )
        .tcp("stranger6", who, pbx, &[5060, 5061, 22, 80, 443])
        .segments("stranger6", (ACK, " ack"), who, pbx, &[5060, 443])
        .echo("stranger6", who, pbx)
        .pieces("stranger6", who, pbx, 5060)
        .protocols("stranger6", who, pbx, &[protocol::GRE, 132, 253])
        .packet("stranger6 udp behind options", |mark| {
            packet::udp_behind_options(from, to, mark)
        })
}

/// From outside, under addresses that cannot be there (F5): the PBX's, the office's, private ones.
pub fn spoofed(pbx: Ipv4Addr, pbx6: Ipv6Addr) -> Probes {
    let private = Ipv4Addr::new(10, 1, 2, 3);
    let ula = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 3);
    Probes::default()
        .udp("as the PBX", at::PBX, pbx, &[5060, 12_000])
        .udp("as the office", at::PAGE, pbx, &[5060, 161])
        .tcp("as the office", at::PAGE, pbx, &[80, 22])
        .udp("as a private network", private, pbx, &[5060])
        .udp("as link-local", Ipv4Addr::new(169, 254, 1, 1), pbx, &[5060])
        .udp("as the PBX by IPv6", pbx6, pbx6, &[5060])
        .udp("as a private network by IPv6", ula, pbx6, &[5060])
}

/// What a PoP may (F1).
pub fn pop(to: Ipv4Addr) -> Probes {
    Probes::default()
        .udp(
            "PoP",
            at::POP,
            to,
            &[5060, 5080, 4569, 10_000, 12_345, 20_000],
        )
        .tcp("PoP", at::POP, to, &[5060, 5080, 5061])
        .pieces("PoP", at::POP, to, 5060)
}

/// What a PoP may not, nor anybody who forges its address; nor a PoP that is not on the list.
pub fn beyond_pop(to: Ipv4Addr) -> Probes {
    Probes::default()
        .udp("PoP beyond", at::POP, to, &[53, 161, 9_999, 20_201])
        .tcp("PoP beyond", at::POP, to, &[22, 80, 443, 5038, 4569])
        .protocols("PoP beyond", at::POP, to, &[protocol::GRE, 50])
        .udp("other PoP", at::OTHER_POP, to, &[5060, 4569, 12_345])
        .tcp("other PoP", at::OTHER_POP, to, &[5060, 5061])
}

/// What the PBX may send to a PoP (F6).
pub fn to_pop() -> Probes {
    Probes::default()
        .udp(
            "to the PoP",
            at::PBX,
            at::POP,
            &[5060, 5070, 5080, 4569, 30_000],
        )
        .tcp("to the PoP", at::PBX, at::POP, &[5060, 5061, 5080])
        .pieces("to the PoP", at::PBX, at::POP, 5060)
}

/// What nobody who is inside may send to another carrier (F6), whatever `from_pbx` says.
pub fn to_carrier() -> Probes {
    Probes::default()
        .udp(
            "PBX to carrier",
            at::PBX,
            at::CARRIER,
            &[5060, 5062, 5080, 4569],
        )
        .tcp("PBX to carrier", at::PBX, at::CARRIER, &[5060, 5061, 5080])
        .pieces("PBX to carrier", at::PBX, at::CARRIER, 5060)
        .udp(
            "PBX to carrier by IPv6",
            at::PBX6,
            at::CARRIER6,
            &[5060, 4569],
        )
        .tcp(
            "PBX to carrier by IPv6",
            at::PBX6,
            at::CARRIER6,
            &[5060, 5061],
        )
        .udp(
            "office to carrier",
            at::PAGE,
            at::CARRIER,
            &[5060, 5080, 4569],
        )
        .tcp("office to carrier", at::PAGE, at::CARRIER, &[5060, 5061])
}

/// DNS and time (F7), for the PBX in every setting.
pub fn to_dns() -> Probes {
    Probes::default()
        .udp("PBX to DNS", at::PBX, at::DNS, &[53, 123])
        .tcp("PBX to DNS", at::PBX, at::DNS, &[53])
}

/// TCP anywhere (F7, `web`).
pub fn to_web() -> Probes {
    Probes::default()
        .tcp("PBX to web", at::PBX, at::CARRIER, &[25, 80, 443, 587])
        .tcp("PBX to web by IPv6", at::PBX6, at::CARRIER6, &[443])
}

/// Anything else (F7, `any`): another carrier's audio among it.
pub fn to_anything() -> Probes {
    Probes::default()
        .udp(
            "PBX to anything",
            at::PBX,
            at::CARRIER,
            &[443, 12_345, 20_000],
        )
        .udp("PBX to anything by IPv6", at::PBX6, at::CARRIER6, &[12_345])
        .echo("PBX to anything", at::PBX, at::CARRIER)
}

/// What is no PBX goes where it likes, but for F6.
pub fn office_out() -> Probes {
    Probes::default()
        .udp("office out", at::PAGE, at::CARRIER, &[443, 12_345])
        .tcp("office out", at::PAGE, at::CARRIER, &[443, 22])
        .echo("office out", at::PAGE, at::CARRIER)
}

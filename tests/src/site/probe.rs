//! Packets that are to arrive or not, sent in one go and looked for at the other end.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    Capture,
    packet::{self, Raw, mark},
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

    /// Sends all of them; what the capture has seen until now is forgotten.
    ///
    /// # Errors
    /// When one cannot be sent, or two have one name.
    pub fn send(&self, raw: &Raw, capture: &Capture) -> Result<()> {
        ensure!(
            self.names().len() == self.0.len(),
            "two attempts of one name"
        );
        capture.clear()?;
        (self.0.iter().flat_map(|probe| &probe.packets)).try_for_each(|packet| raw.send(packet))
    }

    /// The names of those that have come out where the capture listens.
    ///
    /// # Errors
    /// When the capture stands still.
    pub fn came(&self, capture: &Capture) -> Result<BTreeSet<String>> {
        capture.settle()?;
        let all = self.names().into_iter();
        Ok(all.filter(|name| capture.has(name)).collect())
    }

    /// Sends all of them; the names of those that came out where the capture listens.
    ///
    /// # Errors
    /// When one cannot be sent, or two have one name.
    pub fn arrived(&self, raw: &Raw, capture: &Capture) -> Result<BTreeSet<String>> {
        self.send(raw, capture)?;
        self.came(capture)
    }

    /// Checks that all of them arrive, within a few seconds: a box may be an emulated machine.
    ///
    /// # Errors
    /// When one does not.
    pub fn all_arrive(&self, raw: &Raw, capture: &Capture) -> Result<()> {
        self.send(raw, capture)?;
        let started = Instant::now();
        loop {
            let came = self.came(capture)?;
            let lost: Vec<String> = self.names().difference(&came).cloned().collect();
            if lost.is_empty() {
                return Ok(());
            }
            ensure!(
                started.elapsed() < Duration::from_secs(5),
                "these did not arrive: {lost:#?}"
            );
        }
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

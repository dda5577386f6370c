//! Which TCP ports of the box can somebody connect to?

use std::{collections::VecDeque, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use libc::{ECONNREFUSED, EINPROGRESS};
use socket2::{Domain, Socket, Type};

use super::Stand;
use crate::site::{Place, at};

/// Connections that are tried at a time: fewer frames than wait in a tap.
const AT_ONCE: usize = 250;

/// What a scan found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Ports where the box took the connection.
    pub open: Vec<u16>,
    /// Ports where it said that nobody is there.
    pub refused: Vec<u16>,
}

/// Connects to all ports of the box from an address. No port is given up by a clock: the PBX asks after each
/// lot, and the box, which takes frames in their order, has seen the lot when it has answered.
///
/// # Errors
/// When the PBX is not answered, or a frame was lost on the way to the box.
pub fn scan(stand: &Stand<'_>, place: &Place, source: Ipv4Addr) -> Result<Found> {
    let pbx = stand.pbx()?;
    let lost = stand.lost_frames()?;
    let mut found = Found::default();
    let mut lots = VecDeque::new();
    let all: Vec<u16> = (1..=u16::MAX).collect();
    for (number, ports) in all.chunks(AT_ONCE).enumerate() {
        lots.push_back(place.within(|| tried(source, ports))?);
        stand.settled(&pbx, &format!("scan-{number}"))?;
        // An answer has a way back of its own: it has the time of another lot.
        if lots.len() > 1
            && let Some(lot) = lots.pop_front()
        {
            found.look(lot)?;
        }
    }
    stand.settled(&pbx, "scan-end")?;
    lots.into_iter().try_for_each(|lot| found.look(lot))?;
    let now = stand.lost_frames()?;
    ensure!(now == lost, "{} frames never reached the box", now - lost);
    Ok(found)
}

fn tried(source: Ipv4Addr, ports: &[u16]) -> Result<Vec<(u16, Socket)>> {
    let mut lot = Vec::with_capacity(ports.len());
    for port in ports {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.bind(&std::net::SocketAddr::from((source, 0)).into())?;
        match socket.connect(&std::net::SocketAddr::from((at::BOX, *port)).into()) {
            Ok(()) => {}
            Err(waits) if waits.raw_os_error() == Some(EINPROGRESS) => {}
            Err(problem) => return Err(problem).with_context(|| format!("port {port}")),
        }
        lot.push((*port, socket));
    }
    Ok(lot)
}

impl Found {
    fn look(&mut self, lot: Vec<(u16, Socket)>) -> Result<()> {
        for (port, socket) in lot {
            match socket.take_error()? {
                Some(problem) if problem.raw_os_error() == Some(ECONNREFUSED) => {
                    self.refused.push(port);
                }
                Some(problem) => bail!("port {port}: {problem}"),
                None if socket.peer_addr().is_ok() => self.open.push(port),
                None => {}
            }
        }
        Ok(())
    }
}

//! What reaches the box's own sockets.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use super::{Place, packet, packet::mark};

/// Ports that are open on the box while it is listened.
const UDP: [u16; 10] = [22, 53, 67, 5060, 5061, 8080, 68, 161, 4569, 5353];
/// The same for TCP.
const TCP: [u16; 7] = [5060, 5061, 8080, 22, 53, 80, 443];

/// Sockets at every address of the box.
pub struct Ears {
    udp: Vec<UdpSocket>,
    _tcp: Vec<TcpListener>,
}

/// One attempt to talk to the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// A datagram.
    Udp,
    /// A connection.
    Tcp,
}

/// Somebody who tries to reach the box from somewhere.
pub struct Knock<'a> {
    place: &'a Place,
    source: IpAddr,
    to: SocketAddr,
    how: Try,
}

impl<'a> Knock<'a> {
    /// By UDP.
    pub fn udp(
        place: &'a Place,
        source: impl Into<IpAddr>,
        to: impl Into<IpAddr>,
        port: u16,
    ) -> Knock<'a> {
        let (source, to) = (source.into(), SocketAddr::new(to.into(), port));
        let how = Try::Udp;
        Knock {
            place,
            source,
            to,
            how,
        }
    }

    /// By TCP.
    pub fn tcp(
        place: &'a Place,
        source: impl Into<IpAddr>,
        to: impl Into<IpAddr>,
        port: u16,
    ) -> Knock<'a> {
        let how = Try::Tcp;
        Knock {
            how,
            ..Knock::udp(place, source, to, port)
        }
    }

    /// In messages, and as the mark of its datagram.
    pub fn name(&self) -> String {
        format!("{} > {} {:?}", self.source, self.to, self.how).replace(':', ".")
    }
}

impl Ears {
    /// Opens the sockets on the box.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(gate: &Place) -> Result<Ears> {
        gate.within(|| {
            let udp = |port: &u16| {
                let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, *port))?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            };
            let tcp = |port: &u16| {
                TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).context("the box's TCP port")
            };
            Ok(Ears {
                udp: UDP.iter().map(udp).collect::<Result<_>>()?,
                _tcp: TCP.iter().map(tcp).collect::<Result<_>>()?,
            })
        })
    }

    /// Tries all of them at the same time; the names of those that got through.
    ///
    /// # Errors
    /// When one cannot be sent.
    pub fn hear(&self, knocks: &[Knock<'_>]) -> Result<BTreeSet<String>> {
        self.marks();
        let mut connections = Vec::new();
        for knock in knocks {
            let kind = match knock.how {
                Try::Udp => Type::DGRAM,
                Try::Tcp => Type::STREAM,
            };
            let domain = Domain::for_address(knock.to);
            let socket = knock
                .place
                .within(|| Ok(Socket::new(domain, kind, None)?))?;
            socket.bind(&SocketAddr::new(knock.source, 0).into())?;
            socket.set_nonblocking(true)?;
            if knock.how == Try::Udp {
                socket.send_to(&mark(&knock.name(), 0), &knock.to.into())?;
            } else {
                // It goes on in the background.
                let _ = socket.connect(&knock.to.into());
                connections.push((knock.name(), socket));
            }
        }
        thread::sleep(Duration::from_millis(400));
        let mut heard = self.marks();
        for (name, socket) in connections {
            if socket.peer_addr().is_ok() {
                heard.insert(name);
            }
        }
        Ok(heard)
    }

    /// The names in datagrams that came until now.
    pub fn marks(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut buffer = [0; 2_048];
        for socket in &self.udp {
            while let Ok(length) = socket.recv(&mut buffer) {
                names.extend(packet::marked(&buffer[..length]).map(|(name, _)| name));
            }
        }
        names
    }
}

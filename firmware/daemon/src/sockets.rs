//! Where SIP is answered: sockets from systemd, which outlive the daemon, or our own.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::fd::{FromRawFd, OwnedFd},
};

use crate::page::Places;
use anyhow::Context;
use nix::sys::socket::{SockType, getsockopt, sockopt};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Datagrams that may wait while the thread is busy: half a second of a flood.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The sockets of one run.
pub struct Sockets {
    /// SIP over UDP.
    pub udp: UdpSocket,
    /// SIP over TCP.
    pub tcp: TcpListener,
    /// SIP over TLS.
    pub tls: Option<TcpListener>,
}

/// Takes what systemd hands over; binds what it does not.
///
/// # Errors
/// An address that cannot be bound, with the remedy.
pub fn open(sip: SocketAddr, sips: Option<SocketAddr>) -> anyhow::Result<Sockets> {
    let (mut udp, mut tcp, mut tls) = (None, None, None);
    for (fd, name) in inherited()? {
        let datagram = getsockopt(&fd, sockopt::SockType).ok() == Some(SockType::Datagram);
        match (name.as_str(), datagram) {
            ("sip", true) => udp = Some(UdpSocket::from(fd)),
            ("sip", false) => tcp = Some(TcpListener::from(fd)),
            ("sips", false) => tls = Some(TcpListener::from(fd)),
            (other, _) => tracing::warn!(
                name = other,
                "a socket from systemd is not known here and is closed"
            ),
        }
    }
    let udp = match udp {
        Some(udp) => udp,
        None => bind_udp(sip)?,
    };
    // Where port 0 was asked for, TCP follows UDP.
    let sip = SocketAddr::new(sip.ip(), udp.local_addr()?.port());
    let tcp = match tcp {
        Some(tcp) => tcp,
        None => bind_tcp(sip)?,
    };
    let tls = match (tls, sips) {
        (Some(tls), _) => Some(tls),
        (None, Some(sips)) => Some(bind_tcp(sips)?),
        (None, None) => None,
    };
    for listener in [Some(&tcp), tls.as_ref()].into_iter().flatten() {
        listener.set_nonblocking(true)?;
    }
    Ok(Sockets { udp, tcp, tls })
}

/// Where the page is served: what systemd hands over by the names `page` and `page-plain`, else these addresses.
///
/// # Errors
/// An address that cannot be bound, with the remedy.
pub fn page(web: SocketAddr, plain: Option<SocketAddr>) -> anyhow::Result<Places> {
    let (mut taken, mut taken_plain) = (None, None);
    for (fd, name) in inherited()? {
        match name.as_str() {
            "page" => taken = Some(TcpListener::from(fd)),
            "page-plain" => taken_plain = Some(TcpListener::from(fd)),
            other => tracing::warn!(
                name = other,
                "a socket from systemd is not known here and is closed"
            ),
        }
    }
    Ok(Places {
        web: match taken {
            Some(web) => web,
            None => bind_page(web)?,
        },
        plain: match (taken_plain, plain) {
            (Some(plain), _) => Some(plain),
            (None, Some(plain)) => Some(bind_page(plain)?),
            (None, None) => None,
        },
    })
}

/// A port for the page.
///
/// # Errors
/// An address that cannot be bound, with the remedy.
pub fn bind_page(at: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(at).with_context(|| {
        format!("{at} cannot be bound for the page; choose another with --web ADDR:PORT")
    })
}

/// What systemd hands over, with the names that the units give it.
///
/// # Errors
/// Variables of the environment that are not systemd's.
pub fn inherited() -> anyhow::Result<Vec<(OwnedFd, String)>> {
    let fds =
        sd_notify::listen_fds_with_names().context("systemd's sockets cannot be taken over")?;
    Ok(fds
        .map(|(fd, name)| {
            // SAFETY: systemd hands each descriptor over once, and listen_fds_with_names takes the
            // variables away, so nobody else will own it.
            (unsafe { OwnedFd::from_raw_fd(fd) }, name)
        })
        .collect())
}

fn bind_udp(address: SocketAddr) -> anyhow::Result<UdpSocket> {
    let socket = new(address, Type::DGRAM, Protocol::UDP).and_then(|socket| {
        socket.bind(&address.into())?;
        Ok(socket)
    });
    let socket = socket.with_context(|| remedy(address, "UDP"))?;
    // The kernel cuts it to what it allows; less room only means earlier loss in a flood.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket.into())
}

fn bind_tcp(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| remedy(address, "TCP"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new(address, Type::STREAM, Protocol::TCP)?;
    // A restart must not wait for connections of the run before.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

fn new(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // [::] answers IPv4 too.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

fn remedy(address: SocketAddr, transport: &str) -> String {
    format!(
        "{address} ({transport}) cannot be bound; is another SIP server running here? Choose another with --sip ADDR:PORT"
    )
}

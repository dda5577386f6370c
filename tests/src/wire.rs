//! A client that is a script: it speaks SIP to the box directly, over UDP or TCP.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Socket, Type};

use crate::sip::Message;

/// An INVITE as a small PBX sends it.
pub fn invite(from: SocketAddr, transport: &str, number: &str, call: &str) -> String {
    request("INVITE", from, transport, number, call, "", "")
}

/// A request without a body. `tag` goes on To; `more` are further header lines.
pub fn request(
    method: &str,
    from: SocketAddr,
    transport: &str,
    number: &str,
    call: &str,
    tag: &str,
    more: &str,
) -> String {
    format!(
        "{method} sip:{number}@127.0.0.20 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bK-{call};rport\r\n\
         From: <sip:1001@{ip}>;tag=f-{call}\r\nTo: <sip:{number}@127.0.0.20>{tag}\r\nCall-ID: {call}@{ip}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:1001@{from}>\r\nMax-Forwards: 70\r\nUser-Agent: script\r\n{more}\
         Content-Length: 0\r\n\r\n",
        ip = from.ip()
    )
}

/// A UDP socket that sends to the box.
pub struct Udp {
    socket: UdpSocket,
    /// Its own address.
    pub here: SocketAddr,
}

impl Udp {
    /// A socket at an address, any port.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn at(address: Ipv4Addr, target: SocketAddr) -> Result<Udp> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(target)?;
        let here = socket.local_addr()?;
        Ok(Udp { socket, here })
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn send(&self, text: &str) -> Result<()> {
        match self.socket.send(text.as_bytes()) {
            // The ICMP error of an earlier datagram.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                self.socket.send(text.as_bytes()).map(drop)
            }
            other => other.map(drop),
        }
        .context("send")
    }

    /// The next message, or `None` after `wait`.
    ///
    /// # Errors
    /// When something else than SIP comes.
    pub fn receive(&self, wait: Duration) -> Result<Option<Message>> {
        self.socket.set_read_timeout(Some(wait))?;
        let mut buffer = vec![0; 65_536];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Ok(Some(Message::read(&buffer[..length]).context("not SIP")?)),
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Asks about a number with a fresh INVITE, acknowledges, and returns the final answer.
    ///
    /// # Errors
    /// When there is none within 5 s.
    pub fn ask(&self, number: &str, call: &str) -> Result<Message> {
        let answer = self
            .ask_for(number, call, Duration::from_secs(5))?
            .context("no final answer within 5 s")?;
        let tag = answer
            .parameter("To", "tag")
            .map(|t| format!(";tag={t}"))
            .unwrap_or_default();
        self.send(&request("ACK", self.here, "UDP", number, call, &tag, ""))?;
        Ok(answer)
    }

    /// Asks about a number, again after 0.5, 1.5 and 3.5 s as RFC 3261 17.1.1.2 says; the final
    /// answer, or `None` after `wait`.
    ///
    /// # Errors
    /// When something else than SIP comes.
    pub fn ask_for(&self, number: &str, call: &str, wait: Duration) -> Result<Option<Message>> {
        let text = invite(self.here, "UDP", number, call);
        let until = Instant::now() + wait;
        let id = format!("{call}@{}", self.here.ip());
        let mut pause = Duration::from_millis(500);
        while Instant::now() < until {
            self.send(&text)?;
            let again = until.min(Instant::now() + pause);
            pause *= 2;
            while let Some(left) = again
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
            {
                if let Some(message) = self.receive(left)?
                    && message.header("Call-ID") == id
                    && message.status().is_some_and(|status| status >= 200)
                {
                    return Ok(Some(message));
                }
            }
        }
        Ok(None)
    }
}

/// A TCP connection to the box.
pub struct Tcp {
    stream: TcpStream,
    read: Vec<u8>,
    /// Its own address.
    pub here: SocketAddr,
}

impl Tcp {
    /// Connects from an address.
    ///
    /// # Errors
    /// When the box does not take the connection within 2 s.
    pub fn from(address: Ipv4Addr, target: SocketAddr) -> Result<Tcp> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((address, 0)).into())?;
        socket.connect_timeout(&target.into(), Duration::from_secs(2))?;
        let stream = TcpStream::from(socket);
        let here = stream.local_addr()?;
        Ok(Tcp {
            stream,
            read: Vec::new(),
            here,
        })
    }

    /// Sends octets.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("send")
    }

    /// Waits so long for the box to close the connection; did it?
    ///
    /// # Errors
    /// When it says something instead.
    pub fn closed(&mut self, wait: Duration) -> Result<bool> {
        self.stream.set_read_timeout(Some(wait))?;
        match self.stream.read(&mut [0; 64]) {
            Ok(0) => Ok(true),
            Ok(_) => bail!("the box answered; nothing was asked yet"),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Ok(true),
            Err(e) => Err(e.into()),
        }
    }

    /// The next message, or `None` when the box has closed the connection.
    ///
    /// # Errors
    /// When `wait` passes before either.
    pub fn receive(&mut self, wait: Duration) -> Result<Option<Message>> {
        let until = Instant::now() + wait;
        loop {
            if let Some(end) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return Ok(Some(Message::read(&head).context("not SIP")?));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("nothing came within {wait:?}");
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(e) => return Err(e.into()),
            }
        }
    }
}

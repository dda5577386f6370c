//! How messages travel: a datagram each (RFC 5426), or counted octets (RFC 6587 3.4.1), encrypted or not (RFC 5425).

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use trunkguard_core::policy::{Fingerprint, Host, Syslog, Transport};

/// For a connection to come about, and for a message to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of a server that are tried.
const MOST_ADDRESSES: usize = 4;
/// The authorities that the system trusts (Debian's ca-certificates).
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where the messages go, for people; `None` where no server is named.
pub fn server(settings: &Syslog) -> Option<String> {
    let transport = match settings.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    };
    let server = settings.server.as_ref()?;
    let server = server.as_str();
    let port = settings.port();
    Some(match server.contains(':') {
        true => format!("[{server}]:{port} by {transport}"),
        false => format!("{server}:{port} by {transport}"),
    })
}

/// A way to the server.
pub enum Link {
    /// By datagrams.
    Udp(UdpSocket),
    /// By a connection.
    Tcp(TcpStream),
    /// By an encrypted one.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Link {
    /// Opens one.
    ///
    /// # Errors
    /// A name that DNS does not know, a server that is not there, a certificate that is not the one that was named.
    pub fn open(settings: &Syslog) -> io::Result<Link> {
        let server = settings
            .server
            .as_ref()
            .ok_or_else(|| io::Error::other("no server is named"))?;
        let addresses = (server.as_str(), settings.port()).to_socket_addrs()?;
        let mut last = io::Error::other("the name has no address");
        for address in addresses.take(MOST_ADDRESSES) {
            match Link::to(address, server, settings) {
                Ok(link) => return Ok(link),
                Err(problem) => last = problem,
            }
        }
        Err(last)
    }

    fn to(address: SocketAddr, server: &Host, settings: &Syslog) -> io::Result<Link> {
        if settings.transport == Transport::Udp {
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let socket = UdpSocket::bind(any)?;
            socket.connect(address)?;
            return Ok(Link::Udp(socket));
        }
        let tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        if settings.transport == Transport::Tcp {
            return Ok(Link::Tcp(tcp));
        }
        let name = ServerName::try_from(server.as_str().to_owned()).map_err(io::Error::other)?;
        let config = client(settings.fingerprint)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Link::Tls(Box::new(stream)))
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the server has gone. What it had been given a moment before may be lost with it: neither RFC has a receipt.
    pub fn send(&mut self, message: &str) -> io::Result<()> {
        match self {
            Link::Udp(socket) => socket.send(message.as_bytes()).map(drop),
            Link::Tcp(tcp) => {
                tcp.set_nonblocking(true)?;
                let heard = tcp.peek(&mut [0]);
                tcp.set_nonblocking(false)?;
                is_there(heard)?;
                tcp.write_all(framed(message).as_bytes())
            }
            Link::Tls(stream) => {
                stream.sock.set_nonblocking(true)?;
                let heard = stream.conn.read_tls(&mut stream.sock);
                stream.sock.set_nonblocking(false)?;
                is_there(heard)?;
                let state = stream
                    .conn
                    .process_new_packets()
                    .map_err(io::Error::other)?;
                if state.peer_has_closed() {
                    return Err(gone());
                }
                stream.write_all(framed(message).as_bytes())?;
                stream.flush()
            }
        }
    }
}

/// Octet counting (RFC 6587 3.4.1, RFC 5425 4.3).
fn framed(message: &str) -> String {
    format!("{} {message}", message.len())
}

/// Nothing to read is what a server that listens looks like; an end is what one looks like that has gone.
fn is_there(heard: io::Result<usize>) -> io::Result<()> {
    match heard {
        Ok(0) => Err(gone()),
        Ok(_) => Ok(()),
        Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(problem) => Err(problem),
    }
}

fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionReset,
        "it has closed the connection",
    )
}

/// Believes the certificate that was named, or those of the system's authorities.
fn client(fingerprint: Option<Fingerprint>) -> io::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let Some(fingerprint) = fingerprint else {
        return Ok(builder
            .with_root_certificates(authorities()?)
            .with_no_client_auth());
    };
    let named = Named {
        fingerprint,
        provider,
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(named))
        .with_no_client_auth())
}

fn authorities() -> io::Result<RootCertStore> {
    let missing = |why: &dyn std::fmt::Display| {
        io::Error::other(format!(
            "{AUTHORITIES} cannot be read ({why}); name the certificate by syslog.fingerprint"
        ))
    };
    let certificates = CertificateDer::pem_file_iter(AUTHORITIES).map_err(|e| missing(&e))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.flatten());
    if roots.is_empty() {
        return Err(missing(&"there is no authority in it"));
    }
    Ok(roots)
}

/// Knows a server by the SHA-256 of its certificate (RFC 5425 4.2.2). That it has the key, its signature proves.
#[derive(Debug)]
struct Named {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(certificate).as_slice() == self.fingerprint.octets() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_preceded_by_its_octets() {
        assert_eq!(framed("<6>1 é"), "7 <6>1 é");
    }

    #[test]
    fn the_server_is_shown_with_its_port() {
        let of = |server: &str, transport| {
            let settings = Syslog {
                server: Some(Host::parse(server).unwrap()),
                transport,
                ..Syslog::default()
            };
            super::server(&settings).unwrap()
        };
        assert_eq!(
            of("logs.example.net", Transport::Tls),
            "logs.example.net:6514 by TLS"
        );
        assert_eq!(
            of("2001:db8::7", Transport::Udp),
            "[2001:db8::7]:514 by UDP"
        );
        assert_eq!(super::server(&Syslog::default()), None);
    }
}

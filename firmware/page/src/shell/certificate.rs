//! What the page proves itself with, and what is written in it.

mod x509;

use std::{net::IpAddr, sync::Arc};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

/// Both in PEM form.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, and those that lead to its root.
    pub chain: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
}

/// What is written in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Host names, in small letters (RFC 5280 4.2.1.6, dNSName).
    pub names: Vec<String>,
    /// Addresses (iPAddress).
    pub addresses: Vec<IpAddr>,
    /// When it ends, in seconds since 1970 (RFC 5280 4.1.2.5).
    pub until_s: i64,
    /// Its issuer is itself.
    pub self_made: bool,
    /// SHA-256 of it, `AB:CD:…`.
    pub fingerprint: String,
}

/// What is written in one, in DER form; `None` where it is none.
pub fn facts_of(der: &[u8]) -> Option<Facts> {
    let written = x509::read(der)?;
    let octets = Sha256::digest(der);
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    Some(Facts {
        names: written.names,
        addresses: written.addresses,
        until_s: written.until_s,
        self_made: written.self_made,
        fingerprint: octets.join(":"),
    })
}

/// What connections are accepted with.
pub(super) struct Served {
    pub acceptor: TlsAcceptor,
    pub facts: Facts,
}

impl Certificate {
    /// What is written in it.
    ///
    /// # Errors
    /// When it is none.
    pub fn facts(&self) -> Result<Facts, String> {
        let der = CertificateDer::from_pem_slice(&self.chain)
            .map_err(|problem| format!("this is no certificate in PEM form: {problem}"))?;
        facts_of(&der).ok_or_else(|| {
            "this is no certificate that can be read (X.509, with a validity)".into()
        })
    }

    /// What accepts connections with it.
    ///
    /// # Errors
    /// When one of the two is none, or they do not belong together.
    pub(super) fn served(&self) -> Result<Served, String> {
        let facts = self.facts()?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .map_err(|problem| format!("the page's certificate cannot be read: {problem}"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|problem| {
            format!("this is no private key in PEM form without a password: {problem}")
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|problem| format!("certificate and key do not belong together: {problem}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Served {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            facts,
        })
    }

    /// Can the page be served with it?
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<Facts, String> {
        self.served().map(|served| served.facts)
    }
}

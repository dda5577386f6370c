use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

/// What the page proves itself with: both in PEM form.
pub struct Certificate {
    /// The certificate, and those that lead to its root.
    pub chain: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
}

impl Certificate {
    /// What accepts connections with it.
    ///
    /// # Errors
    /// When one of the two is none, or they do not fit.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .map_err(|problem| format!("the page's certificate cannot be read: {problem}"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|problem| format!("the page's key cannot be read: {problem}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|problem| format!("the page's certificate and key do not fit: {problem}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

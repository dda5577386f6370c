//! The box's own certificates, for SIP over TLS and for the page: made at the first start, shown by their fingerprints.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

/// What TLS connections are accepted with.
pub struct Tls {
    /// Accepts connections.
    pub acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, `AB:CD:…`, for whoever pins it.
    pub fingerprint: String,
}

/// A certificate with its key, both in PEM form.
pub struct Pair {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// SHA-256 of the certificate, `AB:CD:…`.
    pub fingerprint: String,
}

/// Loads `NAME.crt` and `NAME.key` from the state directory, or makes them.
///
/// # Errors
/// Files that cannot be read or written, with their path.
pub fn pair(state: &Path, name: &str) -> anyhow::Result<Pair> {
    let (certificate_path, key_path) = paths(state, name);
    match (certificate_path.exists(), key_path.exists()) {
        (true, true) => {}
        (false, false) => make(&certificate_path, &key_path)?,
        _ => bail!(
            "{} and {} belong together, and one is missing; remove the other to have both made anew",
            certificate_path.display(),
            key_path.display()
        ),
    }
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("{}: cannot be read", path.display()));
    let (certificate, key) = (read(&certificate_path)?, read(&key_path)?);
    let der = CertificateDer::from_pem_slice(&certificate).with_context(|| {
        format!(
            "{}: not a certificate in PEM form",
            certificate_path.display()
        )
    })?;
    let fingerprint = Sha256::digest(&der)
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect::<Vec<_>>()
        .join(":");
    Ok(Pair {
        certificate,
        key,
        fingerprint,
    })
}

fn paths(state: &Path, name: &str) -> (PathBuf, PathBuf) {
    (
        state.join(format!("{name}.crt")),
        state.join(format!("{name}.key")),
    )
}

/// Is this a certificate with its key, both in PEM form?
///
/// # Errors
/// What is wrong with them.
pub fn fits(chain: &[u8], key: &[u8]) -> anyhow::Result<()> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .context("not a certificate in PEM form")?;
    let key = PrivateKeyDer::from_pem_slice(key).context("not a private key in PEM form")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the key does not fit the certificate")?;
    Ok(())
}

/// What SIP over TLS is accepted with.
///
/// # Errors
/// As [`pair`]; and what does not fit.
pub fn load(state: &Path) -> anyhow::Result<Tls> {
    let pair = pair(state, "sips")?;
    let (certificate_path, key_path) = paths(state, "sips");
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pair.certificate)
        .collect::<Result<_, _>>()
        .with_context(|| {
            format!(
                "{}: not a certificate in PEM form",
                certificate_path.display()
            )
        })?;
    let key = PrivateKeyDer::from_pem_slice(&pair.key)
        .with_context(|| format!("{}: not a private key in PEM form", key_path.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| {
            format!(
                "{} does not fit {}",
                key_path.display(),
                certificate_path.display()
            )
        })?;
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        fingerprint: pair.fingerprint,
    })
}

/// Names by which this machine is called, in small letters: its host name, alone and in mDNS.
pub fn own_names() -> Vec<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().to_ascii_lowercase();
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Vec::new();
    }
    vec![format!("{host}.local"), host]
}

fn make(certificate_path: &Path, key_path: &Path) -> anyhow::Result<()> {
    let mut names = vec!["trunkguard".to_owned(), "localhost".to_owned()];
    names.extend(own_names());
    // A PBX that dials the box by its address can verify it too.
    let addresses = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|a| a.ip().to_string());
            v4.or_else(|| address.as_sockaddr_in6().map(|a| a.ip().to_string()))
        });
    names.extend(addresses.take(32));
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).context("a certificate cannot be made")?;
    // The key first: a certificate without its key is the state that is refused above.
    write(key_path, made.signing_key.serialize_pem().as_bytes(), 0o600)?;
    write(certificate_path, made.cert.pem().as_bytes(), 0o644)
}

/// Writes a file whole or not at all.
///
/// # Errors
/// With its path.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let context = || format!("{}: cannot be written", path.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&part)
        .with_context(context)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(context)?;
    fs::rename(&part, path).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_the_same_after_that() {
        let state = tempfile::tempdir().expect("a directory");
        let first = load(state.path()).expect("made");
        let second = load(state.path()).expect("loaded");
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(first.fingerprint.len(), 95);
        let mode = std::os::unix::fs::MetadataExt::mode(
            &fs::metadata(state.path().join("sips.key")).expect("a key"),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_lone_half_is_refused_with_the_remedy() {
        let state = tempfile::tempdir().expect("a directory");
        fs::write(state.path().join("sips.crt"), "x").expect("written");
        let problem = load(state.path()).err().expect("refused").to_string();
        assert!(problem.contains("remove the other"), "{problem}");
    }
}

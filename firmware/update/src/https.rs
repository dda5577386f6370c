//! The server: a folder of files by HTTPS. Nothing that it sends is believed because it came from there.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use ureq::{
    Agent, Body,
    http::Response,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    places::read,
    pointer::{self, Pointer},
};

const CONNECT: Duration = Duration::from_secs(15);
/// A pointer is there within so long.
const SHORT: Duration = Duration::from_secs(60);
/// Octets come within so long, or the connection is given up; what is here stays.
const SILENT: Duration = Duration::from_secs(60);
/// A bundle is here within so long. What is here of it then is gone on from the next time.
const WHOLE: Duration = Duration::from_secs(6 * 3_600);
const HEADERS: usize = 16 << 10;
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
const LONGEST_ROOTS: u64 = 4 << 20;

/// A server.
pub struct Server {
    agent: Agent,
    folder: String,
}

impl Server {
    /// At this address, which ends in a slash. `own_root` may hold the certificate of an authority of the image's maker.
    pub fn new(folder: &str, own_root: &Path) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(roots(own_root))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENT))
            .max_response_header_size(HEADERS)
            .user_agent(concat!("Trunkguard/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .into();
        Server {
            agent,
            folder: folder.to_owned(),
        }
    }

    /// The pointer, as it is.
    ///
    /// # Errors
    /// Why there is none.
    pub fn pointer(&self) -> Result<Vec<u8>, String> {
        let request = (self
            .agent
            .get(format!("{}{}", self.folder, pointer::FILE))
            .config())
        .timeout_global(Some(SHORT))
        .build();
        let answer = request.call().map_err(|e| self.failure(&e))?;
        if answer.status() != 200 {
            return Err(self.status(&answer, pointer::FILE));
        }
        let mut text = Vec::new();
        (answer.into_body().into_reader().take(pointer::LONGEST + 1))
            .read_to_end(&mut text)
            .map_err(|e| format!("{} breaks off within {} ({e})", self.folder, pointer::FILE))?;
        Ok(text)
    }

    /// Fetches the bundle to `path`, going on from what is there. Whole and of the right hash when this returns. `progress` is
    /// told how much is here, and answers whether to go on.
    ///
    /// # Errors
    /// Why it is not here; what came stays, for the next time, unless it is wrong.
    pub fn bundle(
        &self,
        pointer: &Pointer,
        path: &Path,
        mut progress: impl FnMut(u64) -> bool,
    ) -> Result<(), String> {
        let disk = |e: io::Error| {
            format!(
                "{}: {e}; free some space on the disk, or check the card",
                path.display()
            )
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(disk)?;
        let (mut hash, mut here) = hash(&mut file).map_err(disk)?;
        if here > pointer.size {
            (hash, here) = (Sha256::new(), 0);
            file.set_len(0).map_err(disk)?;
        }
        let address = format!("{}{}", self.folder, pointer.bundle);
        let until = Instant::now() + WHOLE;
        while here < pointer.size {
            let mut request = self
                .agent
                .get(&address)
                .config()
                .timeout_recv_body(Some(SILENT))
                .build();
            if here > 0 {
                request = request.header("Range", format!("bytes={here}-"));
            }
            let answer = request.call().map_err(|e| self.failure(&e))?;
            match answer.status().as_u16() {
                206 if here > 0 && begins_at(&answer, here) => {}
                // A server that knows nothing of ranges begins anew.
                200 => {
                    (hash, here) = (Sha256::new(), 0);
                    file.set_len(0).map_err(disk)?;
                }
                _ => return Err(self.status(&answer, &pointer.bundle)),
            }
            let before = here;
            let mut body = answer.into_body().into_reader();
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = match body.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                    Err(e) => {
                        let _ = file.sync_all();
                        return Err(format!(
                            "{address} breaks off after {here} octets ({e}); it is gone on from there the next time"
                        ));
                    }
                };
                if here + length as u64 > pointer.size {
                    let _ = file.set_len(0);
                    return Err(format!(
                        "{address} is longer than the {} octets that are signed",
                        pointer.size
                    ));
                }
                file.write_all(&buffer[..length]).map_err(disk)?;
                hash.update(&buffer[..length]);
                here += length as u64;
                if Instant::now() > until || !progress(here) {
                    let _ = file.sync_all();
                    return Err(format!(
                        "{address} was left at {here} octets; it is gone on from there the next time"
                    ));
                }
            }
            if here == before {
                return Err(format!(
                    "{address} ends after {here} octets of {}",
                    pointer.size
                ));
            }
        }
        file.sync_all().map_err(disk)?;
        if hash.finalize()[..] != pointer.sha256 {
            // Whatever is wrong with it, going on from it does not help.
            let _ = file.set_len(0);
            return Err(format!(
                "{address} is not what is signed (its SHA-256 is another one): it was damaged on the way or exchanged, and was thrown away"
            ));
        }
        Ok(())
    }

    fn status(&self, answer: &Response<Body>, what: &str) -> String {
        let status = answer.status().as_u16();
        let more = match status {
            300..=399 => {
                ", which leads elsewhere and is not followed: write the final address as update.url"
            }
            404 => ": it has no such file; look at update.url",
            416 => {
                ": its file ends before the octets that are signed; whoever looks after it has to put it there again"
            }
            _ => "",
        };
        format!("{}{what}: the server answers {status}{more}", self.folder)
    }

    fn failure(&self, error: &ureq::Error) -> String {
        let said: String = error
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let server = &self.folder;
        match error {
            ureq::Error::Timeout(_) => format!("no answer from {server} in time ({said})"),
            ureq::Error::HostNotFound => {
                format!("{server} has no address; look at update.url, and at the box's DNS")
            }
            _ if said.contains("certificate") => format!(
                "the certificate of {server} is not to be trusted ({said}); look at update.url and the box's clock"
            ),
            _ => format!("{server} cannot be talked to ({said})"),
        }
    }
}

fn begins_at(answer: &Response<Body>, here: u64) -> bool {
    let range = answer
        .headers()
        .get("content-range")
        .and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {here}-")))
}

/// What is here already.
fn hash(file: &mut File) -> io::Result<(Sha256, u64)> {
    let mut hash = Sha256::new();
    let length = io::copy(file, &mut HashWriter(&mut hash))?;
    Ok((hash, length))
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.update(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The authorities that the image's maker names; else the system's, where it has a list, else Mozilla's.
fn roots(own: &Path) -> RootCerts {
    let own = read(own, 64 * 1024);
    let pem = own.or_else(|| read(Path::new(SYSTEM_ROOTS), LONGEST_ROOTS));
    let certificates: Vec<Certificate<'static>> = (pem.iter())
        .flat_map(|pem| parse_pem(pem.as_bytes()))
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => RootCerts::WebPki,
        false => RootCerts::Specific(Arc::new(certificates)),
    }
}

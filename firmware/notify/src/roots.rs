//! Whose certificates are believed: the system's, where it has a list, else Mozilla's as it came with this
//! version.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// Names another list, as OpenSSL's own variable does.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Where Debian has it.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Octets of a list; Debian's has a quarter of a million.
const LONGEST: u64 = 4 << 20;

/// The certificates of the list as PEM; `None` where there is none, and Mozilla's are taken.
///
/// # Errors
/// When a list is named and cannot be read.
pub fn pem() -> Result<Option<Vec<u8>>, String> {
    match std::env::var_os(VARIABLE) {
        Some(path) => read(&PathBuf::from(path)).map(Some),
        None => Ok(read(Path::new(SYSTEM)).ok()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut pem))
        .map_err(|e| {
            format!(
                "{}: the list of certificates cannot be read ({e}); make it readable, or unset {VARIABLE}",
                path.display()
            )
        })?;
    Ok(pem)
}

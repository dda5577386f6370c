//! Backups: what goes into one, for the command line and for the page.

mod restore;
mod undo;

use std::{fs, path::Path, time::SystemTime};

use anyhow::Context;
use trunkguard_store::{
    backup::{About, Backup, BackupError, Certificate, copy_history},
    network,
    page_store::PageStore,
};

pub use restore::{What, restore};
pub use undo::{mend, watch};

use crate::page::certificate;

/// The page's certificate, where it is the owner's own.
const PAGE: &str = "page";
/// The page's certificate, where the box has made it: another box makes its own in its place.
const PAGE_MADE: &str = "page-made";
/// That of SIP over TLS.
const SIPS: &str = "sips";

/// What is to go into a backup beside policy, decisions and accounts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Certificates with their keys.
    pub certificates: bool,
    /// The history of calls.
    pub history: bool,
}

/// Gathers a backup.
///
/// # Errors
/// What of the state directory cannot be read.
pub fn make(state: &Path, wanted: Wanted) -> anyhow::Result<Backup> {
    let policy = crate::policy::definition(state)?;
    let pops = match network::read_only(state)? {
        Some(store) => store.pops()?.decisions,
        None => Vec::new(),
    };
    let (page, _) = PageStore::open(state)?;
    let history = match wanted.history {
        true => {
            // Without a daemon everything is written already.
            let _ = crate::control::ask::<bool>(state, &crate::control::Ask::Flush)?;
            copy_history(state)?
        }
        false => None,
    };
    Ok(Backup {
        about: About {
            made_ms: unix_ms(),
            host: crate::tls::own_names().pop().unwrap_or_default(),
            firmware: env!("CARGO_PKG_VERSION").into(),
        },
        policy,
        pops,
        accounts: page.accounts()?,
        certificates: match wanted.certificates {
            true => certificates(state)?,
            false => Vec::new(),
        },
        history,
    })
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Those there are. The page's is one file with both in it.
fn certificates(state: &Path) -> anyhow::Result<Vec<Certificate>> {
    let read = |file: &str| {
        let path = state.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(problem) => {
                Err(problem).with_context(|| format!("{}: cannot be read", path.display()))
            }
        }
    };
    let page = read(certificate::PAIR)?.map(|both| Certificate {
        name: if certificate::is_ours(state) {
            PAGE_MADE
        } else {
            PAGE
        }
        .into(),
        chain: both.clone(),
        key: both,
    });
    let sips = read("sips.crt")?.zip(read("sips.key")?);
    let sips = sips.map(|(chain, key)| Certificate {
        name: SIPS.into(),
        chain,
        key,
    });
    Ok(page.into_iter().chain(sips).collect())
}

/// Reads a file of a backup, not more than any has.
///
/// # Errors
/// A file that cannot be read, or is too large.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let wrong = || format!("{}: cannot be read", path.display());
    let most = trunkguard_store::backup::LARGEST as u64;
    let file = fs::File::open(path).with_context(wrong)?;
    let mut octets = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut octets)
        .with_context(wrong)?;
    match octets.len() as u64 > most {
        true => Err(BackupError::TooLarge.into()),
        false => Ok(octets),
    }
}

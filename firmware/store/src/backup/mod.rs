//! A backup: everything that a box needs to be the same box again, in one file under a password. It works on another box, and a
//! file that is wrong in any way changes nothing.

mod history;
mod seal;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};
use trunkguard_core::{policy::Definition, pops::owner::Decision};

pub use history::{
    copy as copy_history, keep_aside as keep_history_aside, put as put_history,
    take_back as take_history_back,
};

use crate::{file, page_store::StoredAccount};

/// Version of what is inside.
const FORMAT: u32 = 1;
/// Largest file, with a history in it.
pub const LARGEST: usize = 80 << 20;
/// Decisions on PoPs that a file may hold.
const MOST_DECISIONS: usize = 1_024;
/// Accounts that a file may hold.
const MOST_ACCOUNTS: usize = 64;
/// Certificates that a file may hold, and octets of each.
const MOST_CERTIFICATES: (usize, usize) = (4, 64 << 10);

/// What a backup holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// Where and when it was made.
    pub about: About,
    /// The policy, with its secrets.
    pub policy: Definition,
    /// What was decided on PoPs.
    pub pops: Vec<Decision>,
    /// Who may log in to the page; passwords only as hashes.
    pub accounts: Vec<StoredAccount>,
    /// Certificates with their keys, where that was asked for.
    pub certificates: Vec<Certificate>,
    /// The history of calls (a SQLite file), where that was asked for.
    pub history: Option<Vec<u8>>,
}

/// Where and when a backup was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Milliseconds since 1970.
    pub made_ms: i64,
    /// The box's host name.
    pub host: String,
    /// The firmware's version.
    pub firmware: String,
}

/// A certificate with its key, both in PEM form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What for: `page`, `sip`.
    pub name: String,
    /// The certificate, and those that lead to its root.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.name)
    }
}

/// Why a backup cannot be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// Some other file.
    #[error("this is no backup of a Trunkguard box; choose the file that a box made")]
    NotABackup,
    /// Of a form that this version does not know.
    #[error("this backup was made by a newer firmware (form {0}); update this box first")]
    Newer(u8),
    /// Its end is missing.
    #[error("the file is cut: its end is missing; copy it again from where it was made")]
    Cut,
    /// Something in it is another octet than it was.
    #[error("the file is damaged; copy it again from where it was made")]
    Damaged,
    /// The password does not fit.
    #[error("the password is not the one that this backup was made with")]
    Password,
    /// Too large.
    #[error("the file is larger than any backup ({} MiB)", LARGEST >> 20)]
    TooLarge,
    /// It opens, and what is inside cannot be taken.
    #[error("what is in the backup cannot be taken: {0}")]
    Contents(String),
    /// The machine or its disk.
    #[error("{0}")]
    Machine(String),
}

/// What is inside, in front of the history.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inside {
    format: u32,
    about: About,
    /// As a policy file, so that an older one is read as an older file is.
    policy: String,
    pops: Vec<Decision>,
    accounts: Vec<Account>,
    certificates: Vec<Certificate>,
    /// Octets of the history behind this; none where it is not in it.
    history: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    name: String,
    role: String,
    hash: String,
    totp: Option<String>,
}

impl Backup {
    /// The file, under this password. Takes a moment and 19 MiB.
    ///
    /// # Errors
    /// Where it would be larger than any file that is read, or the machine gives no memory.
    pub fn seal(&self, password: &str) -> Result<Vec<u8>, BackupError> {
        seal::seal(self.plain()?, password)
    }

    /// What is inside of the file, for who keeps it where the state itself lies.
    ///
    /// # Errors
    /// As [`Backup::seal`].
    pub fn plain(&self) -> Result<Vec<u8>, BackupError> {
        let accounts = self.accounts.iter().map(|account| Account {
            name: account.name.clone(),
            role: account.role.clone(),
            hash: account.hash.clone(),
            totp: account.totp.clone(),
        });
        let inside = Inside {
            format: FORMAT,
            about: self.about.clone(),
            policy: file::render(&self.policy),
            pops: self.pops.clone(),
            accounts: accounts.collect(),
            certificates: self.certificates.clone(),
            history: self.history.as_ref().map(|history| history.len() as u64),
        };
        let json = serde_json::to_vec(&inside).map_err(|e| BackupError::Machine(e.to_string()))?;
        let history = self.history.as_deref().unwrap_or_default();
        if json.len() + history.len() + (1 << 10) > LARGEST {
            return Err(BackupError::TooLarge);
        }
        let mut octets = Vec::with_capacity(4 + json.len() + history.len() + 16);
        octets.extend_from_slice(&(json.len() as u32).to_be_bytes());
        octets.extend_from_slice(&json);
        octets.extend_from_slice(history);
        Ok(octets)
    }

    /// Reads a file. Nothing is changed anywhere.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(file: &[u8], password: &str) -> Result<Backup, BackupError> {
        if file.len() > LARGEST {
            return Err(BackupError::TooLarge);
        }
        Backup::of_plain(&seal::open(file, password)?)
    }

    /// Reads what [`Backup::plain`] has written.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_plain(octets: &[u8]) -> Result<Backup, BackupError> {
        let (length, rest) = octets.split_first_chunk().ok_or(BackupError::Damaged)?;
        let (json, history) = usize::try_from(u32::from_be_bytes(*length))
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or(BackupError::Damaged)?;
        read(json, history)
    }
}

fn read(json: &[u8], history: &[u8]) -> Result<Backup, BackupError> {
    let wrong = |why: String| BackupError::Contents(why);
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(json).map_err(|e| wrong(e.to_string()))?;
    if format != FORMAT {
        return Err(wrong(format!(
            "it has format {format}, and this firmware reads {FORMAT}; update this box first"
        )));
    }
    let inside: Inside = serde_json::from_slice(json).map_err(|e| wrong(e.to_string()))?;
    if inside.history.unwrap_or(0) != history.len() as u64 {
        return Err(BackupError::Damaged);
    }
    let too_many = inside.pops.len() > MOST_DECISIONS
        || inside.accounts.len() > MOST_ACCOUNTS
        || inside.certificates.len() > MOST_CERTIFICATES.0
        || inside
            .certificates
            .iter()
            .any(|pem| pem.chain.len().max(pem.key.len()) > MOST_CERTIFICATES.1);
    if too_many {
        return Err(wrong("there is more in it than a box holds".into()));
    }
    let policy =
        file::parse_sent(&inside.policy, Path::new("policy")).map_err(|e| wrong(e.to_string()))?;
    let accounts = inside.accounts.into_iter().map(account);
    Ok(Backup {
        about: inside.about,
        policy,
        pops: inside.pops,
        accounts: accounts.collect::<Result<_, _>>()?,
        certificates: inside.certificates,
        history: inside.history.map(|_| history.to_vec()),
    })
}

fn account(account: Account) -> Result<StoredAccount, BackupError> {
    let is_sound = (1..=32).contains(&account.name.chars().count())
        && !account.name.chars().any(char::is_control)
        && account.hash.starts_with("$argon2id$")
        && account.hash.len() <= 512
        && account.role.len() <= 32
        && account.totp.as_ref().is_none_or(|totp| totp.len() <= 256);
    if !is_sound {
        return Err(BackupError::Contents(
            "an account in it is none of this page".into(),
        ));
    }
    Ok(StoredAccount {
        name: account.name,
        role: account.role,
        hash: account.hash,
        totp: account.totp,
    })
}

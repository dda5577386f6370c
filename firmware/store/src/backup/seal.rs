//! The sealed form: octets under a password (docs/decisions/backup-file.md).
//!
//! | octets | what |
//! |---|---|
//! | 18 | `Trunkguard backup` and a line feed |
//! | 1 | version of the form, 1 |
//! | 4, 4, 1 | argon2id's memory in KiB, passes, lanes |
//! | 16 | salt |
//! | 8 | check of the password: octets 32 to 39 of what argon2id gives |
//! | 12 | nonce |
//! | 8 | octets that follow |
//! | the rest | ChaCha20-Poly1305 (RFC 8439), key: octets 0 to 31; all of the above is authenticated with it |
//!
//! Numbers are big-endian.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{AeadInOut, Nonce},
};

use super::BackupError;

const MAGIC: &[u8; 18] = b"Trunkguard backup\n";
const VERSION: u8 = 1;
const SALT: usize = 16;
const CHECK: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Octets in front of what is sealed.
const HEAD: usize = MAGIC.len() + 1 + 4 + 4 + 1 + SALT + CHECK + NONCE + 8;

/// What turns a password into a key costs: memory in KiB, passes, lanes (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u8,
}

/// More passes than for a log-in, because whoever has the file may try for years.
const COST: Cost = Cost {
    memory: 19_456,
    passes: 4,
    lanes: 1,
};
/// A file that wants more is not of ours, and would take the box's memory.
const DEAREST: Cost = Cost {
    memory: 65_536,
    passes: 16,
    lanes: 4,
};

/// Seals these octets.
///
/// # Errors
/// Where there are no random numbers or no memory.
pub fn seal(mut octets: Vec<u8>, password: &str) -> Result<Vec<u8>, BackupError> {
    let mut random = [0; SALT + NONCE];
    getrandom::fill(&mut random)
        .map_err(|e| BackupError::Machine(format!("no random numbers: {e}")))?;
    let (salt, nonce) = random.split_at(SALT);
    let (key, check) = derive(password, salt, COST)?;
    let mut file = Vec::with_capacity(HEAD + octets.len() + TAG);
    file.extend_from_slice(MAGIC);
    file.push(VERSION);
    file.extend_from_slice(&COST.memory.to_be_bytes());
    file.extend_from_slice(&COST.passes.to_be_bytes());
    file.push(COST.lanes);
    file.extend_from_slice(salt);
    file.extend_from_slice(&check);
    file.extend_from_slice(nonce);
    file.extend_from_slice(&((octets.len() + TAG) as u64).to_be_bytes());
    let nonce = Nonce::<ChaCha20Poly1305>::try_from(nonce).map_err(|_| too_large())?;
    ChaCha20Poly1305::new(&key.into())
        .encrypt_in_place(&nonce, &file, &mut octets)
        .map_err(|_| too_large())?;
    file.append(&mut octets);
    Ok(file)
}

fn too_large() -> BackupError {
    BackupError::Machine("this is too much to be encrypted at once".into())
}

/// What was sealed.
///
/// # Errors
/// Whatever is not right with the file, or the password.
pub fn open(file: &[u8], password: &str) -> Result<Vec<u8>, BackupError> {
    let front = file.get(..MAGIC.len()).unwrap_or(file);
    if !MAGIC.starts_with(front) || file.is_empty() {
        return Err(BackupError::NotABackup);
    }
    match file.get(MAGIC.len()) {
        None => return Err(BackupError::Cut),
        Some(&VERSION) => {}
        Some(&version) => return Err(BackupError::Newer(version)),
    }
    let (head, sealed) = file.split_at_checked(HEAD).ok_or(BackupError::Cut)?;
    let mut fields = Fields(&head[MAGIC.len() + 1..]);
    let cost = Cost {
        memory: u32::from_be_bytes(fields.take()),
        passes: u32::from_be_bytes(fields.take()),
        lanes: u8::from_be_bytes(fields.take()),
    };
    let salt: [u8; SALT] = fields.take();
    let check: [u8; CHECK] = fields.take();
    let nonce: [u8; NONCE] = fields.take();
    let length = u64::from_be_bytes(fields.take());
    match u64::try_from(sealed.len()) {
        Ok(there) if there == length => {}
        Ok(there) if there < length => return Err(BackupError::Cut),
        _ => return Err(BackupError::Damaged),
    }
    if cost.memory > DEAREST.memory || cost.passes > DEAREST.passes || cost.lanes > DEAREST.lanes {
        return Err(BackupError::Damaged);
    }
    let (key, derived) = derive(password, &salt, cost)?;
    if derived != check {
        return Err(BackupError::Password);
    }
    let mut octets = sealed.to_vec();
    ChaCha20Poly1305::new(&key.into())
        .decrypt_in_place(&nonce.into(), head, &mut octets)
        .map_err(|_| BackupError::Damaged)?;
    Ok(octets)
}

/// The parts of a head, in order. It is as long as they are.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        if let Some((front, rest)) = self.0.split_at_checked(N) {
            field.copy_from_slice(front);
            self.0 = rest;
        }
        field
    }
}

fn derive(password: &str, salt: &[u8], cost: Cost) -> Result<([u8; 32], [u8; CHECK]), BackupError> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes.into(), None)
        .map_err(|_| BackupError::Damaged)?;
    let mut both = [0; 32 + CHECK];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut both)
        .map_err(|e| {
            BackupError::Machine(format!("the password cannot be turned into a key: {e}"))
        })?;
    let mut fields = Fields(&both);
    Ok((fields.take(), fields.take()))
}
